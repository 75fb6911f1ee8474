package interop_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/sessions"
	"github.com/markbates/goth"
	"github.com/markbates/goth/gothic"
	"github.com/markbates/goth/providers/openidConnect"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/link"
	"github.com/go-guard/guard/signin/oauth"
	"github.com/go-guard/guard/signin/password"
)

const theSubject = "the attacker"

// A smallProvider is an OpenID Connect provider at which one person signs in.
type smallProvider struct {
	*httptest.Server
	key    *rsa.PrivateKey
	mu     sync.Mutex
	nonces map[string]string // by code
}

func newSmallProvider(t *testing.T) *smallProvider {
	p := &smallProvider{key: guard.Must(rsa.GenerateKey(rand.Reader, 2048)), nonces: map[string]string{}}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	answer := func(path string, body func(r *http.Request) map[string]any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body(r))
		})
	}
	answer("/.well-known/openid-configuration", func(*http.Request) map[string]any {
		return map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"userinfo_endpoint": p.URL + "/userinfo", "jwks_uri": p.URL + "/jwks",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		}
	})
	answer("/jwks", func(*http.Request) map[string]any {
		return map[string]any{"keys": []map[string]any{{
			"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig",
			"n": base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes()),
		}}}
	})
	answer("/userinfo", func(*http.Request) map[string]any { return map[string]any{"sub": theSubject} })
	answer("/token", func(r *http.Request) map[string]any {
		p.mu.Lock()
		defer p.mu.Unlock()
		claims := jwt.MapClaims{"iss": p.URL, "sub": theSubject, "aud": "app", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
		if nonce := p.nonces[r.PostFormValue("code")]; nonce != "" {
			claims["nonce"] = nonce
		}
		token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
		token.Header["kid"] = "1"
		return map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600, "id_token": guard.Must(token.SignedString(p.key))}
	})
	return p
}

// authorize returns the callback of a person who agreed at the address of a sign-in.
func (p *smallProvider) authorize(address *url.URL) *url.URL {
	q := address.Query()
	code := rand.Text()
	p.mu.Lock()
	p.nonces[code] = q.Get("nonce")
	p.mu.Unlock()
	callback := guard.Must(url.Parse(q.Get("redirect_uri")))
	callback.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
	return callback
}

// A socialSite signs in at a provider: at /auth/openid-connect, and back at
// /auth/openid-connect/callback, which sets the cookie "account".
type socialSite struct {
	*httptest.Server
	provider *smallProvider
}

func newSocialSite(t *testing.T, handler func(p *smallProvider, callback string) http.Handler) socialSite {
	p := newSmallProvider(t)
	mux := http.NewServeMux()
	s := socialSite{httptest.NewServer(mux), p}
	t.Cleanup(s.Close)
	mux.Handle("/", handler(p, s.URL+"/auth/openid-connect/callback"))
	return s
}

// get visits an address with cookies, and follows no redirect.
func (s socialSite) get(t *testing.T, address string, cookies []*http.Cookie) (*http.Response, string) {
	t.Helper()
	r := guard.Must(http.NewRequestWithContext(t.Context(), "GET", address, nil))
	for _, c := range cookies {
		r.AddCookie(c)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return res, readAll(t, res)
}

// begin follows a link to the start of a sign-in, in a browser without cookies.
func (s socialSite) begin(t *testing.T, query string) (*url.URL, []*http.Cookie) {
	t.Helper()
	res, body := s.get(t, s.URL+"/auth/openid-connect"+query, nil)
	to, err := res.Location()
	if err != nil || !strings.HasPrefix(to.String(), s.provider.URL) {
		t.Fatalf("%d %v %s", res.StatusCode, err, body)
	}
	return to, res.Cookies()
}

// safe: the sign-in has PKCE and a nonce, and an attacker cannot sign a victim in to the
// attacker's account with two links, to the start with a state of the attacker's and to
// the attacker's callback.
func (s socialSite) safe(t *testing.T) bool {
	t.Helper()
	own, cookies := s.begin(t, "")
	if res, body := s.get(t, s.provider.authorize(own).String(), cookies); !signedIn(res) {
		t.Fatalf("a sign-in: %d %s", res.StatusCode, body)
	}
	q := own.Query()
	bound := q.Get("code_challenge") != "" && q.Get("code_challenge_method") == "S256" && q.Get("nonce") != ""

	const link = "?state=of-the-attacker"
	attackers, _ := s.begin(t, link)
	_, victims := s.begin(t, link)
	res, _ := s.get(t, s.provider.authorize(attackers).String(), victims)
	chosen := signedIn(res)
	t.Logf("PKCE and nonce %t, signed in by a link %t", bound, chosen)
	return bound && !chosen
}

// setAccount is what the sites do after a sign-in.
func setAccount(w http.ResponseWriter, subject string) {
	http.SetCookie(w, &http.Cookie{Name: "account", Value: url.QueryEscape(subject)})
}

func signedIn(res *http.Response) bool {
	for _, c := range res.Cookies() {
		if c.Name == "account" && c.Value == url.QueryEscape(theSubject) {
			return true
		}
	}
	return false
}

func guardSocial(t *testing.T) socialSite {
	return newSocialSite(t, func(p *smallProvider, callback string) http.Handler {
		login := guard.Must(oauth.New[map[string]any](oauth.Discover(p.URL), oauth.Client{ID: "app", Secret: guard.Secret("s3cret")}, callback,
			&oauth.Options{Key: tokenSecret}))
		mux := http.NewServeMux()
		mux.Handle("/auth/openid-connect", login.Begin())
		mux.Handle("/auth/openid-connect/callback", login.Complete(func(w http.ResponseWriter, _ *http.Request, who *oauth.Identity[map[string]any]) error {
			setAccount(w, who.Subject)
			return nil
		}))
		return mux
	})
}

func guardSignIn(t *testing.T) bool { return guardSocial(t).safe(t) }

// gothSocial is goth's example, with the store of its README for production.
func gothSocial(t *testing.T) socialSite {
	return newSocialSite(t, func(p *smallProvider, callback string) http.Handler {
		store := sessions.NewCookieStore(tokenSecret)
		store.MaxAge(86400 * 30)
		store.Options.Path = "/"
		store.Options.HttpOnly = true
		store.Options.Secure = true
		gothic.Store = store
		goth.UseProviders(guard.Must(openidConnect.New("app", "s3cret", callback, p.URL+"/.well-known/openid-configuration")))
		mux := http.NewServeMux()
		mux.HandleFunc("/auth/{provider}/callback", func(w http.ResponseWriter, r *http.Request) {
			user, err := gothic.CompleteUserAuth(w, r)
			if err != nil {
				fmt.Fprintln(w, err)
				return
			}
			setAccount(w, user.UserID)
		})
		mux.HandleFunc("/auth/{provider}", gothic.BeginAuthHandler)
		return mux
	})
}

func gothSignIn(t *testing.T) bool { return gothSocial(t).safe(t) }

func gothCookie(t *testing.T) bool {
	_, cookies := gothSocial(t).begin(t, "")
	if len(cookies) != 1 {
		t.Fatal(cookies)
	}
	return strict(cookies[0])
}

// An account of a program with passwords.
type loginAccount struct{ Email, Hash string }

// guardUnknown counts bytes and not seconds: a hash of argon2id takes 19 MiB.
func guardUnknown(t *testing.T) bool {
	alice := loginAccount{"alice@example.com", guard.Must(password.Hash(t.Context(), "correct horse"))}
	logins := guard.Must(password.NewLogin(func(_ context.Context, email string) (loginAccount, string, bool, error) {
		if email != alice.Email {
			return loginAccount{}, "", false, nil
		}
		return alice, alice.Hash, true, nil
	}, &password.LoginOptions[loginAccount]{InsecureUnlimited: true})) // the test is the only caller
	cost := func(email string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, _ := answerTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := logins.Check(r, email, "wrong horse"); err != nil {
				guard.Refuse(w, r, err)
			}
		}), "POST", nil)
		runtime.ReadMemStats(&after)
		if res.StatusCode != 401 {
			t.Fatalf("%s: %d", email, res.StatusCode)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	known, unknown := cost(alice.Email), cost("mallory@example.com")
	t.Logf("%d and %d bytes", known, unknown)
	return known > 10<<20 && unknown > 10<<20
}

func guardReset(t *testing.T) bool {
	hash := "old"
	resets := guard.Must(link.New("reset", "https://app.example.com/reset", tokenSecret, func(context.Context, string) (string, bool, error) {
		return hash, true, nil
	}, nil))
	address := guard.Must(url.Parse(guard.Must(resets.Issue(t.Context(), "1"))))
	reset := func() int {
		res, _ := answerTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			err := resets.Redeem(r.Context(), address.Query().Get("token"), func(context.Context, string) error {
				hash += " new"
				return nil
			})
			if err != nil {
				guard.Refuse(w, r, err)
			}
		}), "POST", nil)
		return res.StatusCode
	}
	if status := reset(); status != 200 || hash != "old new" {
		t.Fatal(status, hash)
	}
	return reset() == 400 && hash == "old new"
}
