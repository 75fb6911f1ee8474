package main_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

type object = map[string]any

const (
	clientID     = "example-app"
	clientSecret = "client-secret-of-the-registration"
)

// encode is base64url without padding.
func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func jsonOf(v any) []byte { return guard.Must(json.Marshal(v)) }

// The provider's keys, and one that is not the provider's.
var (
	providerKey = guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	providerRSA = guard.Must(rsa.GenerateKey(rand.Reader, 2048))
	foreignKey  = guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
)

func jwkOf(k *ecdsa.PrivateKey, id string) object {
	b := guard.Must(k.PublicKey.Bytes())
	return object{"kty": "EC", "crv": "P-256", "kid": id, "alg": "ES256", "use": "sig", "x": encode(b[1:33]), "y": encode(b[33:])}
}

func rsaJWK(id string) object {
	return object{"kty": "RSA", "kid": id, "alg": "RS256", "use": "sig", "n": encode(providerRSA.N.Bytes()), "e": encode(big.NewInt(int64(providerRSA.E)).Bytes())}
}

func es256(k *ecdsa.PrivateKey) func(string) []byte {
	return func(text string) []byte {
		digest := sha256.Sum256([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
}

func rs256(text string) []byte {
	digest := sha256.Sum256([]byte(text))
	return guard.Must(rsa.SignPKCS1v15(rand.Reader, providerRSA, crypto.SHA256, digest[:]))
}

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
	p.server = &http.Server{Addr: strings.TrimPrefix(p.url, "http://"), Handler: p}
	failed := make(chan error, 1)
	go func() { failed <- p.server.ListenAndServe() }()
	t.Cleanup(func() { p.server.Close() })
	for range 200 {
		if res, err := http.Get(p.url + "/"); err == nil {
			res.Body.Close()
			return
		}
		select {
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("the provider does not start")
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

// token accepts a code a single time, with its client, redirect_uri and verifier.
func (p *provider) token(r *http.Request) (int, object) {
	_ = r.ParseForm()
	code, verifier := r.PostForm.Get("code"), r.PostForm.Get("code_verifier")
	p.hide(code, verifier)
	id, secret, _ := r.BasicAuth()
	if id != clientID || secret != clientSecret {
		return 401, object{"error": "invalid_client"}
	}
	request, ok := p.codes[code]
	delete(p.codes, code)
	challenge := sha256.Sum256([]byte(verifier))
	if !ok || r.PostForm.Get("grant_type") != "authorization_code" || r.PostForm.Get("redirect_uri") != request.Get("redirect_uri") ||
		encode(challenge[:]) != request.Get("code_challenge") {
		return 400, object{"error": "invalid_grant", "error_description": "text of the provider"}
	}
	random := rand.Text()
	access, refresh := "access-"+random, "refresh-"+rand.Text()
	p.hide(random, access, refresh)
	body := object{"access_token": access, "token_type": "Bearer", "expires_in": 300, "refresh_token": refresh}
	if request.Has("nonce") {
		p.sid = "sid-" + rand.Text()
		now, hash := time.Now().Unix(), sha256.Sum256([]byte(access))
		body["id_token"] = p.makeIDToken(object{
			"iss": p.url, "sub": "user-1", "aud": clientID, "exp": now + 300, "iat": now, "nonce": request.Get("nonce"),
			"at_hash": encode(hash[:16]), "sid": p.sid, "email": "dana@example.com", "email_verified": true,
		})
	}
	if p.answer != nil {
		p.answer(body)
	}
	return 200, body
}

// makeIDToken returns an ID token with the hooks' changes.
func (p *provider) makeIDToken(claims object) string {
	if p.claims != nil {
		p.claims(claims)
	}
	header := object{"alg": "ES256", "kid": "ec", "typ": "JWT"}
	if p.header != nil {
		header = p.header
	}
	p.lastID = p.signed(header, claims)
	if p.idToken != nil {
		p.lastID = p.idToken(p.lastID)
		p.hide(p.lastID)
	}
	return p.lastID
}

func (p *provider) signed(header, claims object) string {
	sign := es256(providerKey)
	if header["alg"] == "RS256" {
		sign = rs256
	}
	if p.sign != nil {
		sign = p.sign
	}
	text := encode(jsonOf(header)) + "." + encode(jsonOf(claims))
	token := text + "." + encode(sign(text))
	p.hide(token, encode(jsonOf(claims)))
	return token
}

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// logoutToken returns a logout token of user-1 with other claims, of which a nil removes
// one.
func (p *provider) logoutToken(change object) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, jti := time.Now().Unix(), "jti-"+rand.Text()
	claims := object{
		"iss": p.url, "aud": clientID, "iat": now, "exp": now + 120, "jti": jti, "sub": "user-1", "events": object{logoutEvent: object{}},
	}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	header := object{"alg": "ES256", "kid": "ec", "typ": "logout+jwt"}
	if p.logoutHeader != nil {
		header = p.logoutHeader
	}
	p.hide(jti)
	return p.signed(header, claims)
}

// last returns the provider's session of the last sign-in, and its ID token.
func (p *provider) last() (sid, idToken string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sid, p.lastID
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

// startOAuth runs a server whose people sign in with p.
func startOAuth(t *testing.T, p *provider, env ...string) *process {
	t.Helper()
	server := start(t, append([]string{"OAUTH_ISSUER=" + p.url, "OAUTH_CLIENT_ID=" + clientID, "OAUTH_CLIENT_SECRET=" + clientSecret}, env...)...)
	t.Cleanup(func() { p.notIn(t, server.logs()) })
	return server
}

// A visitor is a browser.
type visitor struct {
	cookies map[string]string
	p       *provider
}

func newVisitor(p *provider) *visitor { return &visitor{map[string]string{}, p} }

// do sends a request with the browser's cookies, and stores those of the answer.
func (v *visitor) do(t *testing.T, server *process, c call) answer {
	t.Helper()
	if len(v.cookies) > 0 {
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(v.cookies)) {
			pairs = append(pairs, name+"="+v.cookies[name])
		}
		c.header = append([]string{"Cookie: " + strings.Join(pairs, "; ")}, c.header...)
	}
	a := server.send(t, c)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
			continue
		}
		v.cookies[c.Name] = c.Value
		v.p.set(func(p *provider) { p.hide(c.Value) })
	}
	return a
}

// begin starts a sign-in, and returns where the browser goes.
func (v *visitor) begin(t *testing.T, server *process, query string) string {
	t.Helper()
	a := v.do(t, server, call{do: "GET /oauth/login" + query})
	if a.status != 303 {
		t.Fatalf("login: %v\n%s", a, server.logs())
	}
	return a.header.Get("Location")
}

func (v *visitor) complete(t *testing.T, server *process, q url.Values) answer {
	t.Helper()
	return v.do(t, server, call{do: "GET /oauth/callback?" + q.Encode()})
}

// signIn is a whole sign-in.
func (v *visitor) signIn(t *testing.T, server *process) {
	t.Helper()
	if a := v.complete(t, server, v.p.authorize(t, v.begin(t, server, ""))); a.status != 303 || !v.signedIn() {
		t.Fatalf("callback: %v\n%s", a, server.logs())
	}
}

func (v *visitor) signedIn() bool {
	return v.cookies["oauth_session"]+v.cookies["__Host-oauth_session"] != ""
}

// me returns the status of /oauth/me.
func (v *visitor) me(t *testing.T, server *process) int {
	t.Helper()
	return v.do(t, server, call{do: "GET /oauth/me"}).status
}

// pending is how many sign-ins are pending.
func (v *visitor) pending() (n int) {
	for name := range v.cookies {
		if strings.HasPrefix(strings.TrimPrefix(name, "__Host-"), "oauth-") {
			n++
		}
	}
	return n
}

// respond is a handler that answers alike.
func respond(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}
