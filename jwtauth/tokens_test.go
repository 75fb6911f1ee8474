package jwtauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/jwtauth"
)

// TestTokensAreJSON: the response is what encoding/json writes, also for tokens that
// the caller made.
func TestTokensAreJSON(t *testing.T) {
	cookie := &http.Cookie{Name: "__Host-refresh", Value: "r", Path: "/", Secure: true}
	for _, tt := range []struct {
		name   string
		tokens jwtauth.Tokens
		want   map[string]any
	}{
		{"an access token", jwtauth.Tokens{AccessToken: "a.b-c_d", ExpiresIn: 90 * time.Second},
			map[string]any{"access_token": "a.b-c_d", "token_type": "bearer", "expires_in": 90.0}},
		{"a pair", jwtauth.Tokens{AccessToken: "a", RefreshToken: "r", ExpiresIn: 999 * time.Millisecond},
			map[string]any{"access_token": "a", "token_type": "bearer", "expires_in": 0.0, "refresh_token": "r"}},
		{"hostile text", jwtauth.Tokens{AccessToken: `"},{\` + "\x00\xff\u2028<é>", RefreshToken: `","x":"`, ExpiresIn: 1<<63 - 1},
			map[string]any{"access_token": `"},{\` + "\x00\ufffd\u2028<é>", "token_type": "bearer", "expires_in": 9223372036.0, "refresh_token": `","x":"`}},
		{"a cookie", jwtauth.Tokens{AccessToken: "a", RefreshToken: "r", Cookie: cookie},
			map[string]any{"access_token": "a", "token_type": "bearer", "expires_in": 0.0}},
	} {
		w := httptest.NewRecorder()
		tt.tokens.Respond(w)
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %s, %v; want %v", tt.name, w.Body, err, tt.want)
		}
		if n := w.Header().Get("Content-Length"); n != strconv.Itoa(w.Body.Len()) {
			t.Errorf("%s: Content-Length %s of %d", tt.name, n, w.Body.Len())
		}
		if c := w.Header().Get("Set-Cookie"); (c != "") != (tt.tokens.Cookie != nil) || c != "" && !strings.HasPrefix(c, "__Host-refresh=r;") {
			t.Errorf("%s: Set-Cookie %q", tt.name, c)
		}
	}
}

// TestRespondAllocations: the body, two slices for the values of the header fields, and
// the length.
func TestRespondAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	tokens := &jwtauth.Tokens{AccessToken: strings.Repeat("a", 300), RefreshToken: strings.Repeat("r", 80), ExpiresIn: time.Hour}
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { tokens.Respond(w) })
	if n := harness.NewDiscard().Allocs(h, bearer("")); n > 4 {
		t.Errorf("%v allocations; the budget is 4", n)
	}
}

// TestIssueAllocations: a login is a token and its response.
func TestIssueAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "me"}))
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		guard.Must(i.Issue("1", profile{"alice@example.com", "admin"})).Respond(w)
	})
	if n := harness.NewDiscard().Allocs(h, bearer("")); n > 28 {
		t.Errorf("%v allocations; the budget is 28", n)
	}
}
