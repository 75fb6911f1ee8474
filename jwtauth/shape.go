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
		c.add(name, c.fields[name]) // a C may have a scope, too
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
		for name, f := range fieldsOf(t) {
			sh.add(name, shapeOf(f.typ, done))
		}
		return sh
	case reflect.Map, reflect.Slice, reflect.Array:
		sh := &shape{}
		done[t] = sh
		sh.elem = shapeOf(t.Elem(), done)
		return sh
	}
	return nil
}

// A jsonField is a field that encoding/json may look for.
type jsonField struct {
	typ    reflect.Type
	depth  int // of embedding
	tagged bool
	tied   bool // with another that has as good a claim to the name
}

// fieldsOf is the fields that encoding/json looks for in a struct and those
// embedded in it, by name. Of several with one name it takes the least embedded,
// among these the tagged one, and none where two are left: a name too many here
// would pass as an exact one, and be another field's by its case.
func fieldsOf(t reflect.Type) map[string]jsonField {
	found, seen := map[string]jsonField{}, map[reflect.Type]bool{}
	level, times := []reflect.Type{t}, map[reflect.Type]int{}
	for depth := 0; len(level) > 0; depth++ {
		for _, t := range level {
			seen[t] = true
		}
		var next []reflect.Type
		nextTimes := map[reflect.Type]int{}
		for _, t := range level {
			for f := range t.Fields() {
				inner := f.Type
				if inner.Name() == "" && inner.Kind() == reflect.Pointer {
					inner = inner.Elem()
				}
				embedded := f.Anonymous && inner.Kind() == reflect.Struct
				name, tagged := nameOf(f)
				switch {
				case f.Tag.Get("json") == "-" || !f.IsExported() && !embedded:
				case embedded && !tagged:
					if nextTimes[inner]++; nextTimes[inner] == 1 && !seen[inner] {
						next = append(next, inner)
					}
				default:
					add(found, name, jsonField{f.Type, depth, tagged, times[t] > 1})
				}
			}
		}
		level, times = next, nextTimes
	}
	maps.DeleteFunc(found, func(_ string, f jsonField) bool { return f.tied })
	return found
}

// add keeps the better of f and the one that has its name so far, which is no
// deeper.
func add(found map[string]jsonField, name string, f jsonField) {
	have, ok := found[name]
	switch {
	case !ok || have.depth == f.depth && !have.tagged && f.tagged:
		found[name] = f
	case have.depth == f.depth && have.tagged == f.tagged:
		have.tied = true
		found[name] = have
	}
}

// nameOf is the name of a field. encoding/json ignores tags with some letters.
func nameOf(f reflect.StructField) (name string, tagged bool) {
	name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r)
	}) {
		return f.Name, false
	}
	return name, true
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
