package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
)

const (
	issuer   = "https://idp.example"
	clientID = "the client:1"
	callback = "https://app.example/callback"
	secret   = "s3cret/+: of the client"
)

var (
	sealKey    = guard.Secret(strings.Repeat("k", 32))
	signingKey = ecKey()
	otherKey   = ecKey()
)

func ecKey() *ecdsa.PrivateKey {
	return guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}

type object = map[string]any

// A provider is an OpenID provider in memory, which a test makes hostile by its fields.
type provider struct {
	metadata func(object)              // changes the metadata
	jwks     func() []object           // in place of the key "1"
	claims   func(object)              // changes the claims of ID tokens
	header   object                    // of ID tokens; nil is alg ES256, kid 1
	sign     func(text string) []byte  // in place of ES256 by signingKey
	idToken  func(token string) string // changes the ID token
	answer   func(object)              // changes the token endpoint's answer
	user     object                    // of the userinfo
	override map[string]func() (*http.Response, error)

	mu       sync.Mutex
	requests []*http.Request
	forms    []url.Values
	codes    map[string]url.Values // the authentication requests
	pushed   map[string]url.Values
	shown    []string // every secret of a run
}

func newProvider() *provider {
	return &provider{
		codes: map[string]url.Values{}, pushed: map[string]url.Values{}, override: map[string]func() (*http.Response, error){},
		user: object{"sub": "user-1", "email": "alice@example.com", "email_verified": true, "name": "Alice"},
	}
}

func jwk(k *ecdsa.PrivateKey, id string) object {
	b, _ := k.PublicKey.Bytes()
	encode := base64.RawURLEncoding.EncodeToString
	return object{"kty": "EC", "crv": "P-256", "kid": id, "alg": "ES256", "use": "sig", "x": encode(b[1:33]), "y": encode(b[33:])}
}

func respond(status int, body string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func text(v any) string { return string(guard.Must(json.Marshal(v))) }

// RoundTrip implements http.RoundTripper.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	var form url.Values
	if r.Body != nil {
		form, _ = url.ParseQuery(string(guard.Must(io.ReadAll(r.Body))))
	}
	p.mu.Lock()
	p.requests, p.forms = append(p.requests, r), append(p.forms, form)
	f := p.override[r.URL.Path]
	p.mu.Unlock()
	if f != nil {
		return f()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		doc := object{
			"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
			"userinfo_endpoint": issuer + "/userinfo", "jwks_uri": issuer + "/jwks", "response_types_supported": []string{"code"},
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "pushed_authorization_request_endpoint": issuer + "/par",
			"authorization_response_iss_parameter_supported": true,
		}
		if p.metadata != nil {
			p.metadata(doc)
		}
		return respond(200, text(doc))()
	case "/jwks":
		keys := []object{jwk(signingKey, "1")}
		if p.jwks != nil {
			keys = p.jwks()
		}
		return respond(200, text(object{"keys": keys}))()
	case "/par":
		uri := "urn:par:" + rand.Text()
		p.pushed[uri] = form
		return respond(201, text(object{"request_uri": uri, "expires_in": 60}))()
	case "/token":
		return p.token(form)
	case "/userinfo", "/user":
		if r.Header.Get("Authorization") != "Bearer the-access-token" {
			return respond(401, "{}")()
		}
		return respond(200, text(p.user))()
	}
	return respond(404, "")()
}

// token is the token endpoint: it accepts a code once, with its redirect_uri and verifier.
func (p *provider) token(form url.Values) (*http.Response, error) {
	request, ok := p.codes[form.Get("code")]
	delete(p.codes, form.Get("code"))
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if !ok || form.Get("redirect_uri") != request.Get("redirect_uri") || form.Get("grant_type") != "authorization_code" ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != request.Get("code_challenge") {
		return respond(400, `{"error":"invalid_grant","error_description":"of the provider"}`)()
	}
	answer := object{"access_token": "the-access-token", "token_type": "Bearer", "expires_in": 300, "refresh_token": "the-refresh-token"}
	if request.Has("nonce") {
		answer["id_token"] = p.makeIDToken(request)
	}
	if p.answer != nil {
		p.answer(answer)
	}
	p.shown = append(p.shown, "the-access-token", "the-refresh-token", form.Get("code_verifier"), request.Get("nonce"))
	return respond(200, text(answer))()
}

func (p *provider) makeIDToken(request url.Values) string {
	hash := sha256.Sum256([]byte("the-access-token"))
	now := time.Now().Unix()
	claims := object{
		"iss": issuer, "sub": "user-1", "aud": clientID, "exp": now + 300, "iat": now, "nonce": request.Get("nonce"),
		"at_hash": base64.RawURLEncoding.EncodeToString(hash[:16]), "sid": "session-1", "auth_time": now, "acr": "silver",
		"amr": []string{"pwd", "otp"}, "email": "alice@example.com", "email_verified": true, "tenant": "t1",
	}
	if p.claims != nil {
		p.claims(claims)
	}
	header := object{"alg": "ES256", "kid": "1", "typ": "JWT"}
	if p.header != nil {
		header = p.header
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(text(header))) + "." + encode([]byte(text(claims)))
	signature := guard.Must(jwt.SigningMethodES256.Sign(signed, signingKey))
	if p.sign != nil {
		signature = p.sign(signed)
	}
	token := signed + "." + encode(signature)
	if p.idToken != nil {
		token = p.idToken(token)
	}
	p.shown = append(p.shown, token)
	return token
}

// authorize is the authorization endpoint, for a person who consents. It returns the
// parameters of the answer.
func (p *provider) authorize(t *testing.T, location string) url.Values {
	t.Helper()
	u := guard.Must(url.Parse(location))
	request := u.Query()
	p.mu.Lock()
	defer p.mu.Unlock()
	if uri := request.Get("request_uri"); uri != "" {
		request = p.pushed[uri]
	}
	if u.Scheme+"://"+u.Host != issuer || request.Get("response_type") != "code" || request.Get("code_challenge_method") != "S256" ||
		request.Get("client_id") != clientID || request.Get("state") == "" {
		t.Fatalf("location %q, request %q", location, request)
	}
	code := rand.Text()
	p.codes[code] = request
	p.shown = append(p.shown, code, request.Get("state"))
	return url.Values{"code": {code}, "state": {request.Get("state")}, "iss": {issuer}}
}

func (p *provider) count(path string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		if path == "" || r.URL.Path == path {
			n++
		}
	}
	return n
}
