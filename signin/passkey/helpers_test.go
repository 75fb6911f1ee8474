package passkey_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/signin/passkey"
	"github.com/go-guard/guard/signin/passkey/passkeytest"
)

const (
	rpID   = "example.com"
	origin = "https://app.example.com"
)

var (
	key     = guard.Secret("0123456789abcdef0123456789abcdef")
	origins = []string{origin, "https://example.de", "android:apk-key-hash:abc"}
	alice   = passkey.Account{Subject: "1", Name: "alice@example.com"}
)

// An app is an application under test, with the cookies of one browser.
type app struct {
	*passkey.RelyingParty
	t         testing.TB
	clock     *harness.Clock
	store     passkey.Store
	opts      passkey.Options
	browser   map[string]string
	device    *passkeytest.Authenticator
	mu        sync.Mutex
	decisions []guard.Decision
}

func newApp(t testing.TB, opts passkey.Options) *app {
	t.Helper()
	a := &app{t: t, clock: harness.NewClock(), store: guard.Must(passkey.NewMemory(nil)), browser: map[string]string{}}
	opts.Now = a.clock.Now
	a.opts = opts
	a.RelyingParty = guard.Must(passkey.New(rpID, origins, key, a.store, &opts))
	a.device = passkeytest.NewAuthenticator(origin)
	return a
}

// A result is how a request was answered.
type result struct {
	status        int
	code, message string
	reached       bool
	credential    *passkey.Credential
	header        http.Header
	body          string
}

// request returns a POST with the browser's cookies.
func (a *app) request(body string) *http.Request {
	r := httptest.NewRequest("POST", origin+"/", strings.NewReader(body))
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, value := range a.browser {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// serve calls f in a handler.
func (a *app) serve(r *http.Request, f func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error)) (out result) {
	var refused guard.Error
	h := guard.OnError(func(w http.ResponseWriter, r *http.Request, e *guard.Error) { refused = *e; guard.JSON(w, r, e) })
	o := guard.Observe(func(_ *http.Request, d guard.Decision) {
		a.mu.Lock()
		a.decisions = append(a.decisions, d)
		a.mu.Unlock()
	})
	w := httptest.NewRecorder()
	guard.Chain(o, h)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if out.credential, err = f(w, r); err != nil {
			guard.Refuse(w, r, err)
			return
		}
		out.reached = true
	})).ServeHTTP(w, r)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(a.browser, c.Name)
		} else {
			a.browser[c.Name] = c.Value
		}
	}
	out.status, out.code, out.message, out.header, out.body = w.Code, refused.Code, refused.Message, w.Header(), w.Body.String()
	return out
}

func (a *app) registerOptions(account passkey.Account) result {
	return a.serve(a.request(""), func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error) {
		return nil, a.RegisterOptions(w, r, account)
	})
}

func (a *app) loginOptions() result {
	return a.serve(a.request(""), func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error) {
		return nil, a.LoginOptions(w, r)
	})
}

func (a *app) register(subject, body string) result {
	return a.serve(a.request(body), func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error) {
		return a.Register(w, r, subject)
	})
}

func (a *app) login(body string) result { return a.serve(a.request(body), a.Login) }

func (a *app) verify(subject, body string) result {
	return a.serve(a.request(body), func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error) {
		return a.Verify(w, r, subject)
	})
}

// created returns the device's answer to the options of a registration.
func (a *app) created(account passkey.Account) string {
	a.t.Helper()
	o := a.registerOptions(account)
	if o.status != 200 {
		a.t.Fatalf("RegisterOptions: %d %s", o.status, o.body)
	}
	response, err := a.device.Create([]byte(o.body))
	if err != nil {
		a.t.Fatal(err)
	}
	return string(response)
}

// got returns the device's answer to the options of a sign-in.
func (a *app) got() string {
	a.t.Helper()
	response, err := a.device.Get([]byte(a.loginOptions().body))
	if err != nil {
		a.t.Fatal(err)
	}
	return string(response)
}

// registered registers a passkey of the account.
func (a *app) registered(account passkey.Account) *passkey.Credential {
	a.t.Helper()
	out := a.register(account.Subject, a.created(account))
	if out.status != 200 || out.credential == nil {
		a.t.Fatalf("Register: %d %s: %s", out.status, out.body, a.last().Reason)
	}
	return out.credential
}

// last returns the last decision.
func (a *app) last() guard.Decision {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.decisions) == 0 {
		return guard.Decision{}
	}
	return a.decisions[len(a.decisions)-1]
}

// refused fails unless a response was refused with a reason, reported by one decision.
func (a *app) refused(out result, status int, code, reason string) {
	a.t.Helper()
	d := a.last()
	if out.status != status || out.reached || out.code != code || !strings.Contains(d.Reason, reason) || d.Package != "passkey" || d.Status != status {
		a.t.Errorf("%d %q, reached %t, decision %+v; want %d %q for %q", out.status, out.code, out.reached, d, status, code, reason)
	}
	if status == 401 && out.message != "Invalid passkey" {
		a.t.Errorf("message %q", out.message)
	}
	if strings.Contains(out.body, "passkey:") {
		a.t.Errorf("the client reads the reason: %s", out.body)
	}
}

// edited returns JSON with a change in it.
func edited(t testing.TB, text string, change func(m, response map[string]any)) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	response, _ := m["response"].(map[string]any)
	change(m, response)
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
