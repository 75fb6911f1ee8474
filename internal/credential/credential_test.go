package credential_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/credential"
)

func TestAuthorization(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		token string
		state credential.State
	}{
		{"none", nil, "", credential.Absent},
		{"empty", []string{""}, "", credential.Absent},
		{"another scheme", []string{"Basic abc"}, "", credential.Absent},
		{"a longer scheme", []string{"Bearer2 abc"}, "", credential.Absent},
		{"a shorter scheme", []string{"Bear abc"}, "", credential.Absent},
		{"a token", []string{"Bearer abc"}, "abc", credential.Present},
		{"any case", []string{"bEaReR abc"}, "abc", credential.Present},
		{"several spaces", []string{"Bearer   abc"}, "abc", credential.Present},
		{"every letter", []string{"Bearer aZ09-._~+/=="}, "aZ09-._~+/==", credential.Present},
		{"at the limit", []string{"Bearer " + strings.Repeat("a", 32)}, strings.Repeat("a", 32), credential.Present},
		{"beyond", []string{"Bearer " + strings.Repeat("a", 33)}, "", credential.Malformed},
		{"nothing but spaces", []string{"Bearer" + strings.Repeat(" ", 100)}, "", credential.Malformed},
		{"no token", []string{"Bearer"}, "", credential.Malformed},
		{"empty token", []string{"Bearer "}, "", credential.Malformed},
		{"padding alone", []string{"Bearer =="}, "", credential.Malformed},
		{"padding inside", []string{"Bearer a=b"}, "", credential.Malformed},
		{"two tokens", []string{"Bearer a b"}, "", credential.Malformed},
		{"two in one line", []string{"Bearer a, Bearer b"}, "", credential.Malformed},
		{"a tab", []string{"Bearer\tabc"}, "", credential.Malformed},
		{"a comma", []string{"Bearer, abc"}, "", credential.Malformed},
		{"an equals sign", []string{"Bearer=abc"}, "", credential.Malformed},
		{"a colon", []string{"Bearer:abc"}, "", credential.Malformed},
		{"a NUL", []string{"Bearer\x00abc"}, "", credential.Malformed},
		{"not ASCII", []string{"Bearer é"}, "", credential.Malformed},
		{"trailing space", []string{"Bearer abc "}, "", credential.Malformed},
		{"two lines", []string{"Bearer a", "Bearer a"}, "", credential.Repeated},
		{"two schemes", []string{"Basic a", "Bearer b"}, "", credential.Repeated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, state := credential.Authorization(http.Header{"Authorization": tt.lines}, "Bearer", 32)
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
	const limit = 32
	f.Fuzz(func(t *testing.T, line string) {
		token, state := credential.Authorization(http.Header{"Authorization": {line}}, "ApiKey", limit)
		want, wantState := "", credential.Malformed
		switch m := one.FindStringSubmatch(line); {
		case !strings.EqualFold(schemeName.FindString(line), "apikey"):
			wantState = credential.Absent
		case m != nil && len(line)-len("ApiKey ") <= limit:
			want, wantState = m[1], credential.Present
		}
		if token != want || state != wantState {
			t.Errorf("%q: %q, %d; want %q, %d", line, token, state, want, wantState)
		}
	})
}
