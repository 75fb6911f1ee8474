package strictjson_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/internal/testing/race"
)

// TestScanner walks nested objects and arrays, with the place of every name.
func TestScanner(t *testing.T) {
	data := []byte("{\"roles\": {\n\"admin\": {\"grants\": [\"a\", \"b\"]},\n\"user\": {\"grants\": []}}, \"n\": -1.5, \"skip\": [{}]}")
	var got []string
	add := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	role := strictjson.VisitorFunc(func(s *strictjson.Scanner, m strictjson.Member) bool {
		s.Array(m.Shape, func(*strictjson.Shape) { add("%d:%s", strictjson.Line(data, s.Offset()), s.Text()) })
		return true
	})
	roles := strictjson.VisitorFunc(func(s *strictjson.Scanner, m strictjson.Member) bool {
		add("%d:%s", strictjson.Line(data, m.Offset), m.Name)
		s.Object(m.Shape, role)
		add("%s", s.Since(m.Offset))
		return true
	})
	var s strictjson.Scanner
	ok := s.Read(data, nil, strictjson.VisitorFunc(func(s *strictjson.Scanner, m strictjson.Member) bool {
		switch string(m.Name) {
		case "roles":
			s.Object(m.Shape, roles)
		case "n":
			add("%s", s.Number())
		default:
			return false
		}
		return true
	}), 100)
	const want = `2:admin 2:a 2:b "admin": {"grants": ["a", "b"]} 3:user "user": {"grants": []} -1.5`
	if !ok || strings.Join(got, " ") != want {
		t.Errorf("%t, %v: %s; want %s", ok, s.Err(), strings.Join(got, " "), want)
	}
}

func TestScannerKind(t *testing.T) {
	for value, want := range map[string]rune{`{}`: '{', `[]`: '[', `""`: '"', `true`: 't', `false`: 'f', `null`: 'n', `-1`: '0', `7`: '0', `x`: -1, ``: -1} {
		var s strictjson.Scanner
		s.Read([]byte(`{"a":`+value), nil, strictjson.VisitorFunc(func(s *strictjson.Scanner, _ strictjson.Member) bool {
			if got := s.Kind(); got != want {
				t.Errorf("%q: kind %q; want %q", value, got, want)
			}
			return false
		}), 1)
	}
}

func TestScannerMistakes(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		read        func(s *strictjson.Scanner)
		want        strictjson.Error
	}{
		{"text of a number", "1", func(s *strictjson.Scanner) { s.Text() }, strictjson.Error{Reason: strictjson.Type, Offset: 5}},
		{"number of a text", `"1"`, func(s *strictjson.Scanner) { s.Number() }, strictjson.Error{Reason: strictjson.Type, Offset: 5}},
		{"object of a list", "[]", func(s *strictjson.Scanner) { s.Object(nil, nil) }, strictjson.Error{Reason: strictjson.Type, Offset: 5}},
		{"list of an object", "{}", func(s *strictjson.Scanner) { s.Array(nil, nil) }, strictjson.Error{Reason: strictjson.Type, Offset: 5}},
		{"text in a list", "[1]", func(s *strictjson.Scanner) { s.Array(nil, func(*strictjson.Shape) { s.Text() }) }, strictjson.Error{Reason: strictjson.Type, Offset: 6}},
		{"rejected", "1", func(s *strictjson.Scanner) { s.Reject() }, strictjson.Error{Reason: strictjson.Rejected, Offset: 5}},
		{"rejected twice", "1", func(s *strictjson.Scanner) { s.Reject(); s.Text() }, strictjson.Error{Reason: strictjson.Rejected, Offset: 5}},
		{"a visitor that reads nothing", "1", func(*strictjson.Scanner) {}, strictjson.Error{Reason: strictjson.Syntax, Offset: 5}},
		{"an element that is not read", "[1]", func(s *strictjson.Scanner) { s.Array(nil, func(*strictjson.Shape) {}) }, strictjson.Error{Reason: strictjson.Syntax, Offset: 6}},
	} {
		var s strictjson.Scanner
		ok := s.Read([]byte(`{"a":`+tt.value+`}`), nil, strictjson.VisitorFunc(func(s *strictjson.Scanner, m strictjson.Member) bool {
			tt.read(s)
			if text := s.Since(m.Offset); s.Err().Reason != 0 && text != nil {
				t.Errorf("%s: text %q after a mistake", tt.name, text)
			}
			return true
		}), 1)
		if ok || s.Err() != tt.want {
			t.Errorf("%s: %t, %#v; want %#v", tt.name, ok, s.Err(), tt.want)
		}
	}
	// A Scanner is used again.
	var s strictjson.Scanner
	if s.Read([]byte(`{"a"`), nil, nil, 1) || !s.Read([]byte(`{"a":1}`), nil, nil, 1) || s.Read([]byte(`{"a":1,"b":2}`), nil, nil, 1) {
		t.Errorf("a Scanner that is used again: %v", s.Err())
	}
	if s.Err() != (strictjson.Error{Reason: strictjson.Members, Offset: 7}) {
		t.Errorf("%#v", s.Err())
	}
}

type counter struct{ members int }

func (c *counter) Member(s *strictjson.Scanner, _ strictjson.Member) bool {
	if s.Kind() == '"' {
		c.members += len(s.Text())
		return true
	}
	s.Skip(nil)
	return true
}

func TestScannerAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	data := []byte(`{"iss":"é","sub":"1","aud":["a","b"],"exp":1800000000.5,"x":{"y":[null,true,{}]}}`)
	s, c := new(strictjson.Scanner), new(counter)
	if n := testing.AllocsPerRun(100, func() {
		if !s.Read(data, nil, c, 20) {
			t.Fatal(s.Err())
		}
	}); n != 0 {
		t.Errorf("%v allocations; want 0", n)
	}
}
