package rbac

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// jsonParser reads JSON token by token: encoding/json alone neither knows lines
// nor refuses a name that is there twice. It stops at the first mistake.
type jsonParser struct {
	data []byte
	dec  *json.Decoder
	err  error
}

// line is that of the token that was read last; no token spans lines.
func (p *jsonParser) line() int { return lineAt(p.data, p.dec.InputOffset()) }

func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n"))
}

func (p *jsonParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("rbac: line %d: %s", p.line(), fmt.Sprintf(format, args...))
	}
}

func (p *jsonParser) token() json.Token {
	if p.err != nil {
		return nil
	}
	t, err := p.dec.Token()
	syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
	switch {
	case isSyntax:
		p.err = fmt.Errorf("rbac: line %d: %v", lineAt(p.data, syntax.Offset), err)
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		p.fail("the file ends too early")
	case err != nil:
		p.fail("%v", err)
	}
	return t
}

// object calls f for each name, to read its value.
func (p *jsonParser) object(f func(name string)) {
	if t := p.token(); t != json.Delim('{') {
		p.fail("found %s; want an object", describe(t))
	}
	seen := map[string]bool{}
	for p.err == nil && p.dec.More() {
		name, _ := p.token().(string)
		if p.err != nil {
			return
		}
		if seen[name] {
			p.fail("%q is there twice", name)
			return
		}
		seen[name] = true
		f(name)
	}
	p.token() // the closing brace
}

// strings calls f for each element of an array of strings.
func (p *jsonParser) strings(f func(i int, s string)) {
	if t := p.token(); t != json.Delim('[') {
		p.fail("found %s; want an array", describe(t))
	}
	for i := 0; p.err == nil && p.dec.More(); i++ {
		t := p.token()
		s, ok := t.(string)
		if !ok {
			p.fail("found %s; want a string", describe(t))
			return
		}
		f(i, s)
	}
	p.token()
}

func (p *jsonParser) end() {
	if p.err != nil {
		return
	}
	if _, err := p.dec.Token(); err != io.EOF {
		p.fail("there is something behind the object")
	}
}

func describe(t json.Token) string {
	switch t := t.(type) {
	case nil:
		return "null"
	case json.Delim:
		return map[json.Delim]string{'{': "an object", '[': "an array"}[t]
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "a number"
}

// decoder takes apart what a caller's unmarshal made.
type decoder struct {
	data []byte
	errs []error
}

func (d *decoder) fail(line int, format string, args ...any) {
	at := ""
	if line > 0 {
		at = fmt.Sprintf("line %d: ", line)
	}
	d.errs = append(d.errs, fmt.Errorf("rbac: %s%s", at, fmt.Sprintf(format, args...)))
}

// object is v as an object, with these names alone if any are given.
func (d *decoder) object(what string, v any, names ...string) map[string]any {
	var m map[string]any
	switch v := v.(type) {
	case map[string]any:
		m = v
	case map[any]any: // gopkg.in/yaml.v2 makes these
		m = make(map[string]any, len(v))
		for k, v := range v {
			s, ok := k.(string)
			if !ok { // 1 and "1" would be one
				d.fail(0, "%s has the name %v, which is no string: quote it", what, k)
				continue
			}
			m[s] = v
		}
	case nil:
		return nil
	default:
		d.fail(0, "%s is no object", what)
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if len(names) > 0 && !slices.Contains(names, k) {
			d.fail(d.line(k), "%s has the unknown name %q", what, k)
		}
	}
	return m
}

func (d *decoder) strings(role, field string, v any) (list []string) {
	items, ok := v.([]any)
	if !ok && v != nil {
		d.fail(d.line(role), "%s of role %q is no list", field, role)
	}
	for _, it := range items {
		s, ok := it.(string)
		if !ok {
			d.fail(d.line(role), "%s of role %q holds %v, which is no string", field, role, it)
			continue
		}
		list = append(list, s)
	}
	return list
}

// line is where word stands by itself for the first time, 0 if nowhere.
func (d *decoder) line(word string) int {
	for at := 0; word != ""; {
		i := bytes.Index(d.data[at:], []byte(word))
		if i < 0 {
			return 0
		}
		start, end := at+i, at+i+len(word)
		if (start == 0 || !inName(d.data[start-1])) && (end == len(d.data) || !inName(d.data[end]) || endsName(d.data[end:])) {
			return lineAt(d.data, int64(start))
		}
		at = start + 1
	}
	return 0
}

// endsName: the colon behind a YAML key is not part of it.
func endsName(rest []byte) bool {
	return rest[0] == ':' && (len(rest) == 1 || !inName(rest[1]))
}

func inName(c byte) bool {
	return c > ' ' && c <= '~' && !bytes.ContainsRune([]byte(`"'[]{},#`), rune(c))
}
