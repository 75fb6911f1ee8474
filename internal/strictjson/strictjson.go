// Package strictjson reads JSON that decides about access, where encoding/json is
// lenient.
//
// It refuses invalid UTF-8 and half surrogate pairs, which encoding/json
// replaces; a member that occurs twice, of which encoding/json takes the last; a
// member whose name differs from a field's in case only, which encoding/json
// takes for that field; and numbers beyond float64. Depth and the number of
// members are bounded.
//
// [Unmarshal] reads one object into a Go value. A [Scanner] calls back for each
// member and allocates nothing else.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// MaxDepth bounds how deep objects and arrays are nested.
const MaxDepth = 32

// MaxMembers bounds the members of what Unmarshal reads, at any depth.
const MaxMembers = 4096

// A Reason is why JSON is refused.
type Reason int

// The reasons. The zero Reason refuses nothing.
const (
	Syntax   Reason = iota + 1 // not JSON, or text that encoding/json would replace
	Trailing                   // something follows the object
	Depth                      // more than MaxDepth
	Members                    // more members than allowed
	Repeated                   // a member name occurs twice in one object
	Case                       // a member name differs from a field's in case only
	Type                       // a value is of another JSON type than its reader wants
	Rejected                   // by a Visitor
)

var reasons = [...]string{
	Syntax: "invalid JSON", Trailing: "more than one value", Depth: "nested too deep", Members: "too many members",
	Repeated: "a member name occurs twice", Case: "a member name differs from a known one in case only",
	Type: "a value is of the wrong type", Rejected: "a member is not allowed",
}

// An Error is a refusal. Its text quotes nothing of the data.
type Error struct {
	Reason Reason
	// Offset is the byte of the data at which it was noticed: the name's first
	// quote for Members, Repeated and Case, and the data's length where it ends
	// too early.
	Offset int
}

func (e Error) Error() string {
	if e.Reason <= 0 || int(e.Reason) >= len(reasons) {
		return "strictjson: no error"
	}
	return fmt.Sprintf("strictjson: byte %d: %s", e.Offset, reasons[e.Reason])
}

// Name returns the member name that a Members, Repeated or Case error of data is about.
func (e Error) Name(data []byte) string {
	s := Scanner{data: data, pos: e.Offset}
	return string(s.Text())
}

// Line returns the number of the line that holds the byte at offset, from 1.
func Line(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), len(data))], []byte("\n"))
}

// Unmarshal reads one JSON object into v, which is as for json.Unmarshal. It
// returns an [Error], or the error of an UnmarshalJSON that v contains.
//
// What an UnmarshalJSON or a json.RawMessage of v receives is strict, too, except
// that member names in it have no fields to be compared with. See [Unchecked].
func Unmarshal(data []byte, v any) error {
	return ShapeOf(reflect.TypeOf(v)).Unmarshal(data, v)
}

// Unmarshal is [Unmarshal] for a v of the type that sh is the shape of.
func (sh *Shape) Unmarshal(data []byte, v any) error {
	var s Scanner
	if !s.Read(data, sh, nil, MaxMembers) {
		return s.Err()
	}
	err := json.Unmarshal(data, v)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return Error{Type, int(mismatch.Offset)}
	}
	return err
}

// Unchecked holds the text of a value that need only be JSON, so that one bad
// element does not refuse a whole list. Read it by Unmarshal.
type Unchecked []byte

// UnmarshalJSON implements json.Unmarshaler.
func (u *Unchecked) UnmarshalJSON(text []byte) error {
	*u = bytes.Clone(text)
	return nil
}
