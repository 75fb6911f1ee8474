package session

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// cacheSize is how many decoded sessions a manager remembers at most.
const cacheSize = 4096

// decode returns the session of a record. If sessions can share a D, the last
// session that was decoded from the same record is returned again.
func (m *Manager[D]) decode(rec Record) (*Session[D], error) {
	slot := &m.cache[(int(rec.Key[30])<<8|int(rec.Key[31]))%cacheSize]
	if m.copyable {
		if s := slot.Load(); s != nil && s.rec == rec {
			return s, nil
		}
	}
	s := &Session[D]{rec: rec, deadline: m.deadline(&rec)}
	if err := json.Unmarshal([]byte(rec.Data), &s.data); err != nil {
		return nil, fmt.Errorf("session: decode data: %w", err)
	}
	if m.copyable {
		slot.Store(s)
	}
	return s, nil
}

func (m *Manager[D]) encode(d D) (string, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("session: encode data: %w", err)
	}
	if len(b) > m.maxData {
		return "", fmt.Errorf("session: %d bytes of data exceed MaxData, %d", len(b), m.maxData)
	}
	return string(b), nil
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
