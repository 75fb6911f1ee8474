package oauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/signin/oauth"
)

// TestClientAuth: the client authenticates in one way, at the token endpoint and where
// requests are pushed.
func TestClientAuth(t *testing.T) {
	const basic = "Basic dGhlK2NsaWVudCUzQTE6czNjcmV0JTJGJTJCJTNBK29mK3RoZStjbGllbnQ=" // the+client%3A1:s3cret%2F%2B%3A+of+the+client
	key := jwtauth.ECDSA("ES256", otherKey).WithID("client-key")
	methods := func(list ...string) func(object) {
		return func(m object) {
			m["token_endpoint_auth_methods_supported"] = list
			m["require_pushed_authorization_requests"] = true
		}
	}
	for _, tt := range []struct {
		name      string
		client    oauth.Client
		metadata  func(object)
		basic     bool
		form      string // a parameter of the form
		assertion bool
	}{
		{"basic by default", oauth.Client{Secret: guard.Secret(secret)}, methods(), true, "", false},
		{"basic where both are listed", oauth.Client{Secret: guard.Secret(secret)}, methods("client_secret_post", "client_secret_basic"), true, "", false},
		{"post where it alone is listed", oauth.Client{Secret: guard.Secret(secret)}, methods("client_secret_post", "none"), false, secret, false},
		{"post", oauth.Client{Secret: guard.Secret(secret), Auth: oauth.Post}, methods(), false, secret, false},
		{"basic", oauth.Client{Secret: guard.Secret(secret), Auth: oauth.Basic}, methods("client_secret_post"), true, "", false},
		{"public", oauth.Client{}, methods(), false, "", false},
		{"a key", oauth.Client{Key: key}, methods(), false, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider()
			p.metadata = tt.metadata
			tt.client.ID = clientID
			a := appOf(t, p, oauth.Discover(issuer), tt.client, oauth.Options{})
			if w := a.signIn(""); w.Code != 303 {
				t.Fatalf("%d %s", w.Code, a.reason())
			}
			seen := map[string]bool{}
			for i, r := range p.requests {
				if r.URL.Path != "/token" && r.URL.Path != "/par" {
					continue
				}
				form, authorization := p.forms[i], r.Header.Get("Authorization")
				if tt.basic && authorization != basic || !tt.basic && authorization != "" {
					t.Errorf("%s: Authorization %q", r.URL.Path, authorization)
				}
				if form.Get("client_secret") != tt.form || form.Get("client_id") != clientID && (!tt.basic || r.URL.Path == "/par") {
					t.Errorf("%s: form %v", r.URL.Path, form)
				}
				assertion := form.Get("client_assertion")
				if (assertion != "") != tt.assertion {
					t.Errorf("%s: assertion %q", r.URL.Path, assertion)
				}
				if tt.assertion {
					checkAssertion(t, assertion, seen)
					if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
						t.Errorf("type %q", form.Get("client_assertion_type"))
					}
				}
			}
			if tt.assertion && len(seen) != 2 {
				t.Errorf("%d different jti", len(seen))
			}
		})
	}
}

func checkAssertion(t *testing.T, assertion string, seen map[string]bool) {
	t.Helper()
	c := jwt.MapClaims{}
	token, err := jwt.ParseWithClaims(assertion, c, func(*jwt.Token) (any, error) { return &otherKey.PublicKey, nil }, jwt.WithValidMethods([]string{"ES256"}),
		jwt.WithIssuer(clientID), jwt.WithSubject(clientID), jwt.WithExpirationRequired())
	if err != nil {
		t.Fatal(err)
	}
	if c["aud"] != issuer || token.Header["kid"] != "client-key" || token.Header["typ"] != "JWT" || len(c) != 6 {
		t.Errorf("%v %v", token.Header, c)
	}
	if exp, _ := c.GetExpirationTime(); time.Until(exp.Time) > time.Minute {
		t.Errorf("exp %v", exp)
	}
	seen[c["jti"].(string)] = true
}

// The audience for a server without a name is its token endpoint.
func TestAssertionForEndpoints(t *testing.T) {
	p := newProvider()
	p.user["id"] = 1
	a := appOf(t, p, endpoints, oauth.Client{ID: clientID, Key: jwtauth.ECDSA("ES256", otherKey)}, oauth.Options{})
	if w := a.signIn(""); w.Code != 303 {
		t.Fatalf("%d %s", w.Code, a.reason())
	}
	c := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(p.forms[0].Get("client_assertion"), c)
	if err != nil || c["aud"] != endpoints.Token {
		t.Errorf("%v %v", c, err)
	}
}

func TestClientMistakes(t *testing.T) {
	private := jwtauth.ECDSA("ES256", otherKey)
	for want, c := range map[string]oauth.Client{
		"ID is empty":                      {},
		"no printable ASCII":               {ID: "é"},
		"a client has one of them":         {ID: "a", Secret: guard.Secret("x"), Key: private},
		`"client_secret_basic" needs`:      {ID: "a", Auth: oauth.Basic},
		`"client_secret_post" needs`:       {ID: "a", Auth: oauth.Post},
		`"private_key_jwt" needs a Key`:    {ID: "a", Auth: oauth.PrivateKeyJWT, Secret: guard.Secret("x")},
		`"none" ignores`:                   {ID: "a", Auth: oauth.None, Secret: guard.Secret("x")},
		`there is no Auth "basic"`:         {ID: "a", Auth: "basic"},
		"needs a private key, and no HMAC": {ID: "a", Key: jwtauth.ECDSA("ES256", &otherKey.PublicKey)},
		"and no HMAC":                      {ID: "a", Key: jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32)))},
		`no algorithm "XS256"`:             {ID: "a", Key: jwtauth.ECDSA("XS256", otherKey)},
	} {
		_, err := oauth.New[claims](oauth.Discover(issuer), c, callback, &oauth.Options{Key: sealKey})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
