package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
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

type claims struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
}

// An app is a relying party under test, and its browser.
type app struct {
	t         *testing.T
	p         *provider
	login     *oauth.Login[claims]
	handler   http.Handler
	who       *oauth.Identity[claims] // of the last sign-in
	calls     int
	refuse    error // of the function of Complete
	decisions []guard.Decision
	cookies   map[string]string
}

func newApp(t *testing.T, p *provider, opts oauth.Options) *app {
	t.Helper()
	return appOf(t, p, oauth.Discover(issuer), oauth.Client{ID: clientID, Secret: guard.Secret(secret)}, opts)
}

func appOf(t *testing.T, p *provider, from oauth.Provider, client oauth.Client, opts oauth.Options) *app {
	t.Helper()
	opts.Key, opts.HTTPClient = sealKey, &http.Client{Transport: p}
	a := &app{t: t, p: p, cookies: map[string]string{}}
	a.login = guard.Must(oauth.New[claims](from, client, callback, &opts))
	mux := http.NewServeMux()
	mux.Handle("/login", a.login.Begin())
	mux.Handle("/callback", a.login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[claims]) error {
		a.calls++
		a.who = who
		if a.refuse == nil {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: who.Subject})
		}
		return a.refuse
	}))
	a.handler = guard.Observe(func(_ *http.Request, d guard.Decision) { a.decisions = append(a.decisions, d) })(mux)
	return a
}

// do sends a request of the browser, which stores the cookies of the answer.
func (a *app) do(r *http.Request) *httptest.ResponseRecorder {
	for _, name := range sortedKeys(a.cookies) {
		r.AddCookie(&http.Cookie{Name: name, Value: a.cookies[name]})
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(a.cookies, c.Name)
		} else {
			a.cookies[c.Name] = c.Value
		}
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		a.t.Errorf("%s: Cache-Control %q", r.URL.Path, got)
	}
	return w
}

// begin starts a sign-in and returns the provider's URL.
func (a *app) begin(query string) string {
	a.t.Helper()
	w := a.do(httptest.NewRequest("GET", "/login"+query, nil))
	if w.Code != 303 {
		a.t.Fatalf("Begin: %d %s %v", w.Code, w.Body, a.decisions)
	}
	return w.Header().Get("Location")
}

func (a *app) complete(v url.Values) *httptest.ResponseRecorder {
	return a.do(httptest.NewRequest("GET", "/callback?"+v.Encode(), nil))
}

// signIn is a whole sign-in.
func (a *app) signIn(query string) *httptest.ResponseRecorder {
	a.t.Helper()
	return a.complete(a.p.authorize(a.t, a.begin(query)))
}

// reason is that of the last decision, with its outcome.
func (a *app) reason() string {
	if len(a.decisions) == 0 {
		return ""
	}
	d := a.decisions[len(a.decisions)-1]
	return string(d.Outcome) + ": " + d.Reason
}

// pending is how many pending sign-ins the browser has.
func (a *app) pending() (n int) {
	for name := range a.cookies {
		if strings.Contains(name, "oauth-") {
			n++
		}
	}
	return n
}

// checkNoSecrets looks for every secret of the run in decisions and answers.
func (a *app) checkNoSecrets(answers ...*httptest.ResponseRecorder) {
	a.t.Helper()
	all := text(a.decisions)
	for _, d := range a.decisions {
		all += d.Reason
		if d.Err != nil {
			all += d.Err.Error()
		}
	}
	for _, w := range answers {
		all += w.Body.String()
	}
	for _, s := range append(a.p.shown, secret, string(sealKey)) {
		if s != "" && strings.Contains(all, s) {
			a.t.Errorf("a secret is shown: %.20q", s)
		}
	}
}

func sortedKeys(m map[string]string) []string {
	var list []string
	for name := range maps.Keys(m) {
		list = append(list, name)
	}
	return list
}

var errDown = errors.New("connection refused")

func down() (*http.Response, error) { return nil, errDown }
