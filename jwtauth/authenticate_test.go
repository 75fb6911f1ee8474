package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

func TestRequests(t *testing.T) {
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{
		Sources: headerOrCookie, Realm: `a "b"`, ResourceMetadata: "https://api.example/.well-known/x", Missing: "Log in",
	}))
	good := tokenOf(t, i)
	const plain = `Bearer realm="a \"b\"", resource_metadata="https://api.example/.well-known/x"`
	const refused = plain + `, error="invalid_token"`
	for _, tt := range []struct {
		name      string
		method    string
		header    http.Header
		status    int
		message   string
		challenge string
	}{
		{"nothing", "GET", nil, 401, "Log in", plain},
		{"another scheme", "GET", http.Header{"Authorization": {"Basic " + good}}, 401, "Log in", plain},
		{"a longer scheme", "GET", http.Header{"Authorization": {"Bearers " + good}}, 401, "Log in", plain},
		{"empty field", "GET", http.Header{"Authorization": {""}}, 401, "Log in", plain},
		{"scheme alone", "GET", http.Header{"Authorization": {"Bearer"}}, 401, "Invalid token", refused},
		{"scheme and a space", "GET", http.Header{"Authorization": {"Bearer "}}, 401, "Invalid token", refused},
		{"garbage", "GET", http.Header{"Authorization": {"Bearer x"}}, 401, "Invalid token", refused},
		{"good", "GET", http.Header{"Authorization": {"Bearer " + good}}, 200, "", ""},
		{"scheme in any case", "GET", http.Header{"Authorization": {"bEaReR " + good}}, 200, "", ""},
		{"two lines", "GET", http.Header{"Authorization": {"Bearer " + good, "Bearer " + good}}, 400, "More than one credential was sent", ""},
		{"cookie", "GET", http.Header{"Cookie": {"x=y; tok=" + good}}, 200, "", ""},
		{"quoted cookie", "GET", http.Header{"Cookie": {`tok="` + good + `"`}}, 200, "", ""},
		{"bad cookie", "GET", http.Header{"Cookie": {"tok=" + good[1:]}}, 401, "Invalid token", refused},
		{"empty cookie", "GET", http.Header{"Cookie": {"tok="}}, 401, "Invalid token", refused},
		{"long cookie", "GET", http.Header{"Cookie": {"tok=" + strings.Repeat("x", 9000)}}, 401, "Invalid token", refused},
		{"another cookie", "GET", http.Header{"Cookie": {"TOK=" + good}}, 401, "Log in", plain},
		{"two cookies", "GET", http.Header{"Cookie": {"tok=" + good + "; tok=" + good}}, 400, "More than one credential was sent", ""},
		{"cookie and field", "GET", http.Header{"Cookie": {"tok=" + good}, "Authorization": {"Bearer " + good}}, 200, "", ""},
		{"cookie and another in the field", "GET", http.Header{"Cookie": {"tok=" + good}, "Authorization": {"Bearer " + good[1:]}}, 400, "More than one credential was sent", ""},
		{"empty cookie and field", "GET", http.Header{"Cookie": {"tok="}, "Authorization": {"Bearer " + good}}, 200, "", ""},
		{"cookie and empty scheme", "GET", http.Header{"Cookie": {"tok=" + good}, "Authorization": {"Bearer"}}, 400, "More than one credential was sent", ""},
		{"cookie and another scheme", "GET", http.Header{"Cookie": {"tok=" + good}, "Authorization": {"Basic eA=="}}, 200, "", ""},
		{"cookie, unsafe", "POST", http.Header{"Cookie": {"tok=" + good}}, 200, "", ""},
		{"cookie, unsafe from the same site", "POST", http.Header{"Cookie": {"tok=" + good}, "Sec-Fetch-Site": {"same-origin"}}, 200, "", ""},
		{"cookie, unsafe from another site", "POST", http.Header{"Cookie": {"tok=" + good}, "Sec-Fetch-Site": {"cross-site"}}, 403, "Cross-site request refused", ""},
		{"cookie, safe from another site", "GET", http.Header{"Cookie": {"tok=" + good}, "Sec-Fetch-Site": {"cross-site"}}, 200, "", ""},
		{"cookie, WebSocket from another site", "GET", http.Header{"Cookie": {"tok=" + good}, "Upgrade": {"websocket"}, "Origin": {"https://evil.example"}}, 403, "Cross-site request refused", ""},
		{"cookie, WebSocket from the same origin", "GET", http.Header{"Cookie": {"tok=" + good}, "Upgrade": {"websocket"}, "Origin": {"http://example.com"}}, 200, "", ""},
		{"cookie that net/http cannot parse", "GET", http.Header{"Cookie": {`tok=a"b`}}, 401, "Invalid token", refused},
		{"field, unsafe from another site", "POST", http.Header{"Authorization": {"Bearer " + good}, "Sec-Fetch-Site": {"cross-site"}}, 200, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", nil)
			for name, lines := range tt.header {
				r.Header[name] = lines
			}
			g := send(t, i.Verifier(), r)
			if g.status != tt.status || g.message != tt.message || g.challenge != tt.challenge {
				t.Errorf("%d %q %q; want %d %q %q", g.status, g.message, g.challenge, tt.status, tt.message, tt.challenge)
			}
			if g.status != 200 && g.header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", g.header.Get("Cache-Control"))
			}
			if g.header.Get("Vary") != "Authorization, Cookie" {
				t.Errorf("Vary %q", g.header.Get("Vary"))
			}
		})
	}
}

func TestScopes(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, Scopes: []string{"read", "write"}, Realm: "r", CacheSize: 10,
	}))
	for range 2 { // the second from the cache
		if g := sendToken(t, v, forge(jwtHeader, payload(`scope="write x read"`), hs256(secret))); g.status != 200 {
			t.Error(g.status)
		}
		g := sendToken(t, v, forge(jwtHeader, payload(`scope="read writes"`), hs256(secret)))
		if g.status != 403 || g.challenge != `Bearer realm="r", error="insufficient_scope", scope="read write"` || g.message != "Insufficient scope" {
			t.Errorf("%d %q %q", g.status, g.challenge, g.message)
		}
	}
}

func TestBySubject(t *testing.T) {
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), nil))
	known := guard.BySubject(i.Verifier(), func(_ context.Context, sub string) (string, bool, error) { return "user " + sub, sub == "1", nil })
	for sub, want := range map[string]int{"1": 200, "2": 401} {
		tokens := guard.Must(i.Issue(sub, profile{}))
		w := httptest.NewRecorder()
		known.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, name string) {
			tok, ok := guard.CredentialFrom[*jwtauth.Token[profile]](r.Context())
			if name != "user 1" || !ok || tok.Sub() != "1" {
				t.Errorf("%q %v", name, tok)
			}
		})).ServeHTTP(w, bearer(tokens.AccessToken))
		if w.Code != want || want == 401 && !strings.Contains(w.Body.String(), `"Invalid token"`) {
			t.Errorf("%s: %d %s", sub, w.Code, w.Body)
		}
	}
}

// TestRefusalsAreCopies changes an error that a caller got: the next caller gets
// the original.
func TestRefusalsAreCopies(t *testing.T) {
	down := denylist(func([]string) (bool, error) { return false, errors.New("down") })
	verifier := func(o jwtauth.VerifierOptions) *jwtauth.Verifier[profile] {
		o.Issuer, o.Audience, o.Now, o.Sources, o.Realm = "me", []string{"api"}, atNoon, headerOrCookie, "r"
		return guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &o))
	}
	plain, scoped, failing := verifier(jwtauth.VerifierOptions{CacheSize: 10}), verifier(jwtauth.VerifierOptions{Scopes: []string{"admin"}, CacheSize: 10}), verifier(jwtauth.VerifierOptions{Denylist: down})
	good := forge(jwtHeader, payload(), hs256(secret))
	crossSite := bearer("")
	crossSite.Method, crossSite.Header["Cookie"], crossSite.Header["Sec-Fetch-Site"] = "POST", []string{"tok=" + good}, []string{"cross-site"}
	repeated := bearer(good)
	repeated.Header["Cookie"] = []string{"tok=" + good + "x"}
	authenticate := func(v *jwtauth.Verifier[profile], r *http.Request) func() error {
		return func() error { _, err := v.Authenticate(r); return err }
	}
	for name, refusal := range map[string]func() error{
		"not a token":      authenticate(plain, bearer("a b")),
		"segments":         authenticate(plain, bearer("a")),
		"repeated":         authenticate(plain, repeated),
		"cross-site":       authenticate(plain, crossSite),
		"expired":          authenticate(plain, bearer(forge(jwtHeader, payload("exp=1"), hs256(secret)))),
		"no scope":         authenticate(scoped, bearer(good)),
		"denylist down":    authenticate(failing, bearer(good)),
		"Verify":           func() error { _, err := plain.Verify(t.Context(), "a"); return err },
		"Verify, too long": func() error { _, err := plain.Verify(t.Context(), strings.Repeat("a", 9000)); return err },
		"Revoke":           func() error { return failing.Revoke(t.Context(), &jwtauth.Token[profile]{Issuer: "me", ID: "j"}) },
		"Scheme":           func() error { return plain.Scheme().Unknown },
	} {
		first, ok := errors.AsType[*guard.Error](refusal())
		if !ok {
			t.Errorf("%s: not a refusal", name)
			continue
		}
		text := func(e *guard.Error) string {
			return fmt.Sprintf("%d %q %q %q %v %v %t", e.Status, e.Code, e.Message, e.Challenges, e.Header, e.Err, e.Dead)
		}
		want := text(first)
		first.Status, first.Message, first.Err, first.Header = 418, "changed", nil, http.Header{"X": {"changed"}}
		for i := range first.Challenges {
			first.Challenges[i] = "changed"
		}
		second, _ := errors.AsType[*guard.Error](refusal())
		if got := text(second); got != want {
			t.Errorf("%s: after a change of the first: %s; want %s", name, got, want)
		}
	}
}
