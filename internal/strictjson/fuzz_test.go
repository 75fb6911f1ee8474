package strictjson_test

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-guard/guard/internal/strictjson"
)

// FuzzUnmarshal compares with a plain twin over encoding/json's tokens, and what
// is accepted with what encoding/json reads.
func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{
		``, `{}`, ` { "name" : "a" } `, `{"name":"a","name":"b"}`, `{"Name":"a"}`, `{"liſt":[]}`, `{"list":[{"role":"b","ROLE":1}]}`,
		`{"any":{"a":[1,-2.5E+3,0.1e-7,true,false,null,"\u00e9\ud83d\ude00\n"]}}`, `{"any":1e999}`, `{"any":01}`, `{"name":"\ud83d"}`,
		"{\"name\":\"\xff\"}", "{\"name\":\"\\n\xff\"}", `{"any":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, `{"any":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
		`{"map":{"a":{"role":""},"A":{"Role":""}}}`, `{} {}`, `[]`, `{"raw":{"x":1,"x":2}}`, `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"a":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("\ufffd")) || bytes.Contains(bytes.ToLower(data), []byte(`\ufffd`)) {
			return // which the twin cannot tell from a replacement
		}
		var got any
		err := strictjson.Unmarshal(data, &got)
		if want := isStrict(data); (err == nil) != want {
			t.Fatalf("%q: %v; the twin accepts it: %t", data, err, want)
		}
		if err != nil {
			return
		}
		var want any
		if err := json.Unmarshal(data, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v; encoding/json reads %v, %v", data, got, want, err)
		}
		// With fields: what passes re-encodes without a name that only folds to one.
		var d document
		if strictjson.Unmarshal(data, &d) != nil {
			return
		}
		for name := range want.(map[string]any) {
			for _, field := range []string{"name", "list", "map", "raw", "any", "time", "texts", "self", "nested"} {
				if name != field && strings.EqualFold(name, field) {
					t.Errorf("%q: accepted %q beside the field %q", data, name, field)
				}
			}
		}
	})
}

// isStrict is the plain twin.
func isStrict(data []byte) bool {
	if !json.Valid(data) || !utf8.Valid(data) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	type container struct {
		object, value bool // value: the next token is a member's value
		seen          map[string]bool
	}
	var open []container
	members := 0
	for first := true; ; first = false {
		token, err := d.Token()
		if err == io.EOF {
			return true
		}
		if first && token != json.Delim('{') || err != nil {
			return false
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open) - 1; n >= 0 && open[n].object {
			if !open[n].value {
				name := token.(string)
				if members++; open[n].seen[name] || members > strictjson.MaxMembers || strings.ContainsRune(name, utf8.RuneError) {
					return false
				}
				open[n].seen[name], open[n].value = true, true
				continue
			}
			open[n].value = false
		}
		switch token := token.(type) {
		case string:
			if strings.ContainsRune(token, utf8.RuneError) {
				return false
			}
		case json.Number:
			if _, err := strconv.ParseFloat(string(token), 64); err != nil {
				return false
			}
		case json.Delim:
			open = append(open, container{object: token == '{', seen: map[string]bool{}})
			if len(open) > strictjson.MaxDepth {
				return false
			}
		}
	}
}
