package rbac

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A jsonReader reads JSON token by token, because encoding/json neither reports
// lines nor refuses repeated names. It stops at the first mistake, which is err.
type jsonReader struct {
	data []byte
	dec  *json.Decoder
	err  error
}

func newJSONReader(data []byte) *jsonReader {
	return &jsonReader{data: data, dec: json.NewDecoder(bytes.NewReader(data))}
}

// line returns the line of the last token; no token spans lines.
func (d *jsonReader) line() int { return d.lineAt(d.dec.InputOffset()) }

func (d *jsonReader) lineAt(offset int64) int {
	return 1 + bytes.Count(d.data[:min(offset, int64(len(d.data)))], []byte("\n"))
}

func (d *jsonReader) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("rbac: line %d: %s", d.line(), fmt.Sprintf(format, args...))
	}
}

// token returns the next token. It is nil for null and after a mistake.
func (d *jsonReader) token() json.Token {
	if d.err != nil {
		return nil
	}
	t, err := d.dec.Token()
	syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
	switch {
	case isSyntax:
		d.err = fmt.Errorf("rbac: line %d: %v", d.lineAt(syntax.Offset), err)
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		d.fail("the file ends too early")
	case err != nil:
		d.fail("%v", err)
	}
	return t
}

// object reads an object, and calls f after each name to read the value.
func (d *jsonReader) object(f func(name string)) {
	if t := d.token(); t != json.Delim('{') {
		d.fail("got %s; want an object", describe(t))
	}
	seen := map[string]bool{}
	for d.err == nil && d.dec.More() {
		name, _ := d.token().(string)
		if d.err != nil {
			return
		}
		if seen[name] {
			d.fail("repeated name %q", name)
			return
		}
		seen[name] = true
		f(name)
	}
	d.token() // the closing brace
}

// strings reads an array of strings, and calls f after each.
func (d *jsonReader) strings(f func(i int, s string)) {
	if t := d.token(); t != json.Delim('[') {
		d.fail("got %s; want an array", describe(t))
	}
	for i := 0; d.err == nil && d.dec.More(); i++ {
		t := d.token()
		s, ok := t.(string)
		if !ok {
			d.fail("got %s; want a string", describe(t))
			return
		}
		f(i, s)
	}
	d.token() // the closing bracket
}

// end reports data after the outermost object as a mistake.
func (d *jsonReader) end() {
	if d.err != nil {
		return
	}
	if _, err := d.dec.Token(); err != io.EOF {
		d.fail("unexpected data after the object")
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
