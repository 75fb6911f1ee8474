package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/signin/oauth"
)

// A loginApp is an application with refresh tokens that the provider can end.
type loginApp struct {
	*receiver
	issuer *jwtauth.Issuer[claims]
	logins *refresh.Refresher[claims]
	tokens *jwtauth.Tokens // of the last sign-in; nil if it was refused
}

// outage is a Store that can fail.
type outage struct {
	refresh.Store
	err error
}

func (s *outage) RevokeRef(ctx context.Context, r refresh.RefRevocation) ([]refresh.Family, int, error) {
	if s.err != nil {
		return nil, 0, s.err
	}
	return s.Store.RevokeRef(ctx, r)
}

func newLoginApp(t *testing.T, p *provider) (*loginApp, *outage) {
	t.Helper()
	store := &outage{Store: guard.Must(refresh.NewMemory(nil))}
	a := &loginApp{receiver: newReceiver(t, p, oauth.Options{})}
	a.issuer = guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", sealKey), nil))
	a.logins = guard.Must(refresh.New(a.issuer, func(context.Context, string, map[string]any) (claims, bool, error) { return claims{}, true, nil }, &refresh.Options{Store: store}))
	mux := http.NewServeMux()
	mux.Handle("/login", a.login.Begin())
	mux.Handle("/callback", a.login.Complete(func(_ http.ResponseWriter, r *http.Request, who *oauth.Identity[claims]) (err error) {
		a.tokens, err = a.logins.Start(r.Context(), who.Subject, &refresh.StartOptions[claims]{Ref: who.Ref()})
		return err
	}))
	a.app.handler = mux
	a.h = a.login.BackChannel(func(ctx context.Context, token oauth.LogoutToken) error {
		if token.SessionID == "" {
			return a.logins.RevokeSubject(ctx, token.Subject)
		}
		_, err := a.logins.RevokeRef(ctx, token.Ref(), token.Subject)
		return err
	})
	return a, store
}

// isAlive reports whether the login has tokens that work. Both kinds must agree.
func (a *loginApp) isAlive() bool {
	a.t.Helper()
	_, accessErr := a.issuer.Verifier().Verify(a.t.Context(), a.tokens.AccessToken)
	next, err := a.logins.Refresh(a.t.Context(), a.tokens.RefreshToken)
	if (accessErr == nil) != (err == nil) || err != nil && statusOf(err) != 401 {
		a.t.Errorf("access token: %v, refresh token: %v", accessErr, err)
	}
	if err == nil {
		a.tokens = next
	}
	return err == nil
}

// TestLogoutEndsLogins: a logout token ends the token families that Start got its Ref for,
// denies their access tokens, and no others.
func TestLogoutEndsLogins(t *testing.T) {
	for name, tt := range endings {
		a, _ := newLoginApp(t, newProvider())
		if w := a.signIn(""); w.Code != 303 || !a.isAlive() {
			t.Fatal(w.Code)
		}
		a.deliver(logoutToken(tt.change))
		if alive := a.isAlive(); alive == tt.ends {
			t.Errorf("%s: alive %t", name, alive)
		}
	}
}

// A sign-in that is under way for an ended session gets no tokens.
func TestLogoutDuringALogin(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(object)
		want   int
	}{
		"its session":     {func(object) {}, 401},
		"another session": {func(c object) { c["sid"] = "session-2" }, 303},
		"another subject": {func(c object) { c["sub"] = "user-2" }, 303},
	} {
		p := newProvider()
		a, _ := newLoginApp(t, p)
		v := p.authorize(t, a.begin(""))
		a.deliver(logoutToken(tt.change))
		if w := a.complete(v); w.Code != tt.want || (a.tokens != nil) != (tt.want == 303) {
			t.Errorf("%s: %d, %v", name, w.Code, a.tokens)
		}
	}
}

// An outage of the store ends no login, and leaves the token for another delivery.
func TestLogoutOfLoginsFails(t *testing.T) {
	a, store := newLoginApp(t, newProvider())
	if w := a.signIn(""); w.Code != 303 {
		t.Fatal(w.Code)
	}
	token := logoutToken(nil)
	store.err = errors.New("down")
	if w := a.deliver(token); w.Code != 503 || !a.isAlive() {
		t.Errorf("down: %d", w.Code)
	}
	store.err = nil
	if w := a.deliver(token); w.Code != 200 || a.isAlive() {
		t.Errorf("again: %d", w.Code)
	}
	if w := a.deliver(token); w.Code != 400 {
		t.Errorf("replayed: %d", w.Code)
	}
}
