package oauth_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

type claims struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
}

// An app is a relying party under test, and its browser.
type app struct {
	t          *testing.T
	p          *provider
	login      *oauth.Login[claims]
	handler    http.Handler
	who        *oauth.Identity[claims] // of the last sign-in
	calls      int
	refuse     error  // of the function of Complete
	account    string // who is signed in, for Link
	refuseLink error
	decisions  []guard.Decision
	cookies    map[string]string
}

func newApp(t *testing.T, p *provider, opts oauth.Options) *app {
	t.Helper()
	return appOf(t, p, oauth.Discover(issuer), oauth.Client{ID: clientID, Secret: guard.Secret(secret)}, opts)
}

func appOf(t *testing.T, p *provider, from oauth.Provider, client oauth.Client, opts oauth.Options) *app {
	t.Helper()
	a := appAt(t, p, from, client, opts)
	a.p = p
	return a
}

// appAt is an app of which a transport answers all requests to providers.
func appAt(t *testing.T, transport http.RoundTripper, from oauth.Provider, client oauth.Client, opts oauth.Options) *app {
	t.Helper()
	opts.Key, opts.HTTPClient = sealKey, &http.Client{Transport: transport}
	a := &app{t: t, p: newProvider(), cookies: map[string]string{}}
	a.login = guard.Must(oauth.New[claims](from, client, callback, &opts))
	mux := http.NewServeMux()
	mux.Handle("/login", a.login.Begin())
	mux.Handle("/link", a.login.Link(func(*http.Request) (string, error) { return a.account, a.refuseLink }))
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
	for _, name := range slices.Sorted(maps.Keys(a.cookies)) {
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

var errDown = errors.New("connection refused")

func down() (*http.Response, error) { return nil, errDown }
