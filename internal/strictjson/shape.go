package strictjson

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// A Shape holds the member names that encoding/json looks for in a value. It
// matches them in any case, even by Unicode's folding ("iſs" is iss to it), so
// that {"role":"user","ROLE":"admin"} is an admin's. The names that match a
// shape's only by folding are refused. A nil Shape has no names.
type Shape struct {
	fields    map[string]*Shape // of a struct, by exact name
	folded    map[string]bool   // the same names, folded
	strings   map[string]int    // the indexes of the fields that are set as they are
	elem      *Shape            // of a map or list
	unchecked bool
	marshals  bool
}

// ShapeOf returns the shape of the values of a type, nil where encoding/json
// looks for no names in them.
func ShapeOf(t reflect.Type) *Shape {
	if t == nil {
		return nil
	}
	return shapeOf(t, map[reflect.Type]*Shape{})
}

// With returns sh with more names.
func (sh *Shape) With(names ...string) *Shape {
	c := &Shape{fields: map[string]*Shape{}, folded: map[string]bool{}}
	if sh != nil {
		c.elem = sh.elem
		maps.Copy(c.fields, sh.fields)
		maps.Copy(c.folded, sh.folded)
	}
	for _, name := range names {
		c.add(name, c.fields[name])
	}
	return c
}

// Exact returns sh for a reader of exact names, who hands no other member of the
// object itself to encoding/json: names that match by folding are unknown ones. The
// shapes of the values stay as they are.
func (sh *Shape) Exact() *Shape {
	if sh == nil {
		return nil
	}
	c := *sh
	c.folded = nil
	return &c
}

// IsStruct reports whether sh is the shape of a struct, whose members without a
// field are ignored.
func (sh *Shape) IsStruct() bool { return sh != nil && sh.fields != nil }

// HasField reports whether sh has exactly this name.
func (sh *Shape) HasField(name []byte) bool {
	if sh == nil {
		return false
	}
	_, ok := sh.fields[string(name)]
	return ok
}

// StringField returns the index of the field of exactly this name, if it is a
// string of the struct itself, which encoding/json sets to the text of a string.
func (sh *Shape) StringField(name []byte) (index int, ok bool) {
	if sh == nil {
		return 0, false
	}
	index, ok = sh.strings[string(name)]
	return index, ok
}

// Matches reports whether sh has this name in any case.
func (sh *Shape) Matches(name string) bool {
	return sh != nil && sh.folded[string(fold(nil, []byte(name)))]
}

// Member returns the shape of the value of the member of exactly this name. ok is
// false where a struct has no field for it.
func (sh *Shape) Member(name string) (child *Shape, ok bool) {
	if !sh.IsStruct() {
		return sh.Element(), true
	}
	child, ok = sh.fields[name]
	return child, ok
}

// Element returns the shape of the elements of a map or list.
func (sh *Shape) Element() *Shape {
	if sh == nil {
		return nil
	}
	return sh.elem
}

// Marshals reports whether sh is the shape of a struct that writes its JSON itself,
// which may have other names than its fields.
func (sh *Shape) Marshals() bool { return sh != nil && sh.marshals }

// member returns the shape of the named member's value. ok is false where the
// name matches another in a different case.
func (sh *Shape) member(name []byte) (child *Shape, ok bool) {
	if sh == nil {
		return nil, true
	}
	if child, ok := sh.fields[string(name)]; ok {
		return child, true
	}
	if len(sh.folded) > 0 {
		var stackBuffer [32]byte
		if sh.folded[string(fold(stackBuffer[:0], name))] {
			return nil, false
		}
	}
	return sh.elem, true
}

func (sh *Shape) add(name string, child *Shape) {
	sh.fields[name] = child
	sh.folded[string(fold(nil, []byte(name)))] = true
}

var (
	marshaler       = reflect.TypeFor[json.Marshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	unchecked       = reflect.TypeFor[Unchecked]()
	stringType      = reflect.TypeFor[string]()
)

// shapeOf is ShapeOf with the types met so far, for those that contain
// themselves.
func shapeOf(t reflect.Type, done map[reflect.Type]*Shape) *Shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if sh, ok := done[t]; ok {
		return sh
	}
	if t == unchecked {
		return &Shape{unchecked: true}
	}
	p := reflect.PointerTo(t)
	if p.Implements(unmarshaler) || p.Implements(textUnmarshaler) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		sh := &Shape{fields: map[string]*Shape{}, folded: map[string]bool{}, strings: map[string]int{}}
		sh.marshals = p.Implements(marshaler) || p.Implements(textMarshaler)
		done[t] = sh
		for name, f := range fieldsOf(t) {
			sh.add(name, shapeOf(f.Type, done))
			if _, options, _ := strings.Cut(f.Tag.Get("json"), ","); f.depth == 0 && f.Type == stringType && !strings.Contains(options, "string") {
				sh.strings[name] = f.Index[0]
			}
		}
		return sh
	case reflect.Map, reflect.Slice, reflect.Array:
		sh := &Shape{}
		done[t] = sh
		sh.elem = shapeOf(t.Elem(), done)
		return sh
	}
	return nil
}
