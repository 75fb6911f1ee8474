package oauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/signin/oauth"
)

const (
	appleTeam = "DEF123GHIJ"
	appleKey  = "ABC123DEFG"
)

var (
	appleSigns = guard.Must(rsa.GenerateKey(rand.Reader, 2048))
	appleApp   = oauth.Client{ID: "com.example.web", Key: jwtauth.ECDSA("ES256", otherKey).WithID(appleKey)}
)

// appleServer answers as Apple's documentation shows.
type appleServer struct {
	claims  func(object)
	header  object // of ID tokens
	sign    func(string) []byte
	nonce   string
	secrets []string
	sites   *sites
}

func newApple(t *testing.T) *appleServer {
	s := &appleServer{header: object{"kid": "W6WcOKB", "alg": "RS256"}, sign: func(text string) []byte {
		return guard.Must(jwt.SigningMethodRS256.Sign(text, appleSigns))
	}}
	encode := base64.RawURLEncoding.EncodeToString
	s.sites = &sites{t: t, answers: map[string]func(*http.Request, url.Values) (int, string){
		"appleid.apple.com/auth/keys": fixed(text(object{"keys": []object{{"kty": "RSA", "kid": "W6WcOKB", "use": "sig", "alg": "RS256",
			"n": encode(appleSigns.N.Bytes()), "e": encode(big.NewInt(int64(appleSigns.E)).Bytes())}}})),
		"appleid.apple.com/auth/token": func(r *http.Request, form url.Values) (int, string) {
			s.secrets = append(s.secrets, form.Get("client_secret"))
			if !isAppleSecret(form.Get("client_secret")) || form.Get("client_id") != appleApp.ID || r.Header.Get("Authorization") != "" {
				return 400, `{"error":"invalid_client"}`
			}
			p := newProvider()
			p.header, p.sign = s.header, s.sign
			p.claims = func(c object) {
				for _, name := range []string{"acr", "amr", "sid", "tenant"} {
					delete(c, name)
				}
				c["iss"], c["aud"], c["sub"], c["nonce_supported"] = "https://appleid.apple.com", appleApp.ID, "001473.fe6f43bd", true
				c["email"], c["email_verified"], c["is_private_email"] = "dpdcnf87nu@privaterelay.appleid.com", "true", "true"
				if s.claims != nil {
					s.claims(c)
				}
			}
			return 200, text(object{"access_token": "the-access-token", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "the-refresh-token", "id_token": p.makeIDToken(url.Values{"nonce": {s.nonce}})})
		},
	}}
	return s
}

// isAppleSecret reports whether Apple accepts a client secret.
func isAppleSecret(secret string) bool {
	c := jwt.MapClaims{}
	token, err := jwt.ParseWithClaims(secret, c, func(*jwt.Token) (any, error) { return &otherKey.PublicKey, nil }, jwt.WithValidMethods([]string{"ES256"}),
		jwt.WithIssuer(appleTeam), jwt.WithSubject(appleApp.ID), jwt.WithAudience("https://appleid.apple.com"), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil || token.Header["kid"] != appleKey {
		return false
	}
	exp, _ := c.GetExpirationTime()
	return time.Until(exp.Time) <= 15777000*time.Second
}

// post is Apple's answer, which the browser posts from Apple's site.
func (a *app) post(v url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/callback", strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://appleid.apple.com")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return a.do(r)
}

func TestApple(t *testing.T) {
	const user = `{"name":{"firstName":"Jane","lastName":"Appleseed"},"email":"victim@example.com"}`
	for _, tt := range []struct {
		name        string
		change      func(*appleServer)
		client      oauth.Client
		user        string
		callback    url.Values
		want        int
		first, last string
		unverified  bool
		reason      string
	}{
		{name: "the first sign-in", user: user, want: 303, first: "Jane", last: "Appleseed"},
		{name: "a later one, without user", want: 303},
		{name: "an empty user", user: "{}", want: 303},
		{name: "a user without a name", user: `{"email":"victim@example.com"}`, want: 303},
		{name: "a user of no JSON", user: `Jane`, want: 303},
		{name: "a name twice", user: `{"name":{"firstName":"Jane","firstName":"Admin"}}`, want: 303},
		{name: "a name of another type", user: `{"name":{"firstName":["Jane"]}}`, want: 303},
		{name: "a name with a line break", user: `{"name":{"firstName":"Ja\nne","lastName":"A"}}`, want: 303, last: "A"},
		{name: "a name that is too long", user: `{"name":{"firstName":"` + strings.Repeat("J", 256) + `"}}`, want: 303},
		{name: "a user that is too long", user: strings.Repeat("J", 33<<10), want: 400, reason: "too long"},
		{name: "email_verified is a bool", change: func(s *appleServer) { s.claims = setOrDrop("email_verified", true) }, want: 303},
		{name: `email_verified is "false"`, change: func(s *appleServer) { s.claims = setOrDrop("email_verified", "false") }, user: user, want: 303, first: "Jane", last: "Appleseed", unverified: true},
		{name: "no email_verified", change: func(s *appleServer) { s.claims = setOrDrop("email_verified", nil) }, want: 303, unverified: true},
		{name: "declined", callback: url.Values{"code": nil, "error": {"user_cancelled_authorize"}}, want: 403},
		{name: "an error", callback: url.Values{"code": nil, "error": {"invalid_request"}}, want: 400},
		{name: "user twice", callback: url.Values{"user": {user, user}}, want: 400, reason: "occurs twice"},
		{name: "the key of another team", client: oauth.Client{ID: appleApp.ID, Key: jwtauth.ECDSA("ES256", signingKey).WithID(appleKey)}, want: 500, reason: "invalid_client"},
		{name: "another key ID", client: oauth.Client{ID: appleApp.ID, Key: jwtauth.ECDSA("ES256", otherKey).WithID("OTHER12345")}, want: 500, reason: "invalid_client"},
		{name: "iss of Apple's other name", change: func(s *appleServer) { s.claims = setOrDrop("iss", "https://account.apple.com") }, want: 401},
		{name: "aud of another app", change: func(s *appleServer) { s.claims = setOrDrop("aud", "com.example.other") }, want: 401},
		{name: "another nonce", change: func(s *appleServer) { s.claims = setOrDrop("nonce", "x") }, want: 401},
		{name: "no nonce, and none supported", change: func(s *appleServer) {
			s.claims = func(c object) { delete(c, "nonce"); c["nonce_supported"] = false }
		}, want: 401},
		{name: "signed by PS256", change: func(s *appleServer) {
			s.header["alg"] = "PS256"
			s.sign = func(text string) []byte { return guard.Must(jwt.SigningMethodPS256.Sign(text, appleSigns)) }
		}, want: 401},
		{name: "signed by the client's key", change: func(s *appleServer) {
			s.header = object{"alg": "ES256", "kid": appleKey}
			s.sign = func(text string) []byte { return guard.Must(jwt.SigningMethodES256.Sign(text, otherKey)) }
		}, want: 401},
		{name: "an iss in the answer", callback: url.Values{"iss": {"https://appleid.apple.com"}}, want: 303},
		{name: "another iss in the answer", callback: url.Values{"iss": {"https://account.apple.com"}}, want: 401},
		{name: "keys are down", change: func(s *appleServer) { s.sites.answers["appleid.apple.com/auth/keys"] = status(503, "") }, want: 503},
		{name: "the token endpoint is down", change: func(s *appleServer) { s.sites.answers["appleid.apple.com/auth/token"] = status(503, "") }, want: 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, client := newApple(t), appleApp
			if tt.change != nil {
				tt.change(s)
			}
			if tt.client.ID != "" {
				client = tt.client
			}
			a := appAt(t, s.sites, oauth.Apple(appleTeam), client, oauth.Options{Scopes: []string{"name", "email"}, KeepTokens: true})
			q := guard.Must(url.Parse(a.begin("?next=/x"))).Query()
			s.nonce = q.Get("nonce")
			v := url.Values{"code": {"c1"}, "state": {q.Get("state")}}
			if tt.user != "" {
				v.Set("user", tt.user)
			}
			for name, values := range tt.callback {
				v[name] = values
			}
			w := a.post(v)
			a.p.shown = append(a.p.shown, s.secrets...)
			a.checkNoSecrets(w)
			if w.Code != tt.want || (a.calls == 1) != (tt.want == 303) || !strings.Contains(a.reason(), tt.reason) {
				t.Fatalf("%d, %d calls, %s", w.Code, a.calls, a.reason())
			}
			if tt.want != 303 {
				return
			}
			who := a.who
			if who.Issuer != "https://appleid.apple.com" || who.Subject != "001473.fe6f43bd" || who.Email != "dpdcnf87nu@privaterelay.appleid.com" || who.EmailVerified == tt.unverified ||
				who.FirstName != tt.first || who.LastName != tt.last || who.Tokens.RefreshToken == nil {
				t.Errorf("%+v", who)
			}
		})
	}
}

// setOrDrop sets a claim, or removes it.
func setOrDrop(name string, value any) func(object) {
	return func(c object) {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
}

// Apple posts its answer if a name or an e-mail address is asked for.
func TestAppleRequest(t *testing.T) {
	for _, tt := range []struct {
		scopes      []string
		scope, mode string
	}{
		{nil, "openid email", "form_post"},
		{[]string{"name"}, "openid name", "form_post"},
		{[]string{}, "openid", ""},
	} {
		s := newApple(t)
		a := appAt(t, s.sites, oauth.Apple(appleTeam), appleApp, oauth.Options{Scopes: tt.scopes})
		u := guard.Must(url.Parse(a.begin("")))
		q := u.Query()
		if u.Host+u.Path != "appleid.apple.com/auth/authorize" || q.Get("scope") != tt.scope || q.Get("response_mode") != tt.mode || q.Get("nonce") == "" {
			t.Errorf("%q: %s", tt.scopes, u)
		}
		if len(s.sites.seen) != 0 {
			t.Errorf("%q were fetched", s.sites.seen)
		}
		s.nonce = q.Get("nonce")
		v := url.Values{"code": {"c1"}, "state": {q.Get("state")}}
		send, other := a.post, a.complete
		if tt.mode == "" {
			send, other = other, send
		}
		if w := other(v); w.Code != 405 || a.calls != 0 {
			t.Errorf("%q: %d by the other method", tt.scopes, w.Code)
		}
		if w := send(v); w.Code != 303 || a.who.FirstName != "" {
			t.Errorf("%q: %d %s", tt.scopes, w.Code, a.reason())
		}
	}
}

// A name is Apple's alone: the answers of others can have any parameter.
func TestOnlyAppleHasNames(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	v := p.authorize(t, a.begin(""))
	v.Set("user", `{"name":{"firstName":"Jane","lastName":"Appleseed"}}`)
	if w := a.complete(v); w.Code != 303 || a.who.FirstName+a.who.LastName != "" {
		t.Errorf("%d %q", w.Code, a.who.FirstName)
	}
}

// Each request has a client secret that is valid for minutes, by the clock of the Login.
func TestAppleSecret(t *testing.T) {
	s := newApple(t)
	now := time.Now()
	a := appAt(t, s.sites, oauth.Apple(appleTeam), appleApp, oauth.Options{Now: func() time.Time { return now }})
	for range 2 {
		q := guard.Must(url.Parse(a.begin(""))).Query()
		s.nonce = q.Get("nonce")
		if w := a.post(url.Values{"code": {"c1"}, "state": {q.Get("state")}}); w.Code != 303 {
			t.Fatalf("%d %s", w.Code, a.reason())
		}
	}
	for _, secret := range s.secrets {
		c := jwt.MapClaims{}
		token, _, err := jwt.NewParser().ParseUnverified(secret, c)
		if err != nil || len(c) != 5 || c["exp"].(float64)-c["iat"].(float64) != 300 || c["iat"].(float64) != float64(now.Unix()) || token.Header["alg"] != "ES256" {
			t.Errorf("%v %v %v", token.Header, c, err)
		}
	}
	k := jwtauth.Signer("ES256", kms{otherKey}).WithID(appleKey)
	down := appAt(t, s.sites, oauth.Apple(appleTeam), oauth.Client{ID: appleApp.ID, Key: k}, oauth.Options{})
	q := guard.Must(url.Parse(down.begin(""))).Query()
	if w := down.post(url.Values{"code": {"c1"}, "state": {q.Get("state")}}); w.Code != 503 || down.pending() != 1 {
		t.Errorf("a KMS that is down: %d %s", w.Code, down.reason())
	}
}

func TestAppleMistakes(t *testing.T) {
	key := appleApp.Key
	for _, tt := range []struct {
		name, team string
		client     oauth.Client
		opts       oauth.Options
		want       string
	}{
		{"no key", appleTeam, oauth.Client{ID: "a"}, oauth.Options{}, "Apple needs a Key"},
		{"a secret", appleTeam, oauth.Client{ID: "a", Secret: guard.Secret("x")}, oauth.Options{}, "Apple needs a Key"},
		{"a secret besides", appleTeam, oauth.Client{ID: "a", Key: key, Secret: guard.Secret("x")}, oauth.Options{}, "Apple needs a Key"},
		{"another Auth", appleTeam, oauth.Client{ID: "a", Key: key, Auth: oauth.PrivateKeyJWT}, oauth.Options{}, "Apple needs a Key"},
		{"no key ID", appleTeam, oauth.Client{ID: "a", Key: jwtauth.ECDSA("ES256", otherKey)}, oauth.Options{}, "Apple needs a Key"},
		{"another algorithm", appleTeam, oauth.Client{ID: "a", Key: jwtauth.RSA("RS256", appleSigns).WithID(appleKey)}, oauth.Options{}, "Apple needs a Key"},
		{"a public key", appleTeam, oauth.Client{ID: "a", Key: jwtauth.ECDSA("ES256", &otherKey.PublicKey).WithID(appleKey)}, oauth.Options{}, "needs a private key"},
		{"no client ID", appleTeam, oauth.Client{Key: key}, oauth.Options{}, "ID is empty"},
		{"no team", "", oauth.Client{ID: "a", Key: key}, oauth.Options{}, "a team ID is"},
		{"a team in lower case", "def123ghij", oauth.Client{ID: "a", Key: key}, oauth.Options{}, "a team ID is"},
		{"userinfo", appleTeam, oauth.Client{ID: "a", Key: key}, oauth.Options{UserInfo: true}, "no userinfo endpoint"},
		{"an insecure cookie", appleTeam, oauth.Client{ID: "a", Key: key}, oauth.Options{InsecureCookie: true}, "FormPost with InsecureCookie"},
	} {
		tt.opts.Key = sealKey
		_, err := oauth.New[claims](oauth.Apple(tt.team), tt.client, callback, &tt.opts)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
