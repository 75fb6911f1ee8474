package interop_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"html/template"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/oauth"
)

// clientSecret must be encoded for HTTP Basic (RFC 6749, section 2.3.1).
const clientSecret = "a secret: 100% + more/&="

// clientKey is the key of the client private_key_jwt. RS256 is what every provider knows.
var clientKey = sync.OnceValue(func() *rsa.PrivateKey { return guard.Must(rsa.GenerateKey(rand.Reader, 2048)) })

// clientJWK is its public half, for a provider.
func clientJWK() map[string]any {
	public := clientKey().PublicKey
	return map[string]any{
		"kty": "RSA", "kid": "client-1", "alg": "RS256", "use": "sig",
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}
}

// clients are the application's registrations at a provider. The name of each is its
// client_id, the way it authenticates, and the first segment of its routes.
var clients = []oauth.Client{
	{ID: "client_secret_basic", Secret: guard.Secret(clientSecret), Auth: oauth.Basic},
	{ID: "client_secret_post", Secret: guard.Secret(clientSecret), Auth: oauth.Post},
	{ID: "private_key_jwt", Key: jwtauth.RSA("RS256", clientKey()).WithID("client-1")},
	{ID: "none"},
}

type profileClaims struct {
	Name string `json:"name"`
}

// A person is the data of a session.
type person struct {
	Issuer, Subject, Email, Name, Ref, IDToken string
	EmailVerified                              bool
	AuthTime                                   time.Time
}

// An application is a site that people sign in to, as its programmer writes it with
// signin/oauth and session. It is served over TLS, as Secure cookies require.
type application struct {
	*httptest.Server
	sessions *session.Manager[person]
	caFile   string // its certificate

	mu        sync.Mutex
	handler   http.Handler
	decisions []guard.Decision
}

// startApplication serves an application, which has no provider yet: a provider must
// know the address of its callback first.
func startApplication(t *testing.T) *application {
	t.Helper()
	a := &application{sessions: guard.Must(session.New[person](&session.Options{MaxData: 8 << 10}))}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		h := a.handler
		a.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	a.Config.ErrorLog = log.New(io.Discard, "", 0) // browsers say that they do not know the certificate
	a.StartTLS()
	t.Cleanup(func() {
		a.Close()
		for _, d := range a.decisions {
			if t.Failed() && d.Err != nil {
				t.Logf("%s %s: %d %v", d.Package, d.Outcome, d.Status, d.Err)
			}
		}
	})
	a.caFile = filepath.Join(t.TempDir(), "application.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	if err := os.WriteFile(a.caFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// signInAt gives the application a provider. loginPage is where a page that is refused
// leads to.
func (a *application) signInAt(t *testing.T, issuer, loginPage string, clients ...oauth.Client) {
	t.Helper()
	mux := http.NewServeMux()
	add := func(prefix string, c oauth.Client, formPost bool) {
		login, err := oauth.New[profileClaims](oauth.Discover(issuer), c, a.URL+prefix+"/callback", &oauth.Options{
			Key: []byte(rand.Text() + rand.Text()), UserInfo: true, Scopes: []string{"openid", "email", "profile"}, FormPost: formPost,
			Request: func(r *http.Request) (ask oauth.AuthRequest) {
				q := r.URL.Query()
				ask.Prompt = q.Get("prompt")
				if q.Has("max_age") {
					ask.MaxAge, _ = time.ParseDuration(q.Get("max_age"))
				}
				if q.Has("acr") {
					ask.ACRValues = q["acr"]
				}
				return ask
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		a.routes(mux, prefix, login)
	}
	for _, c := range clients {
		add("/"+c.ID, c, false)
	}
	add("/form_post", clients[0], true)
	mux.Handle("GET /me", a.sessions.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[person]) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Data())
	})))
	mux.Handle("GET /{$}", guard.Optional(a.sessions)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.home(w, r, "/"+clients[0].ID)
	})))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handler = guard.Chain(guard.Observe(a.observe), guard.OnError(format.HTML(loginPage, nil)))(mux)
}

// routes are those of one provider in an application.
func (a *application) routes(mux *http.ServeMux, prefix string, login *oauth.Login[profileClaims]) {
	mux.Handle("GET "+prefix+"/login", login.Begin())
	mux.Handle(prefix+"/callback", login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[profileClaims]) error {
		_, err := a.sessions.Create(w, r, account(who.Issuer, who.Subject), person{
			Issuer: who.Issuer, Subject: who.Subject, Email: who.Email, EmailVerified: who.EmailVerified,
			Name: who.Claims.Name, AuthTime: who.AuthTime, IDToken: string(who.IDToken),
		}, session.Ref(who.Ref()))
		return err
	}))
	mux.Handle("POST "+prefix+"/logout", login.Logout(func(w http.ResponseWriter, r *http.Request) (string, error) {
		s, err := a.sessions.Authenticate(r)
		if err != nil {
			return "", err
		}
		return s.Data().IDToken, a.sessions.Destroy(w, r)
	}))
	mux.Handle("POST "+prefix+"/backchannel", login.BackChannel(func(ctx context.Context, token oauth.LogoutToken) (err error) {
		subject := ""
		if token.Subject != "" {
			subject = account(token.Issuer, token.Subject)
		}
		if ref := token.Ref(); ref != "" {
			_, err = a.sessions.DestroyRef(ctx, ref, subject)
		} else {
			_, err = a.sessions.DestroyAll(ctx, subject)
		}
		return err
	}))
}

// account is the account of an identity: a real application finds it in a table.
func account(issuer, subject string) string {
	return url.QueryEscape(issuer) + " " + url.QueryEscape(subject)
}

var homePage = template.Must(template.New("").Parse(`<!doctype html><meta charset="utf-8"><title>Application</title>
{{with .Person}}<h1>Signed in as {{.Subject}}</h1><form method="post" action="{{$.Prefix}}/logout"><button>Sign out</button></form>
{{else}}<h1>Signed out</h1>{{end}}
<a href="{{.Prefix}}/login?next=/">Sign in</a>`))

func (a *application) home(w http.ResponseWriter, r *http.Request, prefix string) {
	page := struct {
		Person *person
		Prefix string
	}{Prefix: prefix}
	if s, ok := guard.PrincipalFrom[*session.Session[person]](r.Context()); ok {
		data := s.Data()
		page.Person = &data
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = homePage.Execute(w, page)
}

func (a *application) observe(_ *http.Request, d guard.Decision) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.decisions = append(a.decisions, d)
}

// reason is that of the last decision about a sign-in.
func (a *application) reason() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := len(a.decisions) - 1; i >= 0; i-- {
		if d := a.decisions[i]; d.Package == "oauth" {
			return string(d.Outcome) + ": " + d.Reason
		}
	}
	return ""
}
