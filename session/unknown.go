package session

import (
	"encoding"
	"encoding/json"
	"reflect"

	"github.com/go-guard/guard/internal/strictjson"
)

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// exact returns text without the members that its type does not declare in exactly
// this case, at any depth: encoding/json would take "ROLE" for a field "role".
func exact(text json.RawMessage, sh *strictjson.Shape) (json.RawMessage, error) {
	if sh == nil {
		return text, nil
	}
	var err error
	switch first(text) {
	case '{':
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			return nil, err
		}
		for name, value := range members {
			child, declared := sh.Member(name)
			if !declared {
				delete(members, name)
			} else if members[name], err = exact(value, child); err != nil {
				return nil, err
			}
		}
		return json.Marshal(members)
	case '[':
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, err
		}
		for i := range list {
			if list[i], err = exact(list[i], sh.Element()); err != nil {
				return nil, err
			}
		}
		return json.Marshal(list)
	}
	return text, nil
}

// withUnknown returns next with the members of old that its type does not declare, in
// each struct that both have: those of another version of the program. Members of maps
// that next does not have were removed, and lists are replaced. changed is false if
// there is nothing to add.
func withUnknown(old, next json.RawMessage, sh *strictjson.Shape) (text json.RawMessage, changed bool) {
	if sh == nil || sh.Marshals() || first(old) != '{' || first(next) != '{' {
		return next, false
	}
	var before, members map[string]json.RawMessage
	if json.Unmarshal(old, &before) != nil || json.Unmarshal(next, &members) != nil {
		return next, false
	}
	for name, value := range before {
		child, declared := sh.Member(name)
		written, present := members[name]
		switch {
		case !declared && !present:
			members[name], changed = value, true
		case declared && present:
			if merged, ok := withUnknown(value, written, child); ok {
				members[name], changed = merged, true
			}
		}
	}
	if !changed {
		return next, false
	}
	text, err := json.Marshal(members)
	if err != nil {
		return next, false
	}
	return text, true
}

// first returns the first byte of a value, 0 without one.
func first(text json.RawMessage) byte {
	for _, c := range text {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c
		}
	}
	return 0
}
