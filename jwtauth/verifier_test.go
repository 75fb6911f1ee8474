package jwtauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

func TestRequests(t *testing.T) {
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{
		Cookie: "tok", Realm: `a "b"`, ResourceMetadata: "https://api.example/.well-known/x", Missing: "Log in",
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
		{"cookie and field", "GET", http.Header{"Cookie": {"tok=" + good}, "Authorization": {"Bearer " + good}}, 400, "More than one credential was sent", ""},
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

func TestToken(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api", "web"}, Now: atNoon,
	}))
	tok := sendToken(t, v, forge(jwtHeader, payload(`aud=["x","web"]`, `sid="s"`, `scope="a b"`, `scp=["c"]`, `email="a@b"`), hs256(secret))).token
	if tok.Sub() != "1" || tok.Issuer != "me" || !slices.Equal(tok.Audience, []string{"x", "web"}) || tok.ID != "j" || tok.SessionID != "s" ||
		!tok.IssuedAt.Equal(noon) || !tok.ExpiresAt.Equal(noon.Add(time.Minute)) || !slices.Equal(tok.Scopes(), []string{"a", "b"}) ||
		tok.Claims != (profile{"a@b", "user"}) {
		t.Errorf("%+v", tok)
	}
	for _, tt := range []struct {
		claim string
		want  []string
	}{
		{`scp=["a","b"]`, []string{"a", "b"}}, {`scp="a  b"`, []string{"a", "b"}}, {`scope=["a","b"]`, []string{"a", "b"}},
		{`scope=""`, nil}, {`scope=7`, nil}, {`scope={"a":1}`, nil}, {`x=1`, nil},
	} {
		g := sendToken(t, v, forge(jwtHeader, payload(tt.claim), hs256(secret)))
		if g.status != 200 || !slices.Equal(g.token.Scopes(), tt.want) {
			t.Errorf("%s: %d %v", tt.claim, g.status, g.token)
		}
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

// Claims of many shapes: encoding/json would take names of another case for
// their fields' in all of them.
func TestClaimsMatchExactly(t *testing.T) {
	type Base struct {
		Org string `json:"org"`
	}
	type Inner struct {
		Admin bool   `json:"admin"`
		Next  *Inner `json:"next"`
	}
	type claims struct {
		Base
		*Inner
		Role    string
		Nested  Inner              `json:"nested"`
		List    []Inner            `json:"list"`
		Map     map[string]Inner   `json:"map"`
		Deep    map[string][]*Base `json:"deep"`
		Free    map[string]any     `json:"free"`
		At      time.Time          `json:"at"`
		Ignored string             `json:"-"`
		hidden  string
	}
	v := guard.Must(jwtauth.NewVerifier[claims](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	for claim, want := range map[string]string{
		`org="x"`:                        "",
		`ORG="x"`:                        caseReason,
		`Role="x"`:                       "",
		`role="x"`:                       caseReason,
		`nested={"admin":true}`:          "",
		`nested={"Admin":true}`:          caseReason,
		`nested={"next":{"ADMIN":true}}`: caseReason,
		`list=[{"admin":true}]`:          "",
		`list=[{},{"aDmin":true}]`:       caseReason,
		`map={"Admin":{"admin":true}}`:   "",
		`map={"x":{"Admin":true}}`:       caseReason,
		`deep={"x":[{"Org":"y"}]}`:       caseReason,
		`free={"a":1,"A":{"b":1,"B":2}}`: "",
		`at="2020-01-01T00:00:00Z"`:      "",
		`at={"Wall":1}`:                  claimsReason,
		`ignored=1`:                      "",
		`Hidden=1`:                       "",
		`admin=true`:                     "",
		`ADMIN=true`:                     caseReason,
		`Inner=1`:                        "",
	} {
		tok, err := v.Verify(t.Context(), forge(`{"alg":"HS256"}`, payload("role=", claim), hs256(secret)))
		if want == "" && (err != nil || tok.Claims.hidden != "") || want != "" && (err == nil || errors.Unwrap(err).Error() != want) {
			t.Errorf("%s: %v; want %q", claim, err, want)
		}
	}
}

// Claims of strings alone are read as encoding/json would.
func TestClaimsOfStrings(t *testing.T) {
	type claims struct {
		A string `json:"a"`
		B string `json:"b,omitempty"`
		C string
		D string `json:"-"`
		e string
	}
	v := guard.Must(jwtauth.NewVerifier[claims](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	for _, tt := range []struct {
		claims []string
		want   claims
		reason string
	}{
		{nil, claims{}, ""},
		{[]string{`a="1"`, `b="\u00e4\n"`, `C="3"`, `D="4"`, `e="5"`}, claims{A: "1", B: "ä\n", C: "3"}, ""},
		{[]string{`a=null`, `b=""`}, claims{}, ""},
		{[]string{`a=1`}, claims{}, claimsReason},
		{[]string{`a=["1"]`}, claims{}, claimsReason},
		{[]string{`a={"b":"1"}`}, claims{}, claimsReason},
		{[]string{`a=true`}, claims{}, claimsReason},
		{[]string{`A="1"`}, claims{}, caseReason},
		{[]string{`c="1"`}, claims{}, caseReason},
		{[]string{`a="1"`, `x="2"`}, claims{A: "1", e: ""}, ""},
		{[]string{`a=nil`}, claims{}, jsonReason},
		{[]string{`D={"x":1,"x":2}`}, claims{}, twiceReason},
	} {
		tok, err := v.Verify(t.Context(), forge(jwtHeader, payload(tt.claims...), hs256(secret)))
		if tt.reason == "" && (err != nil || tok.Claims != tt.want) || tt.reason != "" && (err == nil || errors.Unwrap(err).Error() != tt.reason) {
			t.Errorf("%q: %+v, %v; want %+v, %q", tt.claims, tok, err, tt.want, tt.reason)
		}
	}
}

// These are not: they go through encoding/json.
func TestClaimsOfStringsWithMore(t *testing.T) {
	verify := func(claim string, scoped bool) (string, error) {
		token := forge(jwtHeader, payload("role=", claim), hs256(secret))
		o := &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}
		if scoped {
			tok, err := guard.Must(jwtauth.NewVerifier[struct {
				Scope string `json:"scope"`
			}](jwtauth.HMAC("HS256", secret), o)).Verify(t.Context(), token)
			if err != nil {
				return "", err
			}
			return tok.Claims.Scope, nil
		}
		tok, err := guard.Must(jwtauth.NewVerifier[struct {
			N string `json:"n,string"`
		}](jwtauth.HMAC("HS256", secret), o)).Verify(t.Context(), token)
		if err != nil {
			return "", err
		}
		return tok.Claims.N, nil
	}
	if got, err := verify(`scope="a b"`, true); got != "a b" || err != nil {
		t.Error(got, err)
	}
	if got, err := verify(`n="\"x\""`, false); got != "x" || err != nil {
		t.Error(got, err)
	}
}

func TestClaimsAsMap(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[map[string]any](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	tok, err := v.Verify(t.Context(), forge(jwtHeader, payload(`scope="a"`, `x={"y":[1]}`), hs256(secret)))
	if err != nil || len(tok.Claims) != 4 || tok.Claims["role"] != "user" || tok.Claims["type"] != "access" || tok.Claims["scope"] != "a" {
		t.Errorf("%v %v", tok, err)
	}
	p := guard.Must(jwtauth.NewVerifier[*profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	tok2, err := p.Verify(t.Context(), forge(jwtHeader, payload("role="), hs256(secret)))
	if err != nil || tok2.Claims == nil {
		t.Errorf("%v %v", tok2, err)
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

type registeredClaims struct {
	Subject string `json:"sub"`
}

func TestOptionsMistakes(t *testing.T) {
	hs := jwtauth.HMAC("HS256", secret)
	type options = jwtauth.VerifierOptions
	type issuerOptions = jwtauth.IssuerOptions
	verifier := func(o *options) error {
		v, err := jwtauth.NewVerifier[profile](hs, o)
		if (v == nil) != (err != nil) {
			t.Errorf("%v, %v", v, err)
		}
		return err
	}
	issuer := func(o *issuerOptions) error {
		i, err := jwtauth.NewIssuer[profile](hs, o)
		if (i == nil) != (err != nil) {
			t.Errorf("%v, %v", i, err)
		}
		return err
	}
	one := func(_ any, err error) error { return err }
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"none", verifier(nil), ""},
		{"leeway", verifier(&options{Leeway: 2*time.Minute + 1}), "Leeway"},
		{"negative leeway", verifier(&options{Leeway: -1}), "Leeway"},
		{"size", verifier(&options{MaxTokenBytes: 1 << 20}), "MaxTokenBytes"},
		{"negative size", verifier(&options{MaxTokenBytes: -1}), "MaxTokenBytes"},
		{"cache", verifier(&options{CacheSize: 1 << 21}), "CacheSize"},
		{"negative cache", verifier(&options{CacheSize: -1}), "CacheSize"},
		{"cache time", verifier(&options{CacheTTL: -1}), "CacheTTL"},
		{"cookie", verifier(&options{Cookie: "a b"}), "Cookie"},
		{"scope", verifier(&options{Scopes: []string{"a b"}}), "scope"},
		{"realm", verifier(&options{Realm: "a\nb"}), "realm"},
		{"metadata", verifier(&options{ResourceMetadata: "a\nb"}), "resource_metadata"},
		{"empty audience", verifier(&options{Audience: []string{""}}), "audience is empty"},
		{"lifetime", issuer(&issuerOptions{Lifetime: time.Millisecond}), "Lifetime"},
		{"long lifetime", issuer(&issuerOptions{Lifetime: 367 * 24 * time.Hour}), "Lifetime"},
		{"leeway of an issuer", issuer(&issuerOptions{Leeway: -1}), "Leeway"},
		{"size of an issuer", issuer(&issuerOptions{MaxTokenBytes: -1}), "MaxTokenBytes"},
		{"cache of an issuer", issuer(&issuerOptions{CacheSize: -1}), "CacheSize"},
		{"cache time of an issuer", issuer(&issuerOptions{CacheTTL: -1}), "CacheTTL"},
		{"cookie of an issuer", issuer(&issuerOptions{Cookie: "a b"}), "Cookie"},
		{"scope of an issuer", issuer(&issuerOptions{Scopes: []string{"a b"}}), "scope"},
		{"realm of an issuer", issuer(&issuerOptions{Realm: "a\nb"}), "realm"},
		{"metadata of an issuer", issuer(&issuerOptions{ResourceMetadata: "a\nb"}), "resource_metadata"},
		{"empty audience of an issuer", issuer(&issuerOptions{Audience: []string{""}}), "audience is empty"},
		{"issuer with a public key", one(jwtauth.NewIssuer[profile](jwtauth.RSA("RS256", &rsaKey().PublicKey), nil)), "needs a private key"},
		{"bad previous key", issuer(&issuerOptions{Previous: []jwtauth.Key{{}}}), "the zero Key"},
		{"no keys", one(jwtauth.NewVerifier[profile](nil, nil)), "no keys"},
		{"Keys of none", one(jwtauth.NewVerifier[profile](jwtauth.Keys(), nil)), "no keys"},
		{"five keys without id", one(jwtauth.NewVerifier[profile](jwtauth.Keys(hs, hs, hs, hs, hs), nil)), "give them ids"},
		{"trust without keys", verifier(&options{Issuer: "a", Trust: []jwtauth.Trust{{Issuer: "b"}}}), "no keys"},
		{"trust without a name", verifier(&options{Issuer: "a", Trust: []jwtauth.Trust{{Keys: hs}}}), "number 2 has no name"},
		{"first without a name", verifier(&options{Trust: []jwtauth.Trust{{Issuer: "b", Keys: hs}}}), "number 1 has no name"},
		{"trust twice", verifier(&options{Issuer: "a", Trust: []jwtauth.Trust{{Issuer: "a", Keys: hs}}}), "has the name of another"},
		{"trust alone", one(jwtauth.NewVerifier[profile](nil, &options{Trust: []jwtauth.Trust{{Issuer: "a", Keys: hs}}})), ""},
		{"issuer without keys", one(jwtauth.NewVerifier[profile](nil, &options{Issuer: "x", Trust: []jwtauth.Trust{{Issuer: "a", Keys: hs}}})), "without keys of their own"},
		{"audience without keys", one(jwtauth.NewVerifier[profile](nil, &options{Audience: []string{"x"}, Trust: []jwtauth.Trust{{Issuer: "a", Keys: hs}}})), "without keys of their own"},
		{"claims that are registered", one(jwtauth.NewVerifier[registeredClaims](hs, nil)), `defines "sub"`},
		{"claims that fold to registered ones", one(jwtauth.NewVerifier[struct{ Exp int64 }](hs, nil)), `defines "exp"`},
		{"embedded claims that are registered", one(jwtauth.NewVerifier[struct{ registeredClaims }](hs, nil)), `defines "sub"`},
		{"type of an issuer", one(jwtauth.NewIssuer[struct{ Type string }](hs, nil)), `defines "type"`},
		{"type of a verifier", one(jwtauth.NewVerifier[struct{ Type string }](hs, nil)), ""},
		{"claims a string", one(jwtauth.NewVerifier[string](hs, nil)), "a struct or a map"},
		{"claims any", one(jwtauth.NewVerifier[any](hs, nil)), "a struct or a map"},
		{"claims a map of strings", one(jwtauth.NewVerifier[map[string]string](hs, nil)), "a struct or a map"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" && tt.err != nil || tt.want != "" && (tt.err == nil || !strings.Contains(tt.err.Error(), tt.want)) {
				t.Errorf("error %v; want %q", tt.err, tt.want)
			}
		})
	}
	_, err := jwtauth.NewVerifier[string](jwtauth.Key{}, &jwtauth.VerifierOptions{Leeway: -1, Realm: "\n"})
	for _, want := range []string{"Leeway", "realm", "zero Key", "a struct or a map"} {
		if err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("error %v does not report %s once", err, want)
		}
	}

	// Discover over http, without an audience, was the first mistake alone.
	_, err = jwtauth.NewVerifier[struct{ Sub, Exp string }](jwtauth.Discover("http://idp.example", nil), &jwtauth.VerifierOptions{
		Realm: "\n", ResourceMetadata: "\n", Trust: []jwtauth.Trust{{}},
	})
	for _, want := range []string{"is not https", "without Audience", `"sub"`, `"exp"`, "realm", "resource_metadata", "no keys", "number 2 has no name"} {
		if err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("error %v does not report %s once", err, want)
		}
	}
	const secret = "https://u:p%zz@idp.example"
	broken := jwtauth.Discover(secret, nil)
	_, err = jwtauth.NewVerifier[profile](broken, &jwtauth.VerifierOptions{Trust: []jwtauth.Trust{{Keys: broken}, {Issuer: "x", Keys: broken}}})
	if err == nil || strings.Contains(err.Error(), "u:p") {
		t.Errorf("error %v", err)
	}
}
