package guard_test

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

func TestChallenge(t *testing.T) {
	tests := []struct {
		name   string
		scheme string
		params []string
		want   string
		fails  bool
	}{
		{"bare", "ApiKey", nil, "ApiKey", false},
		{"realm", "Bearer", []string{"realm", "app"}, `Bearer realm="app"`, false},
		{"several", "Bearer", []string{"realm", "app", "error", "", "scope", "a b"}, `Bearer realm="app", scope="a b"`, false},
		{"nothing to say", "Bearer", []string{"realm", ""}, "Bearer", false},
		{"quote and backslash", "Bearer", []string{"realm", `a "b" \c, d=e`}, `Bearer realm="a \"b\" \\c, d=e"`, false},
		{"no scheme", "", nil, "", true},
		{"two schemes", "Bearer, Basic", nil, "", true},
		{"a name that is no token", "Bearer", []string{"re alm", "x"}, "", true},
		{"no name", "Bearer", []string{"", "x"}, "", true},
		{"a name without a value", "Bearer", []string{"realm"}, "", true},
		{"a line break", "Bearer", []string{"realm", "a\r\nSet-Cookie: b"}, "", true},
		{"a NUL", "Bearer", []string{"realm", "\x00"}, "", true},
		{"DEL", "Bearer", []string{"realm", "\x7f"}, "", true},
		{"not ASCII", "Bearer", []string{"realm", "é"}, "", true},
		{"a scheme that is not ASCII", "Béarer", nil, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := guard.Challenge(tt.scheme, tt.params...)
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
			if strings.ContainsAny(got, "\r\n") {
				t.Error("the field was split")
			}
		})
	}
}

// FuzzChallenge: a challenge that was written is read back as it was meant.
func FuzzChallenge(f *testing.F) {
	f.Add("Bearer", "realm", "app", "scope", "a b")
	f.Add("Bearer", "realm", `a "b" \`, "error_description", `\\"`)
	f.Add("x", "realm", "\r\n", "scope", "é")
	f.Add("", ",", "", "=", "")
	f.Fuzz(func(t *testing.T, scheme, name1, value1, name2, value2 string) {
		s, err := guard.Challenge(scheme, name1, value1, name2, value2)
		if err != nil {
			if s != "" {
				t.Errorf("%q and %v", s, err)
			}
			return
		}
		var want []string
		for _, p := range [][2]string{{name1, value1}, {name2, value2}} {
			if p[1] != "" {
				want = append(want, p[0], p[1])
			}
		}
		gotScheme, got, ok := parseChallenge(s)
		if !ok || gotScheme != scheme || strings.Join(got, "\x00") != strings.Join(want, "\x00") {
			t.Errorf("%q is read back as %q %q, %t; want %q %q", s, gotScheme, got, ok, scheme, want)
		}
	})
}

// parseChallenge is a plain reader of one challenge (RFC 9110, section 11.2).
func parseChallenge(s string) (scheme string, params []string, ok bool) {
	scheme, rest, more := strings.Cut(s, " ")
	for more {
		name, after, found := strings.Cut(rest, `="`)
		if !found {
			return "", nil, false
		}
		var value strings.Builder
		for escaped := false; ; after = after[1:] {
			if after == "" {
				return "", nil, false
			}
			c := after[0]
			if !escaped && c == '"' {
				break
			}
			if escaped = !escaped && c == '\\'; !escaped {
				value.WriteByte(c)
			}
		}
		params = append(params, name, value.String())
		rest, more = strings.CutPrefix(after[1:], ", ")
		if !more && rest != "" {
			return "", nil, false
		}
	}
	return scheme, params, true
}

func TestError(t *testing.T) {
	cause := errors.New("cause")
	var none *guard.Error
	for want, err := range map[string]error{
		"guard: 401 Unauthorized":                     guard.Unauthorized(""),
		"guard: 403 Forbidden: no: cause":             &guard.Error{Status: 403, Message: "no", Err: cause},
		"guard: a nil *Error":                         none,
		"guard: 503 Service Unavailable: cause":       guard.Unavailable(cause),
		"guard: 503 Service Unavailable: unavailable": guard.Unavailable(nil),
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
	if none.Unwrap() != nil {
		t.Error("a nil *Error has a cause")
	}
	if down := guard.Unavailable(cause); !errors.Is(down, cause) {
		t.Error("the cause of an outage is lost to errors.Is")
	}
	if errors.Is(guard.Unavailable(guard.ErrNoCredentials), guard.ErrNoCredentials) || errors.Is(guard.Unavailable(nil), cause) {
		t.Error("an outage abstains")
	}
	inner := guard.Unauthorized("no")
	var e *guard.Error
	if errors.As(guard.Unavailable(inner), &e) && e.Status != 503 {
		t.Error("an outage is refused as its cause")
	}
}

// TestClone: what a caller changes of its copy changes no other answer.
func TestClone(t *testing.T) {
	for _, challenges := range [][]string{nil, {"A"}, {"A", "B"}} {
		e := &guard.Error{Status: 401, Code: "c", Message: "m", Challenges: challenges, Header: http.Header{"X": {"x"}}, Err: errors.New("cause")}
		c := e.Clone()
		if !reflect.DeepEqual(e, c) {
			t.Errorf("%+v, want %+v", c, e)
		}
		c.Status, c.Code, c.Message, c.Err = 0, "", "", nil
		c.Header["X"][0] = "y"
		for i := range c.Challenges {
			c.Challenges[i] = "y"
		}
		c.Challenges = append(c.Challenges, "z")
		want := &guard.Error{Status: 401, Code: "c", Message: "m", Challenges: []string{"A", "B"}[:len(challenges)], Header: http.Header{"X": {"x"}}, Err: e.Err}
		if e.Status != want.Status || e.Message != want.Message || !slices.Equal(e.Challenges, want.Challenges) || e.Header.Get("X") != "x" || e.Err == nil {
			t.Errorf("a change of the copy made %+v", e)
		}
	}
	if none := (*guard.Error)(nil); none.Clone() != nil {
		t.Error("a copy of nil")
	}
}
