package oauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/signin/oauth"
)

// A sessionApp is an application with sessions that the provider can end.
type sessionApp struct {
	*receiver
	sessions *session.Manager[string]
}

func newSessionApp(t *testing.T, p *provider) *sessionApp {
	t.Helper()
	a := &sessionApp{newReceiver(t, p, oauth.Options{}), guard.Must(session.New[string](&session.Options{Store: guard.Must(session.NewMemory(nil))}))}
	mux := http.NewServeMux()
	mux.Handle("/login", a.login.Begin())
	mux.Handle("/callback", a.login.Complete(func(w http.ResponseWriter, r *http.Request, who *oauth.Identity[claims]) error {
		_, err := a.sessions.Create(w, r, who.Subject, string(who.IDToken), session.Ref(who.Ref()))
		return err
	}))
	mux.Handle("/me", guard.Require(a.sessions)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", "no-store") })))
	mux.Handle("/logout", guard.Optional(a.sessions)(a.login.Logout(func(w http.ResponseWriter, r *http.Request) (token string, err error) {
		if s, ok := guard.PrincipalFrom[*session.Session[string]](r.Context()); ok {
			token = s.Data()
		}
		return token, a.sessions.Destroy(w, r)
	})))
	a.app.handler = mux
	a.h = a.login.BackChannel(func(ctx context.Context, token oauth.LogoutToken) error {
		if token.SessionID == "" {
			_, err := a.sessions.DestroyAll(ctx, token.Subject)
			return err
		}
		_, err := a.sessions.DestroyRef(ctx, token.Ref(), token.Subject)
		return err
	})
	return a
}

// A logout token ends the sessions that it names, within the request, and no others.
func TestLogoutEndsSessions(t *testing.T) {
	for name, tt := range endings {
		a := newSessionApp(t, newProvider())
		if w := a.signIn(""); w.Code != 303 {
			t.Fatal(w.Code)
		}
		me := func() int { return a.do(httptest.NewRequest("GET", "/me", nil)).Code }
		if code := me(); code != 200 {
			t.Fatalf("before: %d", code)
		}
		a.deliver(logoutToken(tt.change))
		if code := me(); (code == 401) != tt.ends {
			t.Errorf("%s: %d", name, code)
		}
	}
}

// A sign-in that is under way gets no session if the provider ended its session meanwhile.
func TestLogoutDuringASignIn(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(object)
		want   int
	}{
		"sub and sid":     {func(object) {}, 401},
		"sid alone":       {func(c object) { delete(c, "sub") }, 401},
		"another session": {func(c object) { c["sid"] = "session-2" }, 303},
		"another subject": {func(c object) { c["sub"] = "user-2" }, 303},
	} {
		for _, when := range []string{"before the callback", "before the function"} {
			p := newProvider()
			a := newSessionApp(t, p)
			v := p.authorize(t, a.begin(""))
			token := logoutToken(tt.change)
			if when == "before the callback" {
				a.deliver(token)
			} else {
				p.answer = func(object) { // to the code: the function runs after it
					p.mu.Unlock()
					defer p.mu.Lock()
					a.deliver(token)
				}
			}
			if w := a.complete(v); w.Code != tt.want || (a.cookies["__Host-session"] != "") != (tt.want == 303) {
				t.Errorf("%s %s: %d, cookies %v", name, when, w.Code, a.cookies)
			}
		}
	}
}
