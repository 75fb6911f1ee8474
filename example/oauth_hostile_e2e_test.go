package main_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

// A fault is a hostile or broken provider, and what the log says of it.
type fault struct {
	name   string
	do     func(p *provider)
	status int
	reason string
	stays  bool // the sign-in can be completed afterwards
}

func claim(name string, v any) func(*provider) {
	return func(p *provider) { p.claims = func(c object) { c[name] = v } }
}

func noClaim(name string) func(*provider) {
	return func(p *provider) { p.claims = func(c object) { delete(c, name) } }
}

func head(h object) func(*provider) { return func(p *provider) { p.header = h } }

func at(path string, h http.HandlerFunc) func(*provider) {
	return func(p *provider) { p.paths[path] = h }
}

func answers(name string, v any) func(*provider) {
	return func(p *provider) { p.answer = func(a object) { a[name] = v } }
}

// seconds is a NumericDate from the start of the tests: one in the future has to outlive a soak.
func seconds(d time.Duration) int64 { return time.Now().Add(d).Unix() }

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func elsewhere(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
}

// hmacWith signs by HS256 with something that is no secret of the provider's.
func hmacWith(key []byte) func(*provider) {
	return func(p *provider) {
		p.header = object{"alg": "HS256"}
		p.sign = func(text string) []byte {
			m := hmac.New(sha256.New, key)
			m.Write([]byte(text))
			return m.Sum(nil)
		}
	}
}

const ownText = "text-of-the-provider"

var idTokenFaults = []fault{
	{"iss of another", claim("iss", "https://evil.example"), 401, "iss has another value", false},
	{"no iss", noClaim("iss"), 401, "iss is missing", false},
	{"iss in an array", func(p *provider) { p.claims = func(c object) { c["iss"] = []any{c["iss"]} } }, 401, "wrong JSON type", false},
	{"aud of another", claim("aud", "another"), 401, "aud has only other values", false},
	{"no aud", noClaim("aud"), 401, "aud is missing", false},
	{"two aud without azp", claim("aud", []string{clientID, "another"}), 401, "azp is missing", false},
	{"two aud, azp of another", func(p *provider) {
		p.claims = func(c object) { c["aud"], c["azp"] = []string{clientID, "another"}, "another" }
	}, 401, "azp is another client", false},
	{"azp of another", claim("azp", "another"), 401, "azp is another client", false},
	{"no sub", noClaim("sub"), 401, "sub is missing", false},
	{"empty sub", claim("sub", ""), 401, "sub is missing", false},
	{"sub is a number", claim("sub", 1), 401, "sub is a number", false},
	{"sub of 256 bytes", claim("sub", strings.Repeat("x", 256)), 401, "longer than 255", false},
	{"sub with a line break", claim("sub", "a\nb"), 401, "control characters", false},
	{"nonce of another", claim("nonce", "another"), 401, "nonce is missing or another", false},
	{"no nonce", noClaim("nonce"), 401, "nonce is missing or another", false},
	{"exp is past", claim("exp", seconds(-time.Minute)), 401, "exp is past", false},
	{"exp is past the skew", func(p *provider) { p.claims = func(c object) { c["exp"] = seconds(-7 * time.Second) } }, 401, "exp is past", false},
	{"no exp", noClaim("exp"), 401, "exp is missing", false},
	{"exp is a string", claim("exp", "2147483647"), 401, "wrong JSON type", false},
	{"iat in the future", claim("iat", seconds(24*time.Hour)), 401, "iat is in the future", false},
	{"iat of last week", claim("iat", seconds(-7*24*time.Hour)), 401, "iat is longer ago", false},
	{"no iat", noClaim("iat"), 401, "iat is missing", false},
	{"nbf in the future", claim("nbf", seconds(24*time.Hour)), 401, "nbf is in the future", false},
	{"alg none", func(p *provider) {
		p.header, p.sign = object{"alg": "none"}, func(string) []byte { return nil }
	}, 401, "three segments", false},
	{"alg none with a signature", head(object{"alg": "none", "kid": "ec"}), 401, "alg is not", false},
	{"no alg", head(object{"kid": "ec"}), 401, "alg", false},
	{"HS256 with the client secret", hmacWith([]byte(clientSecret)), 401, "alg is not", false},
	{"HS256 with the public key", hmacWith(guard.Must(providerKey.PublicKey.Bytes())), 401, "alg is not", false},
	{"alg of the other key", head(object{"alg": "RS256", "kid": "ec"}), 401, "alg", false},
	{"an algorithm that is not listed", func(p *provider) {
		p.metadata = func(m object) { m["id_token_signing_alg_values_supported"] = []string{"RS256"} }
	}, 401, "not one of the provider's metadata", false},
	{"a foreign signature", func(p *provider) { p.sign = es256(foreignKey) }, 401, "signature does not verify", false},
	{"a foreign signature without kid", func(p *provider) { p.header, p.sign = object{"alg": "ES256"}, es256(foreignKey) }, 401, "signature does not verify", false},
	{"no signature", func(p *provider) {
		p.idToken = func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }
	}, 401, "three segments", false},
	{"unknown kid", head(object{"alg": "ES256", "kid": "unknown"}), 401, "no key of this kid", false},
	{"a key in the header", func(p *provider) {
		p.header, p.sign = object{"alg": "ES256", "kid": "x", "jwk": jwkOf(foreignKey, "x")}, es256(foreignKey)
	}, 401, "no key of this kid", false},
	{"typ of an access token", head(object{"alg": "ES256", "kid": "ec", "typ": "at+jwt"}), 401, "typ is not accepted", false},
	{"typ of a logout token", head(object{"alg": "ES256", "kid": "ec", "typ": "logout+jwt"}), 401, "typ is not accepted", false},
	{"at_hash of another token", claim("at_hash", encode(make([]byte, 16))), 401, "at_hash", false},
	{"at_hash is empty", claim("at_hash", ""), 401, "at_hash", false},
	{"no ID token", func(p *provider) { p.answer = func(a object) { delete(a, "id_token") } }, 401, "no ID token", false},
	{"userinfo of another sub", func(p *provider) { p.user["sub"] = "user-2" }, 401, "another subject", false},
	{"userinfo without sub", func(p *provider) { delete(p.user, "sub") }, 401, "another subject", false},
	{"the keys are down", func(p *provider) {
		p.header = object{"alg": "ES256", "kid": "new"}
		p.answer = func(object) { p.paths["/jwks"] = hangUp }
	}, 503, "cannot be fetched", false},
}

var endpointFaults = []fault{
	{"invalid_grant", at("/token", respond(400, `{"error":"invalid_grant"}`)), 401, "invalid_grant", false},
	{"invalid_client", at("/token", respond(401, `{"error":"invalid_client"}`)), 500, "invalid_client", false},
	{"an error of its own", at("/token", respond(400, `{"error":"`+ownText+`"}`)), 500, "an error of its own", false},
	{"no answer", at("/token", hangUp), 503, "EOF", true},
	{"500", at("/token", respond(500, `{"error":"invalid_grant"}`)), 503, "status 500", true},
	{"502 of a proxy", at("/token", respond(502, "<html>"+ownText)), 503, "status 502", true},
	{"429", at("/token", respond(429, `{}`)), 503, "status 429", true},
	{"a redirect", at("/token", elsewhere), 503, "redirected", true},
	{"400 without a code", at("/token", respond(400, "<html>"+ownText)), 503, "no error code", true},
	{"200 that is too large", at("/token", respond(200, strings.Repeat(" ", 1<<20)+"{}")), 503, "larger than 1 MiB", false},
	{"200 that is no JSON", at("/token", respond(200, "access_token="+ownText)), 503, "not what its protocol has", false},
	{"200 with a member twice", at("/token", respond(200, `{"access_token":"a","access_token":"b","token_type":"bearer"}`)), 503, "not what its protocol has", false},
	{"200 without an access token", answers("access_token", nil), 503, "not what its protocol has", false},
	{"token_type DPoP", answers("token_type", "DPoP"), 503, "not what its protocol has", false},
	{"userinfo does not answer", at("/userinfo", hangUp), 503, "EOF", false},
	{"userinfo is 500", at("/userinfo", respond(500, "{}")), 503, "did not answer 200", false},
	{"userinfo redirects", at("/userinfo", elsewhere), 503, "did not answer 200", false},
	{"userinfo is too large", at("/userinfo", respond(200, strings.Repeat(" ", 1<<20)+`{"sub":"user-1"}`)), 503, "larger than 1 MiB", false},
	{"userinfo is no JSON", at("/userinfo", respond(200, ownText)), 503, "not what its protocol has", false},
}

// TestOAuthHostileProvider: whatever a provider answers, no one is signed in, the client
// learns nothing, and the log has the reason.
func TestOAuthHostileProvider(t *testing.T) {
	t.Parallel()
	list := append(idTokenFaults, endpointFaults...)
	p := newProvider(t)
	var shared *process
	for _, tt := range list {
		p.heal()
		server := shared
		if tt.name == "an algorithm that is not listed" || tt.name == "the keys are down" { // the metadata and keys are fetched at start
			p.set(tt.do)
			server = startOAuth(t, p, "OIDC_REFETCH=1ms")
		} else if shared == nil {
			shared = startOAuth(t, p)
			server = shared
		}
		t.Run(tt.name, func(t *testing.T) {
			v := newVisitor(p)
			q := p.authorize(t, v.begin(t, server, ""))
			p.set(tt.do)
			lines := strings.Count(server.logs(), "path=/oauth/callback")
			message := ""
			if tt.status == 401 {
				message = "Sign-in failed"
			}
			a := v.complete(t, server, q)
			row{status: tt.status, body: e(tt.status, message), header: []string{"Location:"}}.check(t, a)
			if v.signedIn() || (v.pending() == 1) != tt.stays {
				t.Errorf("%d pending, signed in: %t", v.pending(), v.signedIn())
			}
			reason := server.reason(t, "/oauth/callback", lines)
			if !strings.Contains(reason, tt.reason) {
				t.Errorf("the log says %q, want %q", reason, tt.reason)
			}
			if strings.Contains(a.body+reason, ownText) {
				t.Error("the provider's text is repeated")
			}
			p.heal()
			again := v.complete(t, server, q)
			if want := map[bool]int{true: 303, false: 400}[tt.stays]; again.status != want {
				t.Errorf("afterwards: %v, want %d", again, want)
			}
		})
	}
	if p.called("/elsewhere") != 0 {
		t.Error("a redirect was followed")
	}
}

// reason returns the reason that the log has of the last request to a path, after n.
func (p *process) reason(t *testing.T, path string, n int) (reason string) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^.* path=` + path + ` .*$`)
	harness.Eventually(t, "the request is in the log", func() bool { return len(line.FindAllString(p.logs(), -1)) > n })
	all := line.FindAllString(p.logs(), -1)
	_, reason, _ = strings.Cut(all[len(all)-1], " reason=")
	if text, err := strconv.Unquote(reason); err == nil {
		reason = text
	}
	return reason
}

// TestOAuthFriendlyProvider: what a right provider may do.
func TestOAuthFriendlyProvider(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	server := startOAuth(t, p)
	for _, tt := range []struct {
		name string
		do   func(*provider)
	}{
		{"ES256", func(*provider) {}},
		{"RS256", head(object{"alg": "RS256", "kid": "rsa"})},
		{"without kid", head(object{"alg": "RS256"})},
		{"without typ", head(object{"alg": "ES256", "kid": "ec"})},
		{"aud in an array", claim("aud", []string{clientID})},
		{"two aud and azp", func(p *provider) {
			p.claims = func(c object) { c["aud"], c["azp"] = []string{"another", clientID}, clientID }
		}},
		{"without at_hash", noClaim("at_hash")},
		{"iat and exp within the skew, of 5 seconds", func(p *provider) {
			p.claims = func(c object) { c["iat"], c["exp"] = seconds(3*time.Second), seconds(0) }
		}},
		{"token_type BEARER", answers("token_type", "BEARER")},
		{"an ID token that is too large for a session", claim("x", strings.Repeat("x", 20<<10))},
	} {
		p.heal()
		p.set(tt.do)
		v := newVisitor(p)
		a := v.complete(t, server, p.authorize(t, v.begin(t, server, "")))
		row{call: call{do: tt.name}, status: 303}.check(t, a)
		row{call: call{do: tt.name}, status: 200, body: me(p, "user-1", "dana@example.com")}.check(t, v.do(t, server, call{do: "GET /oauth/me"}))
	}
	// An iss that is not announced may be missing.
	silent := newProvider(t)
	silent.set(func(p *provider) {
		p.metadata = func(m object) { delete(m, "authorization_response_iss_parameter_supported") }
	})
	another := startOAuth(t, silent)
	for _, iss := range []string{"", silent.url} {
		v := newVisitor(silent)
		q := silent.authorize(t, v.begin(t, another, ""))
		if q.Set("iss", iss); iss == "" {
			q.Del("iss")
		}
		row{call: call{do: "iss " + iss}, status: 303}.check(t, v.complete(t, another, q))
	}
	// Without kid every key of the alg is tried.
	p.set(func(p *provider) {
		p.keys, p.header = []object{jwkOf(foreignKey, "0"), jwkOf(providerKey, "1")}, object{"alg": "ES256"}
	})
	newVisitor(p).signIn(t, startOAuth(t, p))
}

// TestOAuthTimeout: a provider that does not answer in ten seconds is down. Its 2xx spends
// the sign-in, though the rest does not arrive.
func TestOAuthTimeout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path  string
		begin bool // an answer, whose body does not arrive
		stays bool
	}{
		"the token endpoint hangs":        {"/token", false, true},
		"the token endpoint begins a 200": {"/token", true, false},
		"the userinfo endpoint hangs":     {"/userinfo", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			server := startOAuth(t, p)
			v := newVisitor(p)
			q := p.authorize(t, v.begin(t, server, ""))
			p.set(at(tt.path, func(w http.ResponseWriter, r *http.Request) {
				if tt.begin {
					w.WriteHeader(200)
					_ = http.NewResponseController(w).Flush()
				}
				_ = r.ParseForm() // or else the end of the connection is not seen
				<-r.Context().Done()
			}))
			row{status: 503, body: e(503, ""), header: []string{"Location:"}}.check(t, v.complete(t, server, q))
			p.heal()
			if want := map[bool]int{true: 303, false: 400}[tt.stays]; v.complete(t, server, q).status != want {
				t.Errorf("afterwards not %d", want)
			}
		})
	}
}
