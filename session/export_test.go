package session

import (
	"reflect"
	"time"
)

// For the tests of tokens.
var (
	KeyOf    = keyOf
	NewToken = newToken
)

// IsCopyable is isCopyable of a D.
func IsCopyable[D any]() bool { return isCopyable(reflect.TypeFor[D]()) }

// A Codec converts between a D and JSON.
type Codec[D any] struct{ codec[D] }

func NewCodec[D any]() *Codec[D] {
	c := new(Codec[D])
	c.init()
	return c
}

// ByPlan decodes text without encoding/json; ok is false where that is not possible.
func (c *Codec[D]) ByPlan(text string) (data D, unknown, ok bool) {
	if c.plan == nil || c.plan.fields == nil {
		return data, false, false
	}
	var d decoder
	ok = d.decode(text, c.plan, reflect.ValueOf(&data).Elem())
	return data, d.unknown, ok
}

// Unmarshal decodes text either way.
func (c *Codec[D]) Unmarshal(text string) (data D, err error) {
	_, err = c.unmarshal(text, &data)
	return data, err
}

// ByJSON decodes text with encoding/json.
func (c *Codec[D]) ByJSON(text string) (data D, err error) {
	err = c.unmarshalAny(text, &data)
	return data, err
}

// WithUnknown returns next with the members of old that a D does not declare.
func (c *Codec[D]) WithUnknown(old, next string) string {
	text, _ := withUnknown([]byte(old), []byte(next), c.shape)
	return string(text)
}

// Turns is how many sessions are being updated.
func (m *Manager[D]) Turns() int {
	m.turns.mu.Lock()
	defer m.turns.mu.Unlock()
	return len(m.turns.queues)
}

// Steady returns a clock for the readings of a wall clock and a monotonic clock.
func Steady() func(wall, elapsed time.Duration) time.Duration { return new(clock).steady }
