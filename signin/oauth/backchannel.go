package oauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
)

const (
	endTimeout  = 30 * time.Second // of the function of BackChannel
	logoutLease = endTimeout + waitForCall + 15*time.Second
)

// BackChannel serves the back-channel logout URI (OpenID Connect Back-Channel Logout 1.0):
// the provider posts a logout token there when a session ends. end ends what the token
// names here: with a SessionID by the DestroyRef of a session.Manager and the RevokeRef of
// a refresh.Refresher, which also refuse the sign-in that is under way for that session,
// and without one all sessions and logins of the account. An account that does not exist
// is nil. Its context does not end with the request, and has 30 seconds. Providers wait
// less, such as oidc-provider 2.5 seconds, and may then send the token again or not.
//
// The answer is 200 once end returned nil, and the token is then spent. If end fails, with
// whatever error, the answer is 5xx, and the provider may send the token again. A token
// that is not accepted, or was spent, is 400 (logout_token_invalid). If the keys
// cannot be fetched, or the same token is being handled, the answer is 503.
//
// The request has no cookie: the route needs no authentication step. With Endpoints every
// token is 400, as plain OAuth 2.0 has none.
func (l *Login[C]) BackChannel(end func(ctx context.Context, t LogoutToken) error) http.Handler {
	if end == nil {
		wiring.Panic("oauth", "the function of BackChannel is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := l.decision()
		d.Action = "sign-out"
		c, err := l.logoutTokenOf(w, r)
		if err == nil {
			if c.Subject != nil {
				d.Subject = *c.Subject
			}
			err = l.endSessions(r.Context(), c, end)
		}
		if err != nil {
			d.Refuse(w, r, err)
			return
		}
		d.Outcome = guard.Allowed
		d.Report(r)
		field.NoStore(w.Header()) // section 2.8
		w.WriteHeader(http.StatusOK)
	})
}

// logoutTokenOf returns the claims of the token that a request has (section 2.5).
func (l *Login[C]) logoutTokenOf(w http.ResponseWriter, r *http.Request) (*logoutClaims, error) {
	if r.Method != http.MethodPost {
		return nil, refusal.MethodNotAllowed(http.MethodPost)
	}
	if l.logouts == nil {
		return nil, badLogout(errNoLogoutTokens)
	}
	text, err := readForm(w, r, badLogout)
	if err != nil {
		return nil, err
	}
	values, err := parametersOf(text, badLogout)
	if err != nil {
		return nil, err
	}
	token := values.Get("logout_token")
	if token == "" {
		return nil, badLogout(errNoLogoutToken)
	}
	return l.verifyLogoutToken(r.Context(), token)
}

// endSessions calls end, of all deliveries of a token until one succeeds, one at a time.
func (l *Login[C]) endSessions(ctx context.Context, c *logoutClaims, end func(context.Context, LogoutToken) error) error {
	key := once.Key("guard signin/oauth: logout token", c.Issuer, l.client.id, c.ID)
	lease, state, err := l.opts.Once.Acquire(ctx, key, logoutLease)
	switch {
	case err != nil:
		return guard.Unavailable(err)
	case state == once.Done:
		return badLogout(errLogoutSpent)
	case state != once.First:
		return guard.Unavailable(errLogoutBusy)
	}
	ctx = context.WithoutCancel(ctx) // a provider that stops waiting wants the sessions to end all the same
	ended := false
	defer func() { // also of a panic
		if !ended {
			ctx, cancel := context.WithTimeout(ctx, storeTimeout)
			defer cancel()
			_ = l.opts.Once.Release(ctx, lease) // or else it runs out
		}
	}()
	if err := callEnd(ctx, c.token(), end); err != nil {
		return err
	}
	ended = true
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	// Later it is refused by its age.
	err = l.opts.Once.Commit(ctx, lease, unix(*c.IssuedAt).Add(maxLogoutAge))
	if err != nil && !errors.Is(err, once.ErrLost) { // lost to one that ends the same sessions
		return guard.Unavailable(err)
	}
	return nil
}

// callEnd calls end. That the application refuses is a failure of ours to the provider.
func callEnd(ctx context.Context, t LogoutToken, end func(context.Context, LogoutToken) error) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	err := end(ctx, t)
	if e, ok := errors.AsType[*guard.Error](err); ok && e != nil && e.Status < 500 || errors.Is(err, guard.ErrNoCredentials) {
		return guard.Unavailable(err)
	}
	return err
}

// token returns what the application reads of a token.
func (c *logoutClaims) token() LogoutToken {
	t := LogoutToken{Issuer: c.Issuer}
	if c.Subject != nil {
		t.Subject = *c.Subject
	}
	if c.SessionID != nil {
		t.SessionID = *c.SessionID
	}
	return t
}
