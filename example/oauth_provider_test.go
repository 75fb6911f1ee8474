package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

type object = map[string]any

const (
	clientID     = "example-app"
	clientSecret = "client-secret-of-the-registration"
)

// The provider's keys, and one that is not the provider's.
var (
	providerKey = guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	providerRSA = guard.Must(rsa.GenerateKey(rand.Reader, 2048))
	foreignKey  = guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
)

// A provider is an authorization server on a port of its own: OpenID Connect, and a user
// endpoint of plain OAuth 2.0. A test breaks it by its hooks, in set.
type provider struct {
	url    string
	server *http.Server

	mu       sync.Mutex
	metadata func(object)                // changes the metadata
	keys     []object                    // in place of the keys "ec" and "rsa"
	claims   func(object)                // changes the claims of ID tokens
	header   object                      // of ID tokens; nil is alg ES256, kid "ec"
	sign     func(text string) []byte    // in place of ES256
	idToken  func(token string) string   // changes the ID token
	answer   func(object)                // changes the token endpoint's answer
	user     object                      // the userinfo
	paths    map[string]http.HandlerFunc // in place of an endpoint
	codes    map[string]url.Values       // the authentication requests
	calls    map[string]int              // by path
	sid      string                      // of the last sign-in: the provider's session
	lastID   string                      // its ID token

	logoutHeader object          // of logout tokens; nil is a right one
	secrets      map[string]bool // what was issued or seen, and belongs in no log
}

func newProvider(t *testing.T) *provider {
	p := &provider{
		url: "http://127.0.0.1:" + harness.FreePort(t), codes: map[string]url.Values{}, calls: map[string]int{},
		secrets: map[string]bool{clientSecret: true},
	}
	p.heal()
	p.serve(t)
	return p
}

// serve starts the provider, for the first time or again.
func (p *provider) serve(t *testing.T) {
	listener, err := net.Listen("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: p}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	p.server = server
}

// set runs f, which may change hooks.
func (p *provider) set(f func(p *provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// heal ends all faults.
func (p *provider) heal() {
	p.set(func(p *provider) {
		p.metadata, p.keys, p.claims, p.header, p.sign, p.idToken, p.answer, p.logoutHeader = nil, nil, nil, nil, nil, nil, nil, nil
		p.paths = map[string]http.HandlerFunc{}
		p.user = object{"sub": "user-1", "id": "user-1", "email": "dana@example.com", "email_verified": true}
	})
}

func (p *provider) hide(values ...string) {
	for _, v := range values {
		p.secrets[v] = true
	}
}

// called returns how often an endpoint was called.
func (p *provider) called(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[path]
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.calls[r.URL.Path]++
	fault := p.paths[r.URL.Path]
	p.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	status, body := 200, object{}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		body = object{
			"issuer": p.url, "authorization_endpoint": p.url + "/authorize", "token_endpoint": p.url + "/token", "userinfo_endpoint": p.url + "/userinfo",
			"jwks_uri": p.url + "/jwks", "end_session_endpoint": p.url + "/logout", "response_types_supported": []string{"code"},
			"id_token_signing_alg_values_supported": []string{"ES256", "RS256", "HS256", "none"}, "authorization_response_iss_parameter_supported": true,
		}
		if p.metadata != nil {
			p.metadata(body)
		}
	case "/jwks":
		keys := p.keys
		if keys == nil {
			keys = []object{jwkOf(providerKey, "ec"), rsaJWK("rsa")}
		}
		body["keys"] = keys
	case "/token":
		status, body = p.token(r)
	case "/userinfo", "/user":
		p.hide(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		if body = p.user; !p.secrets[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer access-")] {
			status, body = 401, object{"error": "invalid_token"}
		}
	default:
		status = 404
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(jsonOf(body))
}

// authorize is what happens at the provider when a person consents: it returns the
// parameters of the answer.
func (p *provider) authorize(t *testing.T, location string) url.Values {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, p.url+"/authorize?") {
		t.Fatalf("%q, %v", location, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	q, code := u.Query(), "code-"+rand.Text()
	p.codes[code] = q
	p.hide(code, q.Get("state"), q.Get("nonce"))
	return url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.url}}
}

// hidden returns what was issued or seen, and belongs in no log.
func (p *provider) hidden() map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.secrets)
}

// notIn fails the test if text has something that belongs in no log.
func (p *provider) notIn(t *testing.T, text string) {
	t.Helper()
	for _, s := range slices.Sorted(maps.Keys(p.hidden())) {
		if len(s) > 3 && strings.Contains(text, s) {
			t.Errorf("the log holds %q:\n%s", s, text)
		}
	}
}

// respond is a handler that answers alike.
func respond(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}
