package field_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/field"
)

// authorization is field.Authorization with the check of its callers.
func authorization(h http.Header, scheme string, limit int) (token string, s field.State) {
	token, s = field.Authorization(h, scheme, limit)
	switch {
	case s != field.Present:
		return "", s
	case !field.IsToken68(token):
		return "", field.Malformed
	}
	return token, s
}

func TestAuthorization(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		token string
		state field.State
	}{
		{"none", nil, "", field.Absent},
		{"empty", []string{""}, "", field.Absent},
		{"another scheme", []string{"Basic abc"}, "", field.Absent},
		{"a longer scheme", []string{"Bearer2 abc"}, "", field.Absent},
		{"a shorter scheme", []string{"Bear abc"}, "", field.Absent},
		{"a token", []string{"Bearer abc"}, "abc", field.Present},
		{"any case", []string{"bEaReR abc"}, "abc", field.Present},
		{"several spaces", []string{"Bearer   abc"}, "abc", field.Present},
		{"every letter", []string{"Bearer aZ09-._~+/=="}, "aZ09-._~+/==", field.Present},
		{"at the limit", []string{"Bearer " + strings.Repeat("a", 32)}, strings.Repeat("a", 32), field.Present},
		{"beyond", []string{"Bearer " + strings.Repeat("a", 33)}, "", field.Malformed},
		{"nothing but spaces", []string{"Bearer" + strings.Repeat(" ", 100)}, "", field.Malformed},
		{"no token", []string{"Bearer"}, "", field.Malformed},
		{"empty token", []string{"Bearer "}, "", field.Malformed},
		{"padding alone", []string{"Bearer =="}, "", field.Malformed},
		{"padding inside", []string{"Bearer a=b"}, "", field.Malformed},
		{"two tokens", []string{"Bearer a b"}, "", field.Malformed},
		{"two in one line", []string{"Bearer a, Bearer b"}, "", field.Malformed},
		{"a tab", []string{"Bearer\tabc"}, "", field.Malformed},
		{"a comma", []string{"Bearer, abc"}, "", field.Malformed},
		{"an equals sign", []string{"Bearer=abc"}, "", field.Malformed},
		{"a colon", []string{"Bearer:abc"}, "", field.Malformed},
		{"a NUL", []string{"Bearer\x00abc"}, "", field.Malformed},
		{"not ASCII", []string{"Bearer é"}, "", field.Malformed},
		{"trailing space", []string{"Bearer abc "}, "", field.Malformed},
		{"two lines", []string{"Bearer a", "Bearer a"}, "", field.Repeated},
		{"two schemes", []string{"Basic a", "Bearer b"}, "", field.Repeated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, state := authorization(http.Header{"Authorization": tt.lines}, "Bearer", 32)
			if token != tt.token || state != tt.state {
				t.Errorf("%q, %d; want %q, %d", token, state, tt.token, tt.state)
			}
		})
	}
}

var (
	schemeName = regexp.MustCompile(`^[!#$%&'*+\-.^_\x60|~0-9A-Za-z]*`)
	one        = regexp.MustCompile(`^(?i:apikey) +([A-Za-z0-9\-._~+/]+=*)$`)
)

// FuzzAuthorization compares with a plain twin made of regular expressions.
func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"", "ApiKey", "ApiKey a", "APIKEY  a==", "ApiKey a b", "ApiKeys a", "Api\u212aey a", "ApiKey\ta", "ApiKey=a", "Basic a", "ApiKey " + strings.Repeat("a", 40)} {
		f.Add(s)
	}
	f.Add("ApiKey  " + strings.Repeat("0", 32)) // the second space counts: too long
	const limit = 32
	f.Fuzz(func(t *testing.T, line string) {
		token, state := authorization(http.Header{"Authorization": {line}}, "ApiKey", limit)
		want, wantState := "", field.Malformed
		switch m := one.FindStringSubmatch(line); {
		case !strings.EqualFold(schemeName.FindString(line), "apikey"):
			wantState = field.Absent
		case m != nil && len(line)-len("ApiKey ") <= limit:
			want, wantState = m[1], field.Present
		}
		if token != want || state != wantState {
			t.Errorf("%q: %q, %d; want %q, %d", line, token, state, want, wantState)
		}
	})
}
