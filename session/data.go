package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/internal/strictjson"
)

// cacheSize is how many decoded sessions a manager remembers at most.
const cacheSize = 4096

// A codec converts between a D and JSON.
type codec[D any] struct {
	plan     *plan             // nil if encoding/json reads a D
	shape    *strictjson.Shape // the names that a D declares
	decoders sync.Pool
}

// init prepares c, which is not copied.
func (c *codec[D]) init() {
	t := reflect.TypeFor[D]()
	if c.shape = strictjson.ShapeOf(t); t.Kind() == reflect.Struct {
		c.plan = planOf(t)
	}
	c.decoders.New = func() any { return new(decoder) }
}

// unmarshal reads text into data, which is the zero D. unknown is false if text has no
// member that D does not declare. The error shows nothing of text.
func (c *codec[D]) unmarshal(text string, data *D) (unknown bool, err error) {
	if c.plan != nil && c.plan.fields != nil {
		d := c.decoders.Get().(*decoder)
		ok, unknown := d.decode(text, c.plan, reflect.ValueOf(data).Elem()), d.unknown
		c.decoders.Put(d)
		if ok {
			return unknown, nil
		}
		*data = *new(D)
	}
	return true, c.unmarshalAny(text, data)
}

// unmarshalAny is unmarshal by encoding/json, for any D and JSON.
func (c *codec[D]) unmarshalAny(text string, data *D) (err error) {
	b := []byte(text)
	if c.shape != nil && !new(strictjson.Scanner).Read(b, c.shape, nil, strictjson.MaxMembers) {
		b, err = exact(b, c.shape)
	}
	if err == nil {
		err = json.Unmarshal(b, data)
	}
	if err == nil {
		return nil
	}
	*data = *new(D)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && mismatch.Field != "" {
		return fmt.Errorf("its data does not decode into %v: %s is no %v", reflect.TypeFor[D](), mismatch.Field, mismatch.Type)
	}
	return fmt.Errorf("its data does not decode into %v", reflect.TypeFor[D]())
}

// decode returns the session of a record. If sessions can share a D, the last
// session that was decoded from the same record is returned again. It is an error if
// the data cannot be decoded, as another version of the program wrote it.
func (m *Manager[D]) decode(rec Record) (*Session[D], error) {
	slot := &m.cache[(int(rec.Key[30])<<8|int(rec.Key[31]))%cacheSize]
	if m.copyable {
		if d := slot.Load(); d != nil && d.state.rec == rec {
			return &d.session, nil
		}
	}
	l, err := parseLogin(rec.Login)
	if err != nil {
		return nil, err
	}
	data, _, err := splitFlashes(rec.Data)
	if err != nil {
		return nil, err
	}
	d := m.newDecoded(rec, l)
	if _, err := m.codec.unmarshal(data, &d.state.data); err != nil {
		return nil, fmt.Errorf("session: %s: %w", rec.ID, err)
	}
	if m.copyable {
		slot.Store(d)
	}
	return &d.session, nil
}

// A decoded holds a Session and its state in one allocation.
type decoded[D any] struct {
	session Session[D]
	state   state[D]
}

// newDecoded returns the session of a record with a zero D.
func (m *Manager[D]) newDecoded(rec Record, l login) *decoded[D] {
	d := &decoded[D]{state: state[D]{rec: rec, login: l, deadline: m.deadline(&rec, &l), manager: m}}
	d.session.hidden = secret.New(&d.state)
	return d
}

// open is decode for a request. Data that cannot be decoded is our failure, and no
// reason to end the session: the version of the program that wrote it may still run.
func (m *Manager[D]) open(ctx context.Context, rec Record) (*Session[D], error) {
	s, err := m.decode(rec)
	if err == nil || !m.acceptUndecodable {
		return s, err
	}
	l, invalid := parseLogin(rec.Login)
	if invalid != nil {
		return nil, invalid
	}
	reportFailure(ctx, "decode", err)
	return &m.newDecoded(rec, l).session, nil
}

func (m *Manager[D]) encode(d D) (string, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("session: encode data: %w", err)
	}
	return m.withinLimit(b)
}

// encodeOver is encode with the members of old that D does not declare.
func (m *Manager[D]) encodeOver(old string, d D) (string, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("session: encode data: %w", err)
	}
	b, _ = withUnknown([]byte(old), b, m.codec.shape)
	return m.withinLimit(b)
}

func (m *Manager[D]) withinLimit(text []byte) (string, error) {
	if len(text) > m.maxData {
		return "", fmt.Errorf("session: %d bytes of data exceed MaxData, %d", len(text), m.maxData)
	}
	return string(text), nil
}

// isCopyable reports whether copies of a value of type t share no memory that
// can be changed.
func isCopyable(t reflect.Type) bool {
	if t == reflect.TypeFor[time.Time]() {
		return true // its Location is immutable
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if !isCopyable(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return isCopyable(t.Elem())
	}
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Complex128 && t.Kind() != reflect.Uintptr || t.Kind() == reflect.String
}
