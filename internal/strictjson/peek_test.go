package strictjson_test

import (
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/strictjson"
)

func TestPeekText(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{`{"iss":"a"}`, "a"},
		{` { "x" : [ {"iss":"n"}, "iss" ] , "iss" : "a" } `, "a"},
		{`{"iss":"a","iss":"b"}`, "a"},
		{`{"x":"iss","iss":"a"}`, "a"},
		{`{"x":"\"iss\":\"b\"","iss":"a"}`, "a"},
		{`{"x":"\\","iss":"a"}`, "a"},
		{`{"iss":"https:\/\/a\u002eb"}`, "https://a.b"},
		{`{"iss":"` + strings.Repeat("a", 32) + `"}`, strings.Repeat("a", 32)},
		{`{"iss":""}`, ""},
		{`{"iss":"a"`, "a"}, // the rest is not read

		{`{"iss":"` + strings.Repeat("a", 33) + `"}`, "-"},
		{`{"\u0069ss":"a"}`, "-"},
		{`{"x":{"iss":"a"}}`, "-"},
		{`[{"iss":"a"}]`, "-"},
		{`{"ISS":"a","iſs":"b"}`, "-"},
		{`{"iss":1}`, "-"}, {`{"iss":["a"]}`, "-"}, {`{"iss":null}`, "-"}, {`{"iss":"\ud83d"}`, "-"}, {`{"iss":"\x"}`, "-"},
		{`{"iss":"a`, "-"}, {`{"iss":"a\`, "-"}, {`{"iss":"a\"`, "-"}, {`{"iss":`, "-"}, {`{"iss"`, "-"}, {`{"iss" "a"}`, "-"}, {`{"is`, "-"},
		{``, "-"}, {`"iss":"a"`, "-"}, {`}}{{"iss":"a"`, "-"},
	} {
		var buf [32]byte
		text, ok := strictjson.PeekText([]byte(tt.data), "iss", buf[:])
		if ok != (tt.want != "-") || ok && string(text) != tt.want {
			t.Errorf("%s: %q, %t; want %q", tt.data, text, ok, tt.want)
		}
	}
}

// FuzzPeekText: of a strict object it is what the strict reader reads.
func FuzzPeekText(f *testing.F) {
	for _, s := range []string{`{"iss":"a"}`, `{"a":{"iss":"b"},"iss":"\/\u00e4"}`, `{"\u0069ss":"a","x":"\\"}`, `{"iss":1,"iss":"a"}`, `["iss"]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		buf := make([]byte, len(data))
		text, ok := strictjson.PeekText(data, "iss", buf)
		read, isText, escaped := "", false, false
		var s strictjson.Scanner
		if !s.Read(data, nil, strictjson.VisitorFunc(func(s *strictjson.Scanner, m strictjson.Member) bool {
			if string(m.Name) != "iss" || s.Kind() != '"' {
				return false
			}
			escaped = data[m.Offset+1] == '\\' || data[m.Offset+2] == '\\' || data[m.Offset+3] == '\\'
			read, isText = string(s.Text()), true
			return true
		}), 100) {
			return
		}
		if ok && (!isText || string(text) != read) || !ok && isText && !escaped {
			t.Errorf("%q: peeked %q, %t; read %q, %t", data, text, ok, read, isText)
		}
	})
}
