package oauth_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

func set(name string, v any) func(*provider) {
	return func(p *provider) { p.claims = func(c object) { c[name] = v } }
}

func drop(name string) func(*provider) {
	return func(p *provider) { p.claims = func(c object) { delete(c, name) } }
}

func answered(name string, v any) func(*provider) {
	return func(p *provider) { p.answer = func(a object) { a[name] = v } }
}

func notAnswered(name string) func(*provider) {
	return func(p *provider) { p.answer = func(a object) { delete(a, name) } }
}

func header(h object) func(*provider) { return func(p *provider) { p.header = h } }

func at(path string, f func() (*http.Response, error)) func(*provider) {
	return func(p *provider) { p.override[path] = f }
}

func idToken(f func(string) string) func(*provider) { return func(p *provider) { p.idToken = f } }

func sum512(s string) string { // of RS512 and the like
	h := crypto.SHA512.New()
	h.Write([]byte(s))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:32])
}

// A fault is a hostile or broken provider. Names that begin with oidcc- and fapi1- are
// those of the OpenID conformance suite's tests of clients.
type fault struct {
	name   string
	do     func(p *provider)
	opts   oauth.Options
	want   int
	reason string
	stays  bool // the sign-in is not spent
}

func withRequest(r oauth.AuthRequest) oauth.Options {
	return oauth.Options{Request: func(*http.Request) oauth.AuthRequest { return r }}
}

// A date of a claim is relative to the time at which the claim is written: tables are older.
type date struct {
	ago  time.Duration
	more string
}

func ago(d time.Duration) date { return date{ago: d} }

// half is the date with half a second more.
func (d date) half() date { return date{d.ago, ".5"} }

func (d date) MarshalJSON() ([]byte, error) {
	return append(strconv.AppendInt(nil, time.Now().Add(-d.ago).Unix(), 10), d.more...), nil
}

func redirect() (*http.Response, error) {
	return &http.Response{StatusCode: 302, Header: http.Header{"Location": {"https://evil.example/"}}, Body: http.NoBody}, nil
}

var tokenFaults = []fault{
	{name: "oidcc-client-test-invalid-iss", do: set("iss", "https://evil.example"), want: 401, reason: "iss has another value"},
	{name: "iss with a slash", do: set("iss", issuer+"/"), want: 401, reason: "iss has another value"},
	{name: "iss in an array", do: set("iss", []string{issuer}), want: 401, reason: "wrong JSON type"},
	{name: "fapi1-advanced-final-client-test-invalid-missing-iss", do: drop("iss"), want: 401, reason: "iss is missing"},
	{name: "oidcc-client-test-missing-sub", do: drop("sub"), want: 401, reason: "sub is missing"},
	{name: "empty sub", do: set("sub", ""), want: 401, reason: "sub is missing"},
	{name: "sub is a number", do: set("sub", 12), want: 401, reason: "sub is a number"},
	{name: "sub of 256 bytes", do: set("sub", strings.Repeat("a", 256)), want: 401, reason: "longer than 255"},
	{name: "sub with a line break", do: set("sub", "a\nb"), want: 401, reason: "control characters"},
	{name: "oidcc-client-test-invalid-aud", do: set("aud", "another"), want: 401, reason: "aud has only other values"},
	{name: "fapi1-advanced-final-client-test-invalid-missing-aud", do: drop("aud"), want: 401, reason: "aud is missing"},
	{name: "aud in another case", do: set("aud", strings.ToUpper(clientID)), want: 401, reason: "aud has only other values"},
	{name: "fapi1-advanced-final-client-test-invalid-secondary-aud", do: set("aud", []string{clientID, "another"}), want: 401, reason: "azp is missing"},
	{name: "azp of another client", do: set("azp", "another"), want: 401, reason: "azp is another client"},
	{name: "azp of another client, two aud", do: func(p *provider) {
		p.claims = func(c object) { c["aud"], c["azp"] = []string{clientID, "another"}, "another" }
	}, want: 401, reason: "azp is another client"},
	{name: "empty azp", do: set("azp", ""), want: 401, reason: "azp is another client"},
	{name: "fapi1-advanced-final-client-test-invalid-expired-exp", do: set("exp", ago(time.Minute)), want: 401, reason: "exp is past"},
	{name: "exp beyond the leeway", do: set("exp", ago(6*time.Second)), want: 401, reason: "exp is past"},
	{name: "fapi1-advanced-final-client-test-invalid-missing-exp", do: drop("exp"), want: 401, reason: "exp is missing"},
	{name: "exp is a string", do: set("exp", "2147483647"), want: 401, reason: "wrong JSON type"},
	{name: "oidcc-client-test-missing-iat", do: drop("iat"), want: 401, reason: "iat is missing"},
	{name: "iat in the future", do: set("iat", ago(-time.Minute)), want: 401, reason: "iat is in the future"},
	{name: "fapi1-advanced-final-client-test-iat-is-week-in-past", do: set("iat", ago(7*24*time.Hour)), want: 401, reason: "iat is longer ago"},
	{name: "nbf in the future", do: set("nbf", ago(-time.Minute)), want: 401, reason: "nbf is in the future"},
	{name: "oidcc-client-test-nonce-invalid", do: set("nonce", "another"), want: 401, reason: "nonce is missing or another"},
	{name: "fapi1-advanced-final-client-test-invalid-missing-nonce", do: drop("nonce"), want: 401, reason: "nonce is missing or another"},
	{name: "nonce is null", do: set("nonce", nil), want: 401, reason: "nonce is missing or another"},
	{name: "oidcc-client-test-idtoken-sig-none", do: func(p *provider) {
		p.header, p.sign = object{"alg": "none"}, func(string) []byte { return nil }
	}, want: 401, reason: "three segments"},
	{name: "fapi1-advanced-final-client-test-invalid-null-alg", do: header(object{"alg": "none", "kid": "1"}), want: 401, reason: "alg is not"},
	{name: "no alg", do: header(object{"kid": "1"}), want: 401, reason: "alg"},
	{name: "oidcc-client-test-idtoken-sig-hs256 with the client secret", do: func(p *provider) {
		p.header = object{"alg": "HS256"}
		p.sign = func(s string) []byte {
			m := hmac.New(sha256.New, []byte(secret))
			m.Write([]byte(s))
			return m.Sum(nil)
		}
	}, want: 401, reason: "alg is not"},
	{name: "HS256 with the public key", do: func(p *provider) {
		p.header = object{"alg": "HS256", "kid": "1"}
		p.sign = func(s string) []byte {
			m := hmac.New(sha256.New, guard.Must(signingKey.PublicKey.Bytes()))
			m.Write([]byte(s))
			return m.Sum(nil)
		}
	}, want: 401, reason: "alg is not"},
	{name: "oidcc-client-test-invalid-sig-es256", do: func(p *provider) {
		p.sign = func(s string) []byte { return guard.Must(jwt.SigningMethodES256.Sign(s, otherKey)) }
	}, want: 401, reason: "signature does not verify"},
	{name: "no signature", do: idToken(func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }), want: 401, reason: "three segments"},
	{name: "fapi1-advanced-final-client-test-invalid-alternate-alg", do: header(object{"alg": "ES384", "kid": "1"}), want: 401, reason: "alg"},
	{name: "an algorithm that the metadata does not list", do: func(p *provider) {
		p.metadata = func(m object) { m["id_token_signing_alg_values_supported"] = []string{"RS256"} }
	}, want: 401, reason: "not one of the provider's metadata"},
	{name: "unknown kid", do: header(object{"alg": "ES256", "kid": "2"}), want: 401, reason: "no key of this kid"},
	{name: "empty kid", do: header(object{"alg": "ES256", "kid": ""}), want: 401, reason: "kid is empty"},
	{name: "kid of another key", do: func(p *provider) {
		p.header = object{"alg": "ES256", "kid": "2"}
		p.jwks = func() []object { return []object{jwk(signingKey, "1"), jwk(otherKey, "2")} }
	}, want: 401, reason: "signature does not verify"},
	{name: "an encryption key", do: func(p *provider) {
		p.jwks = func() []object { k := jwk(signingKey, "1"); k["use"] = "enc"; return []object{k} }
	}, want: 401, reason: "no key of this kid"},
	{name: "jwk in the header", do: header(object{"alg": "ES256", "jwk": jwk(otherKey, "x"), "kid": "x"}), want: 401, reason: "no key of this kid"},
	{name: "an access token as ID token", do: header(object{"alg": "ES256", "kid": "1", "typ": "at+jwt"}), want: 401, reason: "typ is not accepted"},
	{name: "a logout token as ID token", do: header(object{"alg": "ES256", "kid": "1", "typ": "logout+jwt"}), want: 401, reason: "typ is not accepted"},
	{name: "crit", do: header(object{"alg": "ES256", "kid": "1", "crit": []string{"x"}, "x": 1}), want: 401, reason: "crit"},
	{name: "fapi1-advanced-final-client-test-encrypted-idtoken", do: idToken(func(s string) string { return s + ".eA.eA" }), want: 401, reason: "encrypted"},
	{name: "a padded ID token", do: idToken(func(s string) string { return s + "==" }), want: 401, reason: "padding"},
	{name: "an ID token that is no token", do: idToken(func(string) string { return "<script>" }), want: 401, reason: "not one token"},
	{name: "an ID token of 70 KB", do: set("padding", strings.Repeat("a", 70<<10)), want: 401, reason: "longer than"},
	{name: "a member twice in the ID token", do: func(p *provider) {
		p.idToken = func(string) string { return twice(`{"sub":"user-1","sub":"admin"}`) }
	}, want: 401, reason: "occurs twice"},
	{name: "oidcc-client-test-invalid-athash", do: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), want: 401, reason: "at_hash"},
	{name: "at_hash of another hash", do: set("at_hash", sum512("the-access-token")), want: 401, reason: "at_hash"},
	{name: "empty at_hash", do: set("at_hash", ""), want: 401, reason: "at_hash"},
	{name: "another access token", do: answered("access_token", "of-someone-else"), want: 401, reason: "at_hash"},
	{name: "auth_time is missing", do: drop("auth_time"), opts: withRequest(oauth.AuthRequest{MaxAge: time.Minute}), want: 401, reason: "auth_time is missing"},
	{name: "auth_time is too long ago", do: set("auth_time", ago(67*time.Second)), opts: withRequest(oauth.AuthRequest{MaxAge: time.Minute}), want: 401, reason: "longer ago"},
	{name: "auth_time before a new sign-in was asked", do: set("auth_time", ago(7*time.Second)), opts: withRequest(oauth.AuthRequest{MaxAge: 1}), want: 401, reason: "longer ago"},
	{name: "auth_time in the future", do: set("auth_time", ago(-time.Minute)), opts: withRequest(oauth.AuthRequest{MaxAge: time.Minute}), want: 401, reason: "future"},
	{name: "auth_time is huge", do: set("auth_time", 1e300), opts: withRequest(oauth.AuthRequest{MaxAge: time.Minute}), want: 401, reason: "longer ago"},
	{name: "auth_time is a string", do: set("auth_time", "now"), want: 401, reason: "claims do not fit"},
	{name: "acr is another", do: set("acr", "bronze"), opts: withRequest(oauth.AuthRequest{ACRValues: []string{"gold", "silver"}}), want: 401, reason: "acr is none"},
	{name: "acr is missing", do: drop("acr"), opts: withRequest(oauth.AuthRequest{ACRValues: []string{"gold"}}), want: 401, reason: "acr is none"},
	{name: "a claim of another type", do: set("tenant", 7), want: 401, reason: "claims do not fit"},
	{name: "a claim in another case", do: set("TENANT", "admin"), want: 401, reason: "claims do not fit"},
	{name: "bound to a key", do: set("cnf", object{"jkt": "x"}), want: 401, reason: "cnf"},
	{name: "no ID token", do: notAnswered("id_token"), want: 401, reason: "no ID token"},
	{name: "ID token is null", do: answered("id_token", nil), want: 401, reason: "no ID token"},
	{name: "oidcc-client-test-userinfo-invalid-sub", do: func(p *provider) { p.user["sub"] = "user-2" }, opts: oauth.Options{UserInfo: true}, want: 401, reason: "another subject"},
	{name: "userinfo without sub", do: func(p *provider) { delete(p.user, "sub") }, opts: oauth.Options{UserInfo: true}, want: 401, reason: "another subject"},
	{name: "the ID token's keys are down", do: func(p *provider) {
		p.header = object{"alg": "ES256", "kid": "new"} // newer keys are fetched
		p.answer = func(object) { p.override["/jwks"] = down }
	}, opts: oauth.Options{Refetch: 1}, want: 503, reason: "cannot be fetched"},
	{name: "userinfo is down", do: at("/userinfo", down), opts: oauth.Options{UserInfo: true}, want: 503, reason: "refused"},
	{name: "userinfo is 500", do: at("/userinfo", respond(500, "{}")), opts: oauth.Options{UserInfo: true}, want: 503, reason: "did not answer 200"},
	{name: "userinfo redirects", do: at("/userinfo", redirect), opts: oauth.Options{UserInfo: true}, want: 503, reason: "did not answer 200"},
	{name: "userinfo is no JSON", do: at("/userinfo", respond(200, "ey.ey.x")), opts: oauth.Options{UserInfo: true}, want: 503, reason: "not what its protocol has"},
	{name: "userinfo with sub twice", do: at("/userinfo", respond(200, `{"sub":"user-2","sub":"user-1"}`)), opts: oauth.Options{UserInfo: true}, want: 503, reason: "not what its protocol has"},
	{name: "userinfo with Sub", do: at("/userinfo", respond(200, `{"sub":"user-1","Sub":"user-1"}`)), opts: oauth.Options{UserInfo: true}, want: 503, reason: "not what its protocol has"},
}

var endpointFaults = []fault{
	{name: "invalid_grant", do: at("/token", respond(400, `{"error":"invalid_grant"}`)), want: 401, reason: "invalid_grant"},
	{name: "GitHub's bad_verification_code with 200", do: at("/token", respond(200, `{"error":"bad_verification_code"}`)), want: 401, reason: "invalid_grant"},
	{name: "invalid_client", do: at("/token", respond(401, `{"error":"invalid_client"}`)), want: 500, reason: "invalid_client"},
	{name: "unauthorized_client", do: at("/token", respond(400, `{"error":"unauthorized_client"}`)), want: 500, reason: "unauthorized_client"},
	{name: "an error of its own", do: at("/token", respond(400, `{"error":"s3cret-text"}`)), want: 500, reason: "an error of its own"},
	{name: "temporarily_unavailable", do: at("/token", respond(400, `{"error":"temporarily_unavailable"}`)), want: 503, reason: "temporarily_unavailable", stays: true},
	{name: "no answer", do: at("/token", down), want: 503, reason: "refused", stays: true},
	{name: "a panic of the transport", do: at("/token", func() (*http.Response, error) { panic("x") }), want: 503, reason: "panicked", stays: true},
	{name: "500", do: at("/token", respond(500, `{"error":"invalid_grant"}`)), want: 503, reason: "status 500", stays: true},
	{name: "429", do: at("/token", respond(429, `{"error":"invalid_grant"}`)), want: 503, reason: "status 429", stays: true},
	{name: "408", do: at("/token", respond(408, `{"error":"invalid_grant"}`)), want: 503, reason: "status 408", stays: true},
	{name: "a redirect", do: at("/token", redirect), want: 503, reason: "redirected", stays: true},
	{name: "400 that is no JSON", do: at("/token", respond(400, "<html>")), want: 503, reason: "no error code", stays: true},
	{name: "400 with an error twice", do: at("/token", respond(400, `{"error":"invalid_client","error":"invalid_grant"}`)), want: 503, reason: "no error code", stays: true},
	{name: "400 that is too large", do: at("/token", respond(400, strings.Repeat(" ", 1<<20+1))), want: 503, reason: "larger than", stays: true},
	{name: "200 that is too large", do: at("/token", respond(200, strings.Repeat(" ", 1<<20+1))), want: 503, reason: "larger than"},
	{name: "200 that is no JSON", do: at("/token", respond(200, "access_token=x&token_type=bearer")), want: 503, reason: "not what its protocol has"},
	{name: "200 with two objects", do: at("/token", respond(200, "{}{}")), want: 503, reason: "not what its protocol has"},
	{name: "200 with access_token twice", do: at("/token", respond(200, `{"access_token":"a","access_token":"b","token_type":"bearer"}`)), want: 503, reason: "not what its protocol has"},
	{name: "200 with Access_Token", do: at("/token", respond(200, `{"Access_Token":"a","token_type":"bearer"}`)), want: 503, reason: "not what its protocol has"},
	{name: "token_type DPoP", do: answered("token_type", "DPoP"), want: 503, reason: "not what its protocol has"},
	{name: "no token_type", do: notAnswered("token_type"), want: 503, reason: "not what its protocol has"},
	{name: "no access_token", do: notAnswered("access_token"), want: 503, reason: "not what its protocol has"},
	{name: "an access_token with a line break", do: answered("access_token", "a\r\nX: y"), want: 503, reason: "not what its protocol has"},
}

// TestHostileProvider: whatever a provider answers, no one is signed in, the reason
// reaches Observe, and the sign-in is spent unless the token endpoint gave no 2xx.
func TestHostileProvider(t *testing.T) {
	t.Logf("%d faults of tokens, %d of endpoints", len(tokenFaults), len(endpointFaults))
	for _, tt := range append(tokenFaults, endpointFaults...) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, tt.test) // no time passes but what sleeps
		})
	}
}

func (tt fault) test(t *testing.T) {
	p := newProvider()
	tt.do(p)
	a := newApp(t, p, tt.opts)
	v := p.authorize(t, a.begin("?next=/inbox"))
	time.Sleep(time.Nanosecond) // a Refetch of 1
	w := a.complete(v)
	if w.Code != tt.want || a.calls != 0 || a.cookies["session"] != "" {
		t.Errorf("status %d, %d calls, want %d: %s", w.Code, a.calls, tt.want, a.reason())
	}
	if !strings.Contains(a.reason(), tt.reason) || len(a.decisions) != 1 || a.decisions[0].Package != "oauth" {
		t.Errorf("reason %q, want %q; %d decisions", a.reason(), tt.reason, len(a.decisions))
	}
	if (a.pending() == 1) != tt.stays {
		t.Errorf("%d pending", a.pending())
	}
	if strings.Contains(w.Body.String()+a.reason(), "s3cret-text") {
		t.Error("the provider's text is repeated")
	}
	a.checkNoSecrets(w)
	p.heal()
	again := a.complete(v)
	if tt.stays && again.Code != 303 || !tt.stays && (again.Code != 400 || a.calls != 0) {
		t.Errorf("again: %d %s", again.Code, a.reason())
	}
}

// heal ends the faults of p.
func (p *provider) heal() {
	h := newProvider()
	p.metadata, p.jwks, p.claims, p.header, p.sign, p.idToken, p.answer = nil, nil, nil, nil, nil, nil, nil
	p.user, p.override = h.user, h.override
}

// twice is a signed ID token with a payload that has a member twice.
func twice(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"ES256","kid":"1"}`)) + "." + encode([]byte(payload))
	return signed + "." + encode(guard.Must(jwt.SigningMethodES256.Sign(signed, signingKey)))
}
