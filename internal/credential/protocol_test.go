package credential_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/credential"
	"github.com/go-guard/guard/internal/field"
)

const protocolField = "Sec-Websocket-Protocol"

// TestProtocol: the element behind the name, and what remains of the field.
func TestProtocol(t *testing.T) {
	s := sources(t, credential.WebSocketProtocol("bearer"))
	for _, tt := range []struct {
		name  string
		lines []string
		text  string
		state field.State
		rest  []string
	}{
		{"none", nil, "", field.Absent, nil},
		{"empty", []string{""}, "", field.Absent, []string{""}},
		{"other protocols", []string{"chat,  superchat"}, "", field.Absent, []string{"chat,  superchat"}},
		{"first", []string{"bearer, a, chat"}, "a", field.Present, []string{"chat, bearer"}},
		{"last", []string{"chat,bearer,a"}, "a", field.Present, []string{"chat, bearer"}},
		{"lines", []string{"chat", "bearer", "a", "b"}, "a", field.Present, []string{"chat, b, bearer"}},
		{"spaces, tabs and empty elements", []string{" ,bearer\t, ,\ta ,"}, "a", field.Present, []string{"bearer"}},
		{"nothing behind it", []string{"chat, bearer"}, "", field.Absent, []string{"chat, bearer"}},
		{"an empty element behind it", []string{"bearer, "}, "", field.Absent, []string{"bearer, "}},
		{"twice", []string{"bearer, a, bearer, b"}, "", field.Repeated, []string{"bearer"}},
		{"twice in a row", []string{"bearer, bearer, a"}, "", field.Repeated, []string{"bearer"}},
		{"another case", []string{"Bearer, a"}, "", field.Absent, []string{"Bearer, a"}},
		{"part of a name", []string{"bearers, a"}, "", field.Absent, []string{"bearers, a"}},
		{"long", []string{"bearer, " + strings.Repeat("a", limit+1)}, strings.Repeat("a", limit+1), field.Malformed, []string{"bearer"}},
		{"no token of RFC 9110", []string{"bearer, a/b"}, "a/b", field.Malformed, []string{"bearer"}},
		{"100", []string{strings.Repeat(",", 97) + "bearer", "a,b"}, "a", field.Present, []string{"b, bearer"}},
		{"101", []string{strings.Repeat(",", 98) + "bearer", "a,b"}, "", field.Unclear, nil},
		{"not ASCII", []string{"bearer, \x80"}, "\x80", field.Malformed, []string{"bearer"}},
	} {
		r := request("GET", "/", "Upgrade", "websocket")
		sent := slices.Clone(tt.lines)
		r.Header[protocolField] = tt.lines
		if got := s.Find(r, ""); got.State != tt.state || got.Text != tt.text {
			t.Errorf("%s: %q, %d; want %q, %d", tt.name, got.Text, got.State, tt.text, tt.state)
		}
		inner := r.WithContext(t.Context())
		s.Strip()(inner)
		if got := inner.Header[protocolField]; strings.Join(got, "|") != strings.Join(tt.rest, "|") {
			t.Errorf("%s: %q remains, want %q", tt.name, got, tt.rest)
		}
		if again := s.Find(inner, ""); again.State != field.Absent && tt.state != field.Absent {
			t.Errorf("%s: a second guard finds %q", tt.name, again.Text)
		}
		if got := r.Header[protocolField]; !slices.Equal(got, sent) || !slices.Equal(tt.lines, sent) {
			t.Errorf("%s: the outer request has %q", tt.name, got)
		}
	}
}

// TestHandshake: in another request the field means nothing, and stays.
func TestHandshake(t *testing.T) {
	s := sources(t, credential.WebSocketProtocol("bearer"))
	for _, tt := range []struct {
		method string
		fields http.Header
		want   bool
	}{
		{"GET", http.Header{"Upgrade": {"websocket"}}, true},
		{"GET", http.Header{"Upgrade": {"h2c, WebSocket"}}, true},
		{"GET", http.Header{"Upgrade": {"h2c"}}, false},
		{"GET", http.Header{}, false},
		{"POST", http.Header{"Upgrade": {"websocket"}}, false},
		{"HEAD", http.Header{"Upgrade": {"websocket"}}, false},
		{"CONNECT", http.Header{":protocol": {"websocket"}}, true}, // RFC 8441
		{"CONNECT", http.Header{":protocol": {"connect-udp"}}, false},
		{"CONNECT", http.Header{"Upgrade": {"websocket"}}, false},
		{"GET", http.Header{":protocol": {"websocket"}}, false},
	} {
		r := request("GET", "/")
		r.Method, r.Header = tt.method, tt.fields
		r.Header[protocolField] = []string{"bearer, a"}
		if got := s.Find(r, ""); (got.State == field.Present) != tt.want {
			t.Errorf("%s %v: state %d", tt.method, tt.fields, got.State)
		}
		inner := r.WithContext(t.Context())
		s.Strip()(inner)
		if stripped := inner.Header[protocolField][0] == "bearer"; stripped != tt.want {
			t.Errorf("%s %v: %q remains", tt.method, tt.fields, inner.Header[protocolField])
		}
	}
}

var isToken = regexp.MustCompile(`^[!#$%&'*+\-.^_\x60|~0-9A-Za-z]+$`)

// FuzzProtocol compares with a plain twin, and holds that no token remains.
func FuzzProtocol(f *testing.F) {
	for _, line := range []string{"", "key", "key, a", "a,key,b,c", "key,key", "key,a,key,b", " , key ,\t,a", "key,a;key", "KEY, a", "key, a, a"} {
		f.Add(line, line)
	}
	s := sources(f, credential.WebSocketProtocol("key"))
	f.Fuzz(func(t *testing.T, line, next string) {
		if strings.Count(line+next, ",") > 98 {
			t.Skip() // too many
		}
		r := request("GET", "/", "Upgrade", "websocket")
		r.Header[protocolField] = []string{line, next}
		elements := strings.FieldsFunc(line+","+next, func(c rune) bool { return c == ',' })
		for i := range elements {
			elements[i] = strings.Trim(elements[i], " \t\r\n")
		}
		elements = slices.DeleteFunc(elements, func(e string) bool { return e == "" })
		text, state := "", field.Absent
		names := 0
		var tokens, rest []string
		for i, e := range elements {
			switch {
			case e == "key":
				names++
			case i > 0 && elements[i-1] == "key":
				tokens = append(tokens, e)
			default:
				rest = append(rest, e)
			}
		}
		switch {
		case names > 1:
			state = field.Repeated
		case len(tokens) == 0:
		case len(tokens[0]) > limit || !isToken.MatchString(tokens[0]):
			text, state = tokens[0], field.Malformed
		default:
			text, state = tokens[0], field.Present
		}
		if got := s.Find(r, ""); got.State != state || got.Text != text {
			t.Errorf("%q, %q: %q, %d; want %q, %d", line, next, got.Text, got.State, text, state)
		}
		inner := r.WithContext(t.Context())
		s.Strip()(inner)
		got, want := inner.Header[protocolField], []string{strings.Join(append(rest, "key"), ", ")}
		if len(tokens) == 0 {
			want = []string{line, next}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, %q: %q remains, want %q", line, next, got, want)
		}
		if again := s.Find(inner, ""); len(tokens) > 0 && again.State != field.Absent {
			t.Errorf("%q, %q: a second guard finds %q", line, next, again.Text)
		}
	})
}
