package oauth_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/signin/oauth"
)

// with sets a claim of a right logout token.
func with(name string, v any) func(*provider) string {
	return func(*provider) string { return logoutToken(func(c object) { c[name] = v }) }
}

func without(names ...string) func(*provider) string {
	return func(*provider) string {
		return logoutToken(func(c object) {
			for _, name := range names {
				delete(c, name)
			}
		})
	}
}

// withHeader is a right logout token with another header.
func withHeader(h object) func(*provider) string {
	return func(*provider) string { return signed(h, logoutClaims(), signingKey) }
}

// payload is a token with the text of a payload, in which right claims go on after it.
func payload(start string) func(*provider) string {
	return func(*provider) string {
		return signedText(text(logoutHeader), start+text(logoutClaims())[1:], signingKey)
	}
}

func event(v any) func(*provider) string { return with("events", v) }

func rawToken(parts ...string) string {
	for i := range parts[:len(parts)-1] {
		parts[i] = base64.RawURLEncoding.EncodeToString([]byte(parts[i]))
	}
	return strings.Join(parts, ".")
}

// A logoutFault is a token that ends no session. A stranger's token makes no request to the
// provider, unless fetches says that it could be one of the provider's.
var logoutFaults = []struct {
	name    string
	token   func(p *provider) string
	reason  string
	fetches bool
}{
	{"another iss", with("iss", "https://evil.example"), "iss is missing or another", false},
	{"iss with a slash", with("iss", issuer+"/"), "iss is missing or another", false},
	{"no iss", without("iss"), "iss is missing or another", false},
	{"iss in an array", with("iss", []string{issuer}), "of another type", false},
	{"another client", with("aud", "another"), "another client", false},
	{"several other clients", with("aud", []string{"another", "third"}), "another client", false},
	{"no aud", without("aud"), "another client", false},
	{"aud is null", with("aud", nil), "another client", false},
	{"aud is empty", with("aud", ""), "another client", false},
	{"aud is an empty array", with("aud", []string{}), "another client", false},
	{"aud in an object", with("aud", object{clientID: true}), "another client", false},
	{"aud in two arrays", with("aud", [][]string{{clientID}}), "another client", false},
	{"aud in another case", with("aud", strings.ToUpper(clientID)), "another client", false},
	{"two aud without azp", with("aud", []string{clientID, "another"}), "azp is missing", false},
	{"azp of another client", with("azp", "another"), "azp is another client", false},
	{"no iat", without("iat"), "iat is missing or more than five minutes", false},
	{"iat six minutes ago", with("iat", ago(6*time.Minute)), "iat is missing or more than five minutes", false},
	{"iat is zero", with("iat", 0), "iat is missing or more than five minutes", false},
	{"iat is negative", with("iat", -1), "iat is missing or more than five minutes", false},
	{"iat is huge", with("iat", 1e300), "iat is missing or more than five minutes", false},
	{"iat is null", with("iat", nil), "iat is missing or more than five minutes", false},
	{"iat is a string", with("iat", "now"), "of another type", false},
	{"iat in the future", with("iat", ago(-time.Hour)), "iat is in the future", false},
	{"no exp", without("exp"), "exp is missing or past", false},
	{"exp is past", with("exp", ago(6*time.Second)), "exp is missing or past", false},
	{"exp is a string", with("exp", "2147483647"), "of another type", false},
	{"no jti", without("jti"), "jti is missing or empty", false},
	{"an empty jti", with("jti", ""), "jti is missing or empty", false},
	{"jti is null", with("jti", nil), "jti is missing or empty", false},
	{"jti is a number", with("jti", 7), "of another type", false},
	{"a nonce", with("nonce", "n"), "has a nonce", false},
	{"an empty nonce", with("nonce", ""), "has a nonce", false},
	{"nonce is null", with("nonce", nil), "has a nonce", false},
	{"no events", without("events"), "no object of the back-channel logout", false},
	{"events is null", event(nil), "no object of the back-channel logout", false},
	{"no event", event(object{}), "no object of the back-channel logout", false},
	{"another event", event(object{"http://schemas.openid.net/event/other": object{}}), "no object of the back-channel logout", false},
	{"the event with https", event(object{strings.Replace(eventName, "http:", "https:", 1): object{}}), "no object of the back-channel logout", false},
	{"the event in another case", event(object{strings.ToUpper(eventName): object{}}), "no object of the back-channel logout", false},
	{"the event is null", event(object{eventName: nil}), "no object of the back-channel logout", false},
	{"the event is true", event(object{eventName: true}), "no object of the back-channel logout", false},
	{"the event is a string", event(object{eventName: "{}"}), "no object of the back-channel logout", false},
	{"the event is an array", event(object{eventName: []any{object{}}}), "no object of the back-channel logout", false},
	{"events is an array", event([]string{eventName}), "of another type", false},
	{"events is a string", event(eventName), "of another type", false},
	{"neither sub nor sid", without("sub", "sid"), "neither sub nor sid", false},
	{"sub and sid are null", payload(`{"sub":null,"sid":null,"x":`), "strict JSON", false}, // which occur again
	{"an empty sid", with("sid", ""), "or an empty sid", false},
	{"an empty sub", with("sub", ""), "longer than 255 bytes or", false},
	{"sub of 256 bytes", with("sub", strings.Repeat("a", 256)), "longer than 255", false},
	{"sub with a line break", with("sub", "a\nb"), "control characters", false},
	{"sub is a number", with("sub", 12), "of another type", false},
	{"sid is a number", with("sid", 12), "of another type", false},
	{"sub is null, and a sid", with("sub", nil), "wrong JSON type", true},
	{"sid is null, and a sub", with("sid", nil), "wrong JSON type", true},
	{"sub twice", payload(`{"sub":"user-2",`), "strict JSON", false},
	{"sid twice", payload(`{"sid":"session-2",`), "strict JSON", false},
	{"the event twice", func(*provider) string {
		claims := strings.Replace(text(logoutClaims()), `"`+eventName+`":{}`, `"`+eventName+`":{},"`+eventName+`":{}`, 1)
		return signedText(text(logoutHeader), claims, signingKey)
	}, "strict JSON", false},
	{"Sid beside sid", payload(`{"Sid":"session-2",`), "strict JSON", false},
	{"EVENTS beside events", payload(`{"EVENTS":{},`), "strict JSON", false},
	{"two objects", func(*provider) string {
		return signedText(text(logoutHeader), text(logoutClaims())+"{}", signingKey)
	}, "strict JSON", false},
	{"an array", func(*provider) string { return signedText(text(logoutHeader), "[]", signingKey) }, "strict JSON", false},
	{"null", func(*provider) string { return signedText(text(logoutHeader), "null", signingKey) }, "strict JSON", false},
	{"nested too deep", payload(`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + ","), "strict JSON", false},
	{"nbf in the future", with("nbf", ago(-time.Hour)), "nbf is in the future", true},
	{"bound to a key", with("cnf", object{"jkt": "x"}), "cnf", true},

	{"typ of an access token", withHeader(object{"alg": "ES256", "kid": "1", "typ": "at+jwt"}), "typ is not accepted", false},
	{"typ of a security event token", withHeader(object{"alg": "ES256", "kid": "1", "typ": "secevent+jwt"}), "typ is not accepted", false},
	{"an empty typ", withHeader(object{"alg": "ES256", "kid": "1", "typ": ""}), "typ is not accepted", false},
	{"typ is a number", withHeader(object{"alg": "ES256", "kid": "1", "typ": 1}), "wrong JSON type", false},
	{"no alg", withHeader(object{"kid": "1"}), "alg is not", false},
	{"alg none", func(*provider) string { return rawToken(`{"alg":"none"}`, text(logoutClaims()), "") }, "three segments", false},
	{"alg none with a signature", withHeader(object{"alg": "none", "kid": "1"}), "alg is not", false},
	{"HS256 with the client secret", hmacToken([]byte(secret)), "alg is not", false},
	{"HS256 with the public key", hmacToken(guard.Must(signingKey.PublicKey.Bytes())), "alg is not", false},
	{"an alg that the metadata does not list", func(p *provider) string {
		p.metadata = func(m object) { m["id_token_signing_alg_values_supported"] = []string{"RS256"} }
		return logoutToken(nil)
	}, "not one of the provider's metadata", true},
	{"a key of ours", func(*provider) string { return signed(logoutHeader, logoutClaims(), otherKey) }, "signature does not verify", true},
	{"an unknown kid", withHeader(object{"alg": "ES256", "kid": "2"}), "no key of this kid", true},
	{"jwk in the header", func(*provider) string {
		return signed(object{"alg": "ES256", "kid": "x", "jwk": jwk(otherKey, "x")}, logoutClaims(), otherKey)
	}, "no key of this kid", true},
	{"crit", withHeader(object{"alg": "ES256", "kid": "1", "crit": []string{"x"}, "x": 1}), "crit", false},
	{"another signature", func(*provider) string {
		one, two := logoutToken(nil), logoutToken(nil)
		return one[:strings.LastIndexByte(one, '.')] + two[strings.LastIndexByte(two, '.'):]
	}, "signature does not verify", true},
	{"no signature", func(*provider) string { s := logoutToken(nil); return s[:strings.LastIndexByte(s, '.')] }, "three segments", false},
	{"an empty signature", func(*provider) string { s := logoutToken(nil); return s[:strings.LastIndexByte(s, '.')+1] }, "three segments", false},
	{"an encrypted token", func(*provider) string { return logoutToken(nil) + ".eA.eA" }, "three segments", false},
	{"a padded token", func(*provider) string { return logoutToken(nil) + "==" }, "padding", false},
	{"a line break in the token", func(*provider) string { return strings.Replace(logoutToken(nil), ".", "\n.", 1) }, "not one token", false},
	{"no token", func(*provider) string { return "<script>" }, "three segments", false},
	{"dots", func(*provider) string { return ".." }, "strict JSON", false},
	{"a large token", with("x", strings.Repeat("a", 17<<10)), "16 KiB", false},
}

func hmacToken(key []byte) func(*provider) string {
	return func(*provider) string {
		s := rawToken(`{"alg":"HS256","kid":"1","typ":"logout+jwt"}`, text(logoutClaims()), "")
		m := hmac.New(sha256.New, key)
		m.Write([]byte(strings.TrimSuffix(s, ".")))
		return s + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
	}
}

// TestHostileLogoutTokens: none ends a session, the reason reaches Observe alone, and the jti
// is not spent.
func TestHostileLogoutTokens(t *testing.T) {
	t.Logf("%d tokens", len(logoutFaults))
	for _, tt := range logoutFaults {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newProvider()
			token := tt.token(p)
			rc := newReceiver(t, p, oauth.Options{})
			w := rc.deliver(token)
			if w.Code != 400 || w.Body.String() != `{"error":"Bad Request","message":"Invalid logout token"}` || rc.count() != 0 {
				t.Errorf("%d %s, %d ended", w.Code, w.Body, rc.count())
			}
			if !strings.Contains(rc.reason(), tt.reason) {
				t.Errorf("reason %q, want %q", rc.reason(), tt.reason)
			}
			if d := rc.decisions; len(d) != 1 || d[0].Outcome != guard.Refused || d[0].Action != "sign-out" || d[0].Subject != "" {
				t.Errorf("decisions %+v", d)
			}
			if fetches := p.count("") > 0; fetches != tt.fetches {
				t.Errorf("%d requests to the provider", p.count(""))
			}
			p.shown = append(p.shown, token)
			rc.checkNoSecrets(w)
		})
	}
}

// TestLogoutTokenDates has the limits to the second.
func TestLogoutTokenDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rc := newReceiver(t, newProvider(), oauth.Options{})
		for _, tt := range []struct {
			claim string
			ago   time.Duration
			want  int
		}{
			{"iat", 5 * time.Minute, 200}, {"iat", 5*time.Minute + time.Second, 400}, {"iat", -5 * time.Second, 200}, {"iat", -6 * time.Second, 400},
			{"exp", 4 * time.Second, 200}, {"exp", 5 * time.Second, 400}, {"nbf", -5 * time.Second, 200}, {"nbf", -6 * time.Second, 400},
		} {
			if w := rc.deliver(logoutToken(func(c object) { c[tt.claim] = ago(tt.ago) })); w.Code != tt.want {
				t.Errorf("%s %v ago: %d %s", tt.claim, tt.ago, w.Code, rc.reason())
			}
		}
	})
}

// A stranger's tokens cause one fetch within Refetch, and leave the jti to the provider.
func TestStrangersLogoutTokens(t *testing.T) {
	p := newProvider()
	rc := newReceiver(t, p, oauth.Options{})
	if w := rc.deliver(logoutToken(nil)); w.Code != 200 {
		t.Fatal(w.Code)
	}
	claims := logoutClaims()
	before := p.count("")
	for range 100 {
		if w := rc.deliver(signed(object{"alg": "ES256", "kid": rand.Text()}, claims, otherKey)); w.Code != 400 {
			t.Fatal(w.Code, rc.reason())
		}
	}
	if n := p.count("") - before; n != 0 { // Refetch after the first
		t.Errorf("%d requests", n)
	}
	if w := rc.deliver(signed(logoutHeader, claims, signingKey)); w.Code != 200 || rc.count() != 2 {
		t.Errorf("the provider's: %d %s", w.Code, rc.reason())
	}
}

// An ID token, an access token and a client assertion are no logout tokens, and
// a logout token is no ID token.
func TestTokenConfusion(t *testing.T) {
	p := newProvider()
	rc := newReceiver(t, p, oauth.Options{})
	if w := rc.signIn(""); w.Code != 303 {
		t.Fatal(w.Code)
	}
	access := logoutClaims()
	delete(access, "events")
	access["scope"] = "openid"
	noNonce := logoutClaims()
	delete(noNonce, "events")
	assertion := object{"iss": clientID, "sub": clientID, "aud": issuer, "jti": "1", "iat": ago(0), "exp": ago(-time.Minute)}
	for name, token := range map[string]string{
		"an ID token":                   string(rc.who.IDToken),
		"an ID token without a nonce":   signed(object{"alg": "ES256", "kid": "1"}, noNonce, signingKey),
		"an access token":               signed(object{"alg": "ES256", "kid": "1", "typ": "at+jwt"}, access, signingKey),
		"an access token with typ JWT":  signed(object{"alg": "ES256", "kid": "1", "typ": "JWT"}, access, signingKey),
		"a client assertion":            signed(object{"alg": "ES256", "kid": "1", "typ": "JWT"}, assertion, otherKey),
		"an ID token in a logout's typ": signed(logoutHeader, noNonce, signingKey),
	} {
		if w := rc.deliver(token); w.Code != 400 || rc.count() != 0 {
			t.Errorf("%s: %d, %d ended", name, w.Code, rc.count())
		}
	}
	for name, tt := range map[string]struct{ header object }{
		"typ logout+jwt": {logoutHeader},
		"typ JWT":        {object{"alg": "ES256", "kid": "1", "typ": "JWT"}},
		"no typ":         {object{"alg": "ES256", "kid": "1"}},
	} {
		p := newProvider()
		p.idToken = func(string) string { return signed(tt.header, logoutClaims(), signingKey) }
		a := newApp(t, p, oauth.Options{})
		if w := a.signIn(""); w.Code != 401 || a.calls != 0 {
			t.Errorf("a logout token with %s as ID token: %d, %d calls", name, w.Code, a.calls)
		}
		v := guard.Must(jwtauth.NewVerifier[struct{}](jwtauth.ECDSA("ES256", &signingKey.PublicKey), &jwtauth.VerifierOptions{Issuer: issuer, Audience: []string{clientID}}))
		if _, err := v.Verify(t.Context(), signed(logoutHeader, logoutClaims(), signingKey)); err == nil {
			t.Error("a logout token is an access token")
		}
	}
}

// Ref is of the issuer and the session, in 43 characters, on both sides.
func TestRef(t *testing.T) {
	refs := map[string][2]string{}
	for _, id := range [][2]string{
		{"https://a.example", "1"}, {"https://a.example", "2"}, {"https://b.example", "1"}, {"https://a.example1", ""}, {"https://a.exampl", "e1"},
		{"https://a.example", strings.Repeat("s", 10_000)}, {"https://a.example", "\x00"}, {"", "https://a.example1"},
	} {
		who := oauth.Identity[claims]{Issuer: id[0], Subject: "x", SessionID: id[1]}
		ref := oauth.LogoutToken{Issuer: id[0], Subject: "y", SessionID: id[1]}.Ref()
		if id[1] == "" {
			if ref != "" || who.Ref() != "" {
				t.Errorf("%q: %q, %q", id, ref, who.Ref())
			}
			continue
		}
		if other, ok := refs[ref]; ok || len(ref) != 43 || ref != who.Ref() {
			t.Errorf("%q: %q, %q, as of %q", id, ref, who.Ref(), other)
		}
		refs[ref] = id
	}
}

// FuzzLogoutToken: what is not signed by the provider ends nothing and is 400, whatever it
// is, and no request to the provider is needed to see it.
func FuzzLogoutToken(f *testing.F) {
	for _, s := range []string{
		"", ".", "..", "...", "e30.e30.e30", "eyJhbGciOiJub25lIn0.e30.", rawToken(`{"alg":"HS256"}`, `{"iss":"https://idp.example"}`, "AA"),
		rawToken(`{"alg":"ES256","kid":"1"}`, `{"iss":null,"aud":[],"iat":-1,"events":{}}`, "AA"),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		p := newProvider()
		rc := newReceiver(t, p, oauth.Options{})
		r := httptest.NewRequest("POST", "/", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
		if w := rc.send(r); w.Code != 400 || rc.count() != 0 || p.count("") != 0 {
			t.Errorf("%d, %d ended, %d requests: %s", w.Code, rc.count(), p.count(""), rc.reason())
		}
	})
}

// With several tenants, a logout token is of the tenant that it names, with a key of it.
func TestLogoutTokenOfATenant(t *testing.T) {
	for name, tt := range map[string]struct {
		iss, tid  string
		keyIssuer string
		want      int
		reason    string
	}{
		"a tenant":                {ofTenant(tenantA), tenantA, ofTenant(template), 200, ""},
		"another tenant":          {ofTenant(tenantB), tenantB, ofTenant(template), 200, ""},
		"the tid of another":      {ofTenant(tenantA), tenantB, ofTenant(template), 400, "iss is not that of the token's tid"},
		"the template":            {ofTenant(template), template, ofTenant(template), 400, "iss is not that of the token's tid"},
		"personal":                {ofTenant(personal), personal, ofTenant(template), 400, "of no tenant that may sign in"},
		"a key of another tenant": {ofTenant(tenantA), tenantA, ofTenant(tenantB), 400, "no key"},
	} {
		m := &microsoft{path: "organizations", issuer: ofTenant(template), keyIssuer: tt.keyIssuer}
		rc := newReceiver(t, newProvider(), oauth.Options{})
		login := appAt(t, m.sites(t), oauth.Microsoft("organizations"), registered, oauth.Options{}).login
		var ended oauth.LogoutToken
		rc.h = guard.Observe(func(_ *http.Request, d guard.Decision) { rc.decisions = append(rc.decisions, d) })(
			login.BackChannel(func(_ context.Context, token oauth.LogoutToken) error { ended = token; return nil }))
		w := rc.deliver(logoutToken(func(c object) { c["iss"], c["tid"], c["aud"] = tt.iss, tt.tid, registered.ID }))
		if w.Code != tt.want || !strings.Contains(rc.reason(), tt.reason) || (ended.Issuer == tt.iss) != (tt.want == 200) {
			t.Errorf("%s: %d %+v: %s", name, w.Code, ended, rc.reason())
		}
	}
}
