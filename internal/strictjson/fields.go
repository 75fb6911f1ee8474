package strictjson

import (
	"maps"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A structField is a field that encoding/json may set.
type structField struct {
	reflect.StructField
	depth     int // of embedding
	tagged    bool
	ambiguous bool // another field has an equal claim to the name
}

// fieldsOf returns the fields that encoding/json sets in a struct and in those
// embedded in it, by name. Of several fields of one name it sets the least
// embedded, among these the tagged one, and none if two remain. Such a name must
// not be returned: it would pass as exact, and encoding/json would take it for a
// field whose name differs in case.
func fieldsOf(t reflect.Type) map[string]structField {
	fields, seen := map[string]structField{}, map[reflect.Type]bool{}
	level, times := []reflect.Type{t}, map[reflect.Type]int{} // times: how often a level embeds a type
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
					addField(fields, name, structField{f, depth, tagged, times[t] > 1})
				}
			}
		}
		level, times = next, nextTimes
	}
	maps.DeleteFunc(fields, func(_ string, f structField) bool { return f.ambiguous })
	return fields
}

// Fields returns the fields that encoding/json sets in a struct, by name. ok is false
// where it does more than to set each field of the struct itself to its value: with
// embedded structs, and with the option "string".
func Fields(t reflect.Type) (fields map[string]reflect.StructField, ok bool) {
	fields = map[string]reflect.StructField{}
	for name, f := range fieldsOf(t) {
		if _, options, _ := strings.Cut(f.Tag.Get("json"), ","); f.depth > 0 || strings.Contains(options, "string") {
			return nil, false
		}
		fields[name] = f.StructField
	}
	return fields, true
}

// addField adds f unless fields has one with a better claim to the name. That one
// is not embedded deeper than f.
func addField(fields map[string]structField, name string, f structField) {
	have, ok := fields[name]
	switch {
	case !ok || have.depth == f.depth && !have.tagged && f.tagged:
		fields[name] = f
	case have.depth == f.depth && have.tagged == f.tagged:
		have.ambiguous = true
		fields[name] = have
	}
}

// nameOf returns the member name of a field. encoding/json ignores tags with some
// letters.
func nameOf(f reflect.StructField) (name string, tagged bool) {
	name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	if name == "" || strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r)
	}) {
		return f.Name, false
	}
	return name, true
}

// fold appends name to out, with each character replaced by the least of its
// Unicode folding orbit: encoding/json takes two names for one where they fold to
// the same.
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
