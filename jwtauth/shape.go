package jwtauth

import (
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A shape is what encoding/json would look for in a value. It matches names
// without case, even by Unicode's folding ("iſs" is iss to it), so that a
// token's {"role":"user","ROLE":"admin"} is an admin's. Names that only fold
// to one of a shape are refused.
type shape struct {
	fields map[string]*shape // by exact name
	folded map[string]bool   // the same names, folded
	elem   *shape            // of a map or list
}

// member is the shape of the named member's value, nil where all goes. ok is
// false where the name folds to another.
func (sh *shape) member(name []byte) (child *shape, ok bool) {
	if sh == nil {
		return nil, true
	}
	if child, found := sh.fields[string(name)]; found {
		return child, true
	}
	if len(sh.folded) > 0 {
		var buf [32]byte
		if sh.folded[string(fold(buf[:0], name))] {
			return nil, false
		}
	}
	return sh.elem, true
}

func (sh *shape) element() *shape {
	if sh == nil {
		return nil
	}
	return sh.elem
}

// and is the shape with more names, for the registered members.
func (sh *shape) and(names ...string) *shape {
	c := &shape{fields: map[string]*shape{}, folded: map[string]bool{}}
	if sh != nil {
		c.elem = sh.elem
		maps.Copy(c.fields, sh.fields)
		maps.Copy(c.folded, sh.folded)
	}
	for _, name := range names {
		c.add(name, nil)
	}
	return c
}

func (sh *shape) add(name string, child *shape) {
	sh.fields[name] = child
	sh.folded[string(fold(nil, []byte(name)))] = true
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// shapeOf is the shape of a type, nil where encoding/json looks for no names.
// done holds the types met so far, for those that contain themselves.
func shapeOf(t reflect.Type, done map[reflect.Type]*shape) *shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if sh, ok := done[t]; ok {
		return sh
	}
	if p := reflect.PointerTo(t); p.Implements(unmarshaler) || p.Implements(textUnmarshaler) {
		return nil
	}
	switch t.Kind() {
	case reflect.Struct:
		sh := &shape{fields: map[string]*shape{}, folded: map[string]bool{}}
		done[t] = sh
		sh.struct_(t, done, map[reflect.Type]bool{})
		return sh
	case reflect.Map, reflect.Slice, reflect.Array:
		sh := &shape{}
		done[t] = sh
		sh.elem = shapeOf(t.Elem(), done)
		return sh
	}
	return nil
}

// struct_ adds the fields of a struct and of those embedded in it. Where two
// have one name it takes neither's side, as it only refuses more for it.
func (sh *shape) struct_(t reflect.Type, done map[reflect.Type]*shape, embedded map[reflect.Type]bool) {
	if embedded[t] {
		return
	}
	embedded[t] = true
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		name, _, _ := strings.Cut(tag, ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if f.Anonymous && name == "" && inner.Kind() == reflect.Struct {
			sh.struct_(inner, done, embedded)
			continue
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		sh.add(name, shapeOf(f.Type, done))
	}
}

// fold is the spelling that all names have which encoding/json takes for one:
// the least character of each one's Unicode folding orbit.
func fold(out, name []byte) []byte {
	for i := 0; i < len(name); {
		c := name[i]
		if c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			out = append(out, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(name[i:])
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				r = next
				break
			}
			r = next
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return out
}
