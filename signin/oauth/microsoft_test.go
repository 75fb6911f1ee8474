package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

const (
	tenantA  = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	tenantB  = "bbbbcccc-1111-dddd-2222-eeee3333ffff"
	personal = "9188040d-6c67-4c5b-b112-36a304b66dad"
	template = "{tenantid}"
)

func ofTenant(id string) string { return "https://login.microsoftonline.com/" + id + "/v2.0" }

// microsoft answers as Microsoft's documentation shows, for one path of tenants.
type microsoft struct {
	path      string // in the URLs
	issuer    string // in the metadata
	keyIssuer any    // in the key set; nil for none
	claims    func(object)
	user      string // of the userinfo
	nonce     string
	keys      []object // in place of that of keyIssuer
	idToken   func(string) string
	sign      func(string) []byte
}

func (m *microsoft) sites(t *testing.T) *sites {
	at := "login.microsoftonline.com/" + m.path
	return &sites{t: t, answers: map[string]func(*http.Request, url.Values) (int, string){
		at + "/v2.0/.well-known/openid-configuration": fixed(text(object{
			"issuer": m.issuer, "authorization_endpoint": "https://" + at + "/oauth2/v2.0/authorize", "token_endpoint": "https://" + at + "/oauth2/v2.0/token",
			"jwks_uri": "https://" + at + "/discovery/v2.0/keys", "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"}, "response_types_supported": []string{"code", "id_token"},
			"id_token_signing_alg_values_supported": []string{"ES256"}, "cloud_instance_name": "microsoftonline.com",
		})),
		at + "/discovery/v2.0/keys": func(*http.Request, url.Values) (int, string) {
			if m.keys != nil {
				return 200, text(object{"keys": m.keys})
			}
			k := jwk(signingKey, "1")
			if m.keyIssuer != nil {
				k["issuer"] = m.keyIssuer
			}
			return 200, text(object{"keys": []object{k}})
		},
		at + "/oauth2/v2.0/token": func(*http.Request, url.Values) (int, string) {
			p := newProvider()
			p.claims, p.idToken, p.sign = m.claims, m.idToken, m.sign
			return 200, text(object{"token_type": "Bearer", "scope": "openid email", "expires_in": 3599, "access_token": "the-access-token", "id_token": p.makeIDToken(url.Values{"nonce": {m.nonce}})})
		},
		"graph.microsoft.com/oidc/userinfo": func(*http.Request, url.Values) (int, string) { return 200, m.user },
	}}
}

// signIn is a whole sign-in with the provider of a tenant.
func (m *microsoft) signIn(t *testing.T, tenant string, opts oauth.Options, more url.Values) (*app, int) {
	t.Helper()
	a := appAt(t, m.sites(t), oauth.Microsoft(tenant), registered, opts)
	q := guard.Must(url.Parse(a.begin(""))).Query()
	m.nonce = q.Get("nonce")
	v := url.Values{"code": {"M.R3_BAY"}, "state": {q.Get("state")}, "session_state": {"x"}}
	for name, values := range more {
		v[name] = values
	}
	w := a.complete(v)
	a.checkNoSecrets(w)
	if (a.calls == 1) != (w.Code == 303) {
		t.Errorf("%d, %d calls", w.Code, a.calls)
	}
	return a, w.Code
}

// tokenOf has the claims of a tenant's ID token.
func tokenOf(iss string, tid any) func(object) {
	return func(c object) {
		c["iss"], c["tid"], c["ver"], c["sub"] = iss, tid, "2.0", "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ"
		delete(c, "email_verified")
		if tid == nil {
			delete(c, "tid")
		}
	}
}

func TestMicrosoftTenants(t *testing.T) {
	for _, tt := range []struct {
		name, tenant, path, metadata string
		keyIssuer                    any
		claims                       func(object)
		want                         int
		issuer                       string
	}{
		{"common, a tenant", "common", "", "", ofTenant(template), tokenOf(ofTenant(tenantA), tenantA), 303, ofTenant(tenantA)},
		{"common, another tenant", "common", "", "", ofTenant(template), tokenOf(ofTenant(tenantB), tenantB), 303, ofTenant(tenantB)},
		{"common, a personal account", "common", "", "", ofTenant(personal), tokenOf(ofTenant(personal), personal), 303, ofTenant(personal)},
		{"organizations", "organizations", "", "", ofTenant(template), tokenOf(ofTenant(tenantA), tenantA), 303, ofTenant(tenantA)},
		{"consumers", "consumers", "", ofTenant(personal), ofTenant(personal), tokenOf(ofTenant(personal), personal), 303, ofTenant(personal)},
		{"consumers, a template", "consumers", "", ofTenant(template), ofTenant(template), tokenOf(ofTenant(personal), personal), 303, ofTenant(personal)},
		{"one tenant", tenantA, "", ofTenant(tenantA), ofTenant(template), tokenOf(ofTenant(tenantA), tenantA), 303, ofTenant(tenantA)},
		{"one tenant, in capitals", strings.ToUpper(tenantA), tenantA, ofTenant(tenantA), ofTenant(template), tokenOf(ofTenant(tenantA), tenantA), 303, ofTenant(tenantA)},
		{"one tenant, its key", tenantA, "", ofTenant(tenantA), ofTenant(tenantA), tokenOf(ofTenant(tenantA), tenantA), 303, ofTenant(tenantA)},

		{"one tenant, the token of another", tenantA, "", ofTenant(tenantA), ofTenant(template), tokenOf(ofTenant(tenantB), tenantB), 401, ""},
		{"one tenant, the tid of another", tenantA, "", ofTenant(tenantA), ofTenant(template), tokenOf(ofTenant(tenantA), tenantB), 401, ""},
		{"one tenant, the template as iss", tenantA, "", ofTenant(tenantA), ofTenant(template), tokenOf(ofTenant(template), tenantA), 401, ""},
		{"tid of another tenant", "common", "", "", ofTenant(template), tokenOf(ofTenant(tenantA), tenantB), 401, ""},
		{"iss of another tenant", "common", "", "", ofTenant(template), tokenOf(ofTenant(tenantB), tenantA), 401, ""},
		{"no tid", "common", "", "", ofTenant(template), tokenOf(ofTenant(tenantA), nil), 401, ""},
		{"an empty tid", "common", "", "", ofTenant(template), tokenOf(ofTenant(""), ""), 401, ""},
		{"tid is no string", "common", "", "", ofTenant(template), tokenOf(ofTenant(tenantA), []string{tenantA}), 401, ""},
		{"tid is no GUID", "common", "", "", ofTenant(template), tokenOf(ofTenant("contoso"), "contoso"), 401, ""},
		{"tid has the template", "common", "", "", ofTenant(template), tokenOf(ofTenant(template), template), 401, ""},
		{"tid leaves the host", "common", "", "", ofTenant(template), tokenOf(ofTenant("x/../evil"), "x/../evil"), 401, ""},
		{"tid in capitals", "common", "", "", ofTenant(template), tokenOf(ofTenant(strings.ToUpper(tenantA)), strings.ToUpper(tenantA)), 401, ""},
		{"tid without hyphens", "common", "", "", ofTenant(template), tokenOf(ofTenant(strings.ReplaceAll(tenantA, "-", "0")), strings.ReplaceAll(tenantA, "-", "0")), 401, ""},
		{"iss of version 1", "common", "", "", ofTenant(template), tokenOf("https://sts.windows.net/"+tenantA+"/", tenantA), 401, ""},
		{"iss of another host", "common", "", "", ofTenant(template), tokenOf("https://login.evil.example/"+tenantA+"/v2.0", tenantA), 401, ""},
		{"iss of common", "common", "", "", ofTenant(template), tokenOf(ofTenant("common"), "common"), 401, ""},
		{"organizations, a personal account", "organizations", "", "", ofTenant(template), tokenOf(ofTenant(personal), personal), 401, ""},
		{"consumers, a tenant", "consumers", "", ofTenant(personal), ofTenant(template), tokenOf(ofTenant(tenantA), tenantA), 401, ""},

		{"the key of personal accounts for a tenant", "common", "", "", ofTenant(personal), tokenOf(ofTenant(tenantA), tenantA), 401, ""},
		{"the key of a tenant for another", "common", "", "", ofTenant(tenantB), tokenOf(ofTenant(tenantA), tenantA), 401, ""},
		{"a key without issuer", "common", "", "", nil, tokenOf(ofTenant(tenantA), tenantA), 401, ""},
		{"a key whose issuer is no string", "common", "", "", []string{ofTenant(template)}, tokenOf(ofTenant(tenantA), tenantA), 401, ""},
		{"a key of the other host", "common", "", "", "https://login.evil.example/" + template + "/v2.0", tokenOf(ofTenant(tenantA), tenantA), 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &microsoft{path: tt.path, issuer: tt.metadata, keyIssuer: tt.keyIssuer, claims: tt.claims}
			if m.path == "" {
				m.path = tt.tenant
			}
			if m.issuer == "" {
				m.issuer = ofTenant(template)
			}
			a, code := m.signIn(t, tt.tenant, oauth.Options{Refetch: time.Nanosecond}, nil)
			if code != tt.want {
				t.Fatalf("%d %s", code, a.reason())
			}
			if code == 303 && (a.who.Issuer != tt.issuer || a.who.Subject != "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ") {
				t.Errorf("%+v", a.who)
			}
		})
	}
}

// TestMicrosoftEmail: an address is verified by xms_edov alone (nOAuth: a tenant's
// administrator writes any address).
func TestMicrosoftEmail(t *testing.T) {
	for _, tt := range []struct {
		name     string
		claims   object // nil values are removed
		user     string
		email    string
		verified bool
	}{
		{"an address alone", object{}, "", "alice@example.com", false},
		{"email_verified", object{"email_verified": true}, "", "alice@example.com", false},
		{"edov", object{"xms_edov": true}, "", "alice@example.com", true},
		{"edov is 1", object{"xms_edov": 1}, "", "alice@example.com", true},
		{`edov is "1"`, object{"xms_edov": "1"}, "", "alice@example.com", true},
		{`edov is "true"`, object{"xms_edov": "true"}, "", "alice@example.com", true},
		{"edov is false", object{"xms_edov": false, "email_verified": true}, "", "alice@example.com", false},
		{"edov is 0", object{"xms_edov": 0}, "", "alice@example.com", false},
		{`edov is "0"`, object{"xms_edov": "0"}, "", "alice@example.com", false},
		{"edov is a list", object{"xms_edov": []bool{true}}, "", "alice@example.com", false},
		{"edov is null", object{"xms_edov": nil, "email_verified": "true"}, "", "alice@example.com", false},
		{"edov without an address", object{"xms_edov": true, "email": nil}, "", "", false},
		{"the address of the userinfo", object{"xms_edov": true, "email": nil}, `{"sub":"AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ","email":"victim@example.com","email_verified":true}`, "victim@example.com", false},
		{"another address of the userinfo", object{"xms_edov": true}, `{"sub":"AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ","email":"victim@example.com","email_verified":true}`, "alice@example.com", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &microsoft{path: "common", issuer: ofTenant(template), keyIssuer: ofTenant(template), user: tt.user, claims: func(c object) {
				tokenOf(ofTenant(tenantA), tenantA)(c)
				for name, value := range tt.claims {
					if c[name] = value; value == nil {
						delete(c, name)
					}
				}
			}}
			a, code := m.signIn(t, "common", oauth.Options{UserInfo: tt.user != ""}, nil)
			if code != 303 || a.who.Email != tt.email || a.who.EmailVerified != tt.verified {
				t.Errorf("%d %q %t %s", code, a.who.Email, a.who.EmailVerified, a.reason())
			}
		})
	}
}

func TestMicrosoftMetadata(t *testing.T) {
	for _, tt := range []struct {
		name, tenant, issuer string
		want                 int
	}{
		{"common names a tenant", "common", ofTenant(tenantA), 503},
		{"common names another host", "common", "https://login.evil.example/{tenantid}/v2.0", 503},
		{"a tenant names another", tenantA, ofTenant(tenantB), 503},
		{"a tenant names the template", tenantA, ofTenant(template), 503},
		{"consumers name a tenant", "consumers", ofTenant(tenantA), 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &microsoft{path: tt.tenant, issuer: tt.issuer}
			a := appAt(t, m.sites(t), oauth.Microsoft(tt.tenant), registered, oauth.Options{})
			if w := a.do(httptest.NewRequest("GET", "/login", nil)); w.Code != tt.want || a.pending() != 0 {
				t.Errorf("%d %s", w.Code, a.reason())
			}
		})
	}
}

// The iss of an answer, if there is one, is that of a tenant that may sign in.
func TestMicrosoftAnswer(t *testing.T) {
	for iss, want := range map[string]int{
		ofTenant(tenantA): 303, ofTenant(template): 401, ofTenant("common"): 401, "https://evil.example/" + tenantA + "/v2.0": 401,
		"https://login.microsoftonline.com/" + tenantA: 401, "": 401,
	} {
		m := &microsoft{path: "common", issuer: ofTenant(template), keyIssuer: ofTenant(template), claims: tokenOf(ofTenant(tenantA), tenantA)}
		if a, code := m.signIn(t, "common", oauth.Options{}, url.Values{"iss": {iss}}); code != want {
			t.Errorf("%q: %d %s", iss, code, a.reason())
		}
	}
}

// Texts that are no tokens, and the tokens of others, sign no one in.
func TestMicrosoftForgeries(t *testing.T) {
	for name, change := range map[string]func(*microsoft){
		"no dots":     func(m *microsoft) { m.idToken = func(string) string { return "x" } },
		"no JSON":     func(m *microsoft) { m.idToken = func(string) string { return "e30.e.x" } },
		"a tid twice": func(m *microsoft) { m.idToken = func(string) string { return "e30.eyJ0aWQiOiJhIiwidGlkIjoiYSJ9.x" } },
		"signed by another key": func(m *microsoft) {
			m.sign = func(s string) []byte { return guard.Must(jwt.SigningMethodES256.Sign(s, otherKey)) }
		},
		"signed by the key of another tenant under its kid": func(m *microsoft) {
			a, b := jwk(signingKey, "1"), jwk(otherKey, "1")
			a["issuer"], b["issuer"] = ofTenant(template), ofTenant(tenantB)
			m.keys = []object{a, b}
			m.sign = func(s string) []byte { return guard.Must(jwt.SigningMethodES256.Sign(s, otherKey)) }
		},
		"aud of another client": func(m *microsoft) {
			m.claims = func(c object) { tokenOf(ofTenant(tenantA), tenantA)(c); c["aud"] = "another" }
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := &microsoft{path: "common", issuer: ofTenant(template), keyIssuer: ofTenant(template), claims: tokenOf(ofTenant(tenantA), tenantA)}
			change(m)
			if a, code := m.signIn(t, "common", oauth.Options{Refetch: time.Nanosecond}, nil); code != 401 {
				t.Errorf("%d %s", code, a.reason())
			}
		})
	}
}

// A new key of the tenant is fetched when a token needs it.
func TestMicrosoftKeyRotation(t *testing.T) {
	m := &microsoft{path: "common", issuer: ofTenant(template), claims: tokenOf(ofTenant(tenantA), tenantA), keyIssuer: ofTenant(template)}
	s := m.sites(t)
	a := appAt(t, s, oauth.Microsoft("common"), registered, oauth.Options{Refetch: time.Nanosecond})
	for i, key := range []object{jwk(otherKey, "0"), jwk(signingKey, "1")} {
		key["issuer"] = ofTenant(template)
		m.keys = []object{key}
		q := guard.Must(url.Parse(a.begin(""))).Query()
		m.nonce = q.Get("nonce")
		want := []int{401, 303}[i]
		if w := a.complete(url.Values{"code": {"x"}, "state": {q.Get("state")}}); w.Code != want {
			t.Errorf("%d: %d %s", i, w.Code, a.reason())
		}
	}
}

func TestMicrosoftMistakes(t *testing.T) {
	for _, tenant := range []string{"", "contoso.onmicrosoft.com", "commons", tenantA + "0", tenantA[1:], "../" + tenantA, template, "aaaabbbb-0000-cccc-1111-dddd2222eeeg", "aaaabbbb00000cccc01111-dddd2222eeee"} {
		_, err := oauth.New[claims](oauth.Microsoft(tenant), registered, callback, &oauth.Options{Key: sealKey})
		if err == nil || !strings.Contains(err.Error(), "a tenant is its ID") {
			t.Errorf("%q: %v", tenant, err)
		}
	}
}
