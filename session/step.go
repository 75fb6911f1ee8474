package session

import (
	"context"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// Step accepts half sign-ins that wait for the step of this name, see [Pending], and
// nothing else: a request with a complete session, or with a half sign-in of another
// step, counts as one without credentials. The handler behind it checks the second
// factor and calls [Manager.Create] with the subject of the half sign-in:
//
//	mux.Handle("POST /login/totp", guard.Require(sessions.Step("totp"))(guard.HandlerFunc(totp)))
//
// Create spends the half sign-in: of several requests one succeeds, and the others are
// refused with 401. A wrong code leaves it as it is: limit the attempts, as
// ratelimit.Login does. Step panics if the name is not one for Pending.
func (m *Manager[D]) Step(name string) guard.Authenticator[*Session[D]] {
	if !isName(name) {
		wiring.Panic("session", "Step(%q): a name has 1 to 32 letters, digits, hyphens, underscores and dots", name)
	}
	return &stepAuthenticator[D]{m, name}
}

type stepAuthenticator[D any] struct {
	m    *Manager[D]
	name string
}

// Authenticate implements [guard.Authenticator].
func (a *stepAuthenticator[D]) Authenticate(r *http.Request) (*Session[D], error) {
	s, _, err := a.m.find(r, a.name)
	if err != nil {
		return nil, err
	}
	epoch, err := a.m.epoch(r.Context(), s.Sub())
	if err != nil {
		return nil, err
	}
	if epoch != s.state().login.epoch {
		return nil, errOutdated.Clone()
	}
	return s, nil
}

// Scheme implements [guard.Authenticator].
func (a *stepAuthenticator[D]) Scheme() guard.Scheme { return a.m.Scheme() }

// A halfSignIn is what a Step accepted.
type halfSignIn struct {
	rec     Record
	login   login
	foreign bool // whether it is another manager's
}

// halfOf returns the half sign-in that the handler of ctx is to complete, or nil.
func (m *Manager[D]) halfOf(ctx context.Context) *halfSignIn {
	s, ok := guard.CredentialFrom[*Session[D]](ctx)
	if !ok || s.state().login.step == "" {
		return nil
	}
	return &halfSignIn{s.state().rec, s.state().login, !s.isOf(m)}
}

// spend ends a half sign-in. The error is a 401 if another request has ended it.
func (m *Manager[D]) spend(ctx context.Context, half *halfSignIn) error {
	if err := m.checkDeadline(&half.rec, &half.login, m.now()); err != nil {
		return err
	}
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	deleted, err := m.store.Delete(ctx, half.rec.Key)
	if err != nil {
		return unavailable("delete", err)
	}
	if !deleted {
		return errSpent.Clone()
	}
	return nil
}
