package session

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// cached is how many decoded sessions a manager remembers at most.
const cached = 4096

// snapshot is rec decoded. Where a D can be shared, the last snapshot of the
// same record is taken: it differs in nothing, and a request costs no decoding.
func (m *Manager[D]) snapshot(rec Record) (*Session[D], error) {
	slot := &m.cache[(int(rec.Key[30])<<8|int(rec.Key[31]))%cached]
	if m.flat {
		if s := slot.Load(); s != nil && s.rec == rec {
			return s, nil
		}
	}
	s := &Session[D]{rec: rec, deadline: m.deadline(&rec)}
	if err := json.Unmarshal([]byte(rec.Data), &s.data); err != nil {
		return nil, fmt.Errorf("session: data does not return from JSON: %w", err)
	}
	if m.flat {
		slot.Store(s)
	}
	return s, nil
}

func (m *Manager[D]) encode(d D) (string, error) {
	b, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("session: data: %w", err)
	}
	if len(b) > m.maxData {
		return "", fmt.Errorf("session: %d bytes of data are more than MaxData, %d", len(b), m.maxData)
	}
	return string(b), nil
}

// isFlat reports whether copies of a D share no memory that could be changed.
func isFlat[D any]() bool { return flat(reflect.TypeFor[D]()) }

func flat(t reflect.Type) bool {
	if t == reflect.TypeFor[time.Time]() {
		return true // its Location is immutable
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if !flat(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return flat(t.Elem())
	}
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Complex128 && t.Kind() != reflect.Uintptr || t.Kind() == reflect.String
}
