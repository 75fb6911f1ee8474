package field_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/field"
)

// TestGrammar compares the tables with the plain definitions of the RFCs.
func TestGrammar(t *testing.T) {
	for c := range 256 {
		s := string([]byte{byte(c)})
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if got, want := field.IsToken(s), alnum || strings.Contains("!#$%&'*+-.^_`|~", s); got != want {
			t.Errorf("token %q: %t", s, got)
		}
		if got, want := field.IsScope(s), c == 0x21 || 0x23 <= c && c <= 0x5b || 0x5d <= c && c <= 0x7e; got != want {
			t.Errorf("scope %q: %t", s, got)
		}
	}
	if field.IsToken("") || field.IsScope("") || field.IsToken("a b") || field.IsScope("a b") {
		t.Error("empty or with a space")
	}
	if got := field.Scopes(" a  b\tc "); !slices.Equal(got, []string{"a", "b\tc"}) {
		t.Errorf("scopes %q", got)
	}
}

func TestBearerOrCookie(t *testing.T) {
	tests := []struct {
		name, authorization, cookie string
		method, site                string
		token                       string
		state                       field.State
	}{
		{"none", "", "", "GET", "", "", field.Absent},
		{"header", "Bearer abc", "", "POST", "cross-site", "abc", field.Present},
		{"cookie", "", "t=abc", "GET", "", "abc", field.Present},
		{"quoted cookie", "", `t="abc"`, "GET", "", "abc", field.Present},
		{"both", "Bearer abc", "t=abc", "GET", "", "", field.Repeated},
		{"two cookies", "", "t=abc; t=abc", "GET", "", "", field.Repeated},
		{"a malformed header and a cookie", "Bearer", "t=abc", "GET", "", "", field.Repeated},
		{"another scheme and a cookie", "Basic x", "t=abc", "GET", "", "abc", field.Present},
		{"an empty cookie", "", "t=", "GET", "", "", field.Malformed},
		{"a cookie with a space", "", "t=a b", "GET", "", "", field.Malformed},
		{"a long cookie", "", "t=" + strings.Repeat("a", 33), "GET", "", "", field.Malformed},
		{"a cross-site GET", "", "t=abc", "GET", "cross-site", "abc", field.Present},
		{"a cross-site POST", "", "t=abc", "POST", "cross-site", "", field.CrossSite},
		{"a malformed cross-site POST", "", "t=a b", "POST", "cross-site", "", field.CrossSite},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			for name, value := range map[string]string{"Authorization": tt.authorization, "Cookie": tt.cookie, "Sec-Fetch-Site": tt.site} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			token, _, state := field.BearerOrCookie(r, "t", 32, http.NewCrossOriginProtection())
			if token != tt.token || state != tt.state {
				t.Errorf("%q, %d; want %q, %d", token, state, tt.token, tt.state)
			}
		})
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "t=abc")
	if _, _, state := field.BearerOrCookie(r, "", 32, nil); state != field.Absent {
		t.Errorf("without a cookie's name: state %d", state)
	}
}
