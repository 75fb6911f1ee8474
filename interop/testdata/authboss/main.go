// Command authboss finds out the cells of authboss in README's table: an application as
// its README sets it up, over HTTP. It prints them as JSON. See TestIncumbents.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aarondl/authboss/v3"
	_ "github.com/aarondl/authboss/v3/auth"
	"github.com/aarondl/authboss/v3/defaults"
	_ "github.com/aarondl/authboss/v3/oauth2"
	_ "github.com/aarondl/authboss/v3/recover"
	"golang.org/x/oauth2"
)

func main() {
	log.SetFlags(0)
	a := newApp()
	defer a.Close()
	found := map[string]bool{}
	for _, probe := range []struct {
		name string
		find func(*app) bool
	}{
		{"challenge", (*app).challenges},
		{"origin", (*app).checksOrigin},
		{"outage", (*app).outage},
		{"stream", (*app).streams},
		{"signin", (*app).signIn},
		{"unknown", (*app).unknown},
		{"reset", (*app).reset}, // changes the password
	} {
		found[probe.name] = probe.find(a)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}

// An app is an application with one account, alice@example.com.
type app struct {
	*httptest.Server
	alice               user
	down                bool     // the table of accounts
	hashes              int      // compared
	mails               []string // sent
	entered             int      // by requests of the page
	canFlush, canHijack bool
	session             map[string]string // the only browser's
}

const secret = "correctHorse1A!"

func newApp() *app {
	a := &app{session: map[string]string{}}
	mux := http.NewServeMux()
	a.Server = httptest.NewServer(mux)

	ab := authboss.New()
	ab.Config.Storage.Server = table{a}
	ab.Config.Storage.SessionState = browser{a}
	ab.Config.Storage.CookieState = browser{a}
	ab.Config.Paths.Mount = "/authboss"
	ab.Config.Paths.RootURL = a.URL
	ab.Config.Core.ViewRenderer = defaults.JSONRenderer{}
	ab.Config.Core.MailRenderer = defaults.JSONRenderer{}
	ab.Config.Modules.MailNoGoroutine = true
	ab.Config.Modules.OAuth2Providers = map[string]authboss.OAuth2Provider{"provider": {
		OAuth2Config: &oauth2.Config{ClientID: "app", ClientSecret: "s3cret", Endpoint: oauth2.Endpoint{
			AuthURL: "https://provider.example/authorize", TokenURL: "https://provider.example/token",
		}, Scopes: []string{"openid"}},
		FindUserDetails: func(context.Context, oauth2.Config, *oauth2.Token) (map[string]string, error) { return nil, errDown },
	}}
	defaults.SetCore(&ab.Config, false, false)
	ab.Config.Core.Logger = defaults.NewLogger(io.Discard)
	ab.Config.Core.ErrorHandler = defaults.NewErrorHandler(defaults.NewLogger(io.Discard))
	ab.Config.Core.Mailer = mailer{a}
	ab.Config.Core.Hasher = hasher{authboss.NewBCryptHasher(10), a}
	must(ab.Init())
	hash, err := ab.Config.Core.Hasher.GenerateHash(secret)
	must(err)
	a.alice = user{pid: "alice@example.com", hash: hash}

	mux.Handle("/authboss/", ab.LoadClientStateMiddleware(http.StripPrefix("/authboss", ab.Config.Core.Router)))
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.entered++
		_, a.canFlush = w.(http.Flusher)
		_, a.canHijack = w.(http.Hijacker)
	})
	mux.Handle("/page", ab.LoadClientStateMiddleware(authboss.Middleware2(ab, authboss.RequireNone, authboss.RespondUnauthorized)(page)))
	return a
}

// do sends a request and returns the answer, whose body was read.
func (a *app) do(method, path string, form url.Values, header ...string) (*http.Response, string) {
	r, err := http.NewRequest(method, a.URL+path, strings.NewReader(form.Encode()))
	must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(err)
	return res, string(body)
}

func (a *app) login(email, password string) {
	clear(a.session)
	a.do("POST", "/authboss/login", url.Values{"email": {email}, "password": {password}})
}

// signedIn signs alice in.
func (a *app) signedIn() {
	a.login(a.alice.pid, secret)
	if a.session[authboss.SessionKey] != a.alice.pid {
		log.Fatal("a login with the right password did not sign in")
	}
	a.entered = 0
}

func (a *app) challenges() bool {
	clear(a.session)
	a.entered = 0
	res, _ := a.do("GET", "/page", nil)
	if res.StatusCode != 401 || a.entered != 0 {
		log.Fatal("anonymous: ", res.Status)
	}
	return res.Header.Get("WWW-Authenticate") != ""
}

func (a *app) checksOrigin() bool {
	a.signedIn()
	if res, _ := a.do("POST", "/page", nil, "Sec-Fetch-Site", "same-origin"); res.StatusCode != 200 || a.entered != 1 {
		log.Fatal("from its own site: ", res.Status)
	}
	a.entered = 0
	res, _ := a.do("POST", "/page", nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	return res.StatusCode == 403 && a.entered == 0
}

func (a *app) outage() bool {
	a.signedIn()
	a.down = true
	defer func() { a.down = false }()
	res, _ := a.do("GET", "/page", nil)
	return res.StatusCode >= 500 && a.entered == 0
}

func (a *app) streams() bool {
	a.signedIn()
	if res, _ := a.do("GET", "/page", nil); res.StatusCode != 200 || a.entered != 1 {
		log.Fatal("signed in: ", res.Status)
	}
	return a.canFlush && a.canHijack
}

// signIn looks at the start only: without PKCE and a nonce the rest does not matter.
func (a *app) signIn() bool {
	res, body := a.do("GET", "/authboss/oauth2/provider?state=of-the-attacker", nil)
	to, err := res.Location()
	if err != nil || to.Host != "provider.example" {
		log.Fatal(res.Status, err, body)
	}
	q := to.Query()
	return q.Get("code_challenge_method") == "S256" && q.Get("nonce") != "" && q.Get("state") != "of-the-attacker"
}

func (a *app) unknown() bool {
	a.hashes = 0
	a.login(a.alice.pid, "wrong")
	if a.hashes != 1 {
		log.Fatal("a wrong password: ", a.hashes, " hashes")
	}
	a.login("mallory@example.com", "wrong")
	return a.hashes == 2
}

func (a *app) reset() bool {
	before := a.alice.hash
	clear(a.session)
	a.do("POST", "/authboss/recover", url.Values{"email": {a.alice.pid}})
	if len(a.mails) != 1 {
		log.Fatal(len(a.mails), " mails")
	}
	var mail struct {
		URL string `json:"recover_url"`
	}
	must(json.Unmarshal([]byte(a.mails[0]), &mail))
	link, err := url.Parse(mail.URL)
	must(err)
	reset := func(password string) string {
		a.do("POST", "/authboss/recover/end", url.Values{
			"token": {link.Query().Get("token")}, "password": {password}, "confirm_password": {password},
		})
		return a.alice.hash
	}
	first := reset("correctHorse2B!")
	if first == before {
		log.Fatal("the link did not work")
	}
	return reset("correctHorse3C!") == first
}

type user struct {
	pid, hash, selector, verifier string
	expiry                        time.Time
}

func (u *user) GetPID() string                  { return u.pid }
func (u *user) PutPID(s string)                 { u.pid = s }
func (u *user) GetPassword() string             { return u.hash }
func (u *user) PutPassword(s string)            { u.hash = s }
func (u *user) GetEmail() string                { return u.pid }
func (u *user) PutEmail(s string)               { u.pid = s }
func (u *user) GetRecoverSelector() string      { return u.selector }
func (u *user) PutRecoverSelector(s string)     { u.selector = s }
func (u *user) GetRecoverVerifier() string      { return u.verifier }
func (u *user) PutRecoverVerifier(s string)     { u.verifier = s }
func (u *user) GetRecoverExpiry() time.Time     { return u.expiry }
func (u *user) PutRecoverExpiry(when time.Time) { u.expiry = when }

// table is the application's table of accounts.
type table struct{ *app }

var errDown = errors.New("the database is down")

func (t table) by(match bool) (*user, error) {
	switch {
	case t.down:
		return nil, errDown
	case !match:
		return nil, authboss.ErrUserNotFound
	}
	u := t.alice
	return &u, nil
}

func (t table) Load(_ context.Context, pid string) (authboss.User, error) {
	u, err := t.by(pid == t.alice.pid)
	if err != nil {
		return nil, err
	}
	return u, nil
}

func (t table) LoadByRecoverSelector(_ context.Context, selector string) (authboss.RecoverableUser, error) {
	u, err := t.by(selector == t.alice.selector)
	if err != nil {
		return nil, err
	}
	return u, nil
}

func (t table) Save(_ context.Context, u authboss.User) error {
	t.alice = *u.(*user)
	return nil
}

// browser is the session of the only browser.
type browser struct{ *app }

func (b browser) ReadState(*http.Request) (authboss.ClientState, error) { return b, nil }

func (b browser) Get(key string) (string, bool) {
	value, found := b.session[key]
	return value, found
}

func (b browser) WriteState(_ http.ResponseWriter, _ authboss.ClientState, events []authboss.ClientStateEvent) error {
	for _, e := range events {
		switch e.Kind {
		case authboss.ClientStateEventPut:
			b.session[e.Key] = e.Value
		case authboss.ClientStateEventDel:
			delete(b.session, e.Key)
		case authboss.ClientStateEventDelAll:
			clear(b.session)
		}
	}
	return nil
}

type mailer struct{ *app }

func (m mailer) Send(_ context.Context, mail authboss.Email) error {
	m.mails = append(m.mails, mail.TextBody)
	return nil
}

type hasher struct {
	authboss.Hasher
	*app
}

func (h hasher) CompareHashAndPassword(hash, password string) error {
	h.hashes++
	return h.Hasher.CompareHashAndPassword(hash, password)
}

func must(err error) {
	if err != nil {
		log.Fatal(fmt.Errorf("authboss: %w", err))
	}
}
