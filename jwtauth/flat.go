package jwtauth

import (
	"reflect"
	"strings"
)

// flatOf is the fields, by name, of a struct that holds strings alone, which
// most private claims are: they are set without encoding/json. It is nil for
// any other type.
func flatOf(t reflect.Type) map[string]int {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(unmarshaler) || reflect.PointerTo(t).Implements(textUnmarshaler) {
		return nil
	}
	fields := map[string]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			name = f.Name
		}
		_, twice := fields[name]
		if twice || f.Anonymous || f.Type != reflect.TypeFor[string]() || !isPlainName(name) || strings.Contains(options, "string") {
			return nil
		}
		fields[name] = i
	}
	for _, name := range [...]string{"scope", "scp", "cnf"} {
		if _, ok := fields[name]; ok {
			return nil // it is read here, too
		}
	}
	return fields
}

// isPlainName: encoding/json ignores tags with some other letters.
func isPlainName(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:/") == ""
}

// set sets the field of a flat struct. As encoding/json has it, null changes
// nothing.
func (c *claims) set(s *scanner, field int) {
	if s.at('"') {
		c.target.Field(field).SetString(string(s.string()))
		return
	}
	c.misfit = c.misfit || !s.at('n')
	s.value(nil, 2)
}
