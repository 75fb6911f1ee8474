package refresh_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

type claims struct {
	Email string `json:"email"`
	Role  string `json:"role"`
}

var secret = []byte("a secret of 32 random bytes, say")

// A rig is a Refresher with everything that a test may change.
type rig struct {
	t         *testing.T
	issuer    *jwtauth.Issuer[claims]
	refresher *refresh.Refresher[claims]
	store     *spyStore
	deny      *spyDenylist
	clock     *harness.Clock
	users     map[string]claims
	reloadErr error
	seen      []guard.Decision
}

// A spyStore records its calls.
type spyStore struct {
	refresh.Store
	mu     sync.Mutex
	calls  []string
	err    error
	fails  string                      // the type of the argument of the method that fails
	during func(context.Context) error // called by Rotate
	lost   error                       // the answer of Rotate is lost
	// revoking is called before Revoke.
	revoking func()
}

func (s *spyStore) note(v any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf("%T%+v", v, v))
	if s.fails == fmt.Sprintf("%T", v) {
		return errors.New("down")
	}
	return s.err
}

func (s *spyStore) Start(ctx context.Context, f refresh.Family) ([]refresh.Family, error) {
	if err := s.note(f); err != nil {
		return nil, err
	}
	return s.Store.Start(ctx, f)
}

func (s *spyStore) Rotate(ctx context.Context, r refresh.Rotation) (refresh.Result, error) {
	if err := s.note(r); err != nil {
		return refresh.Rotated, err
	}
	if s.during != nil {
		if err := s.during(ctx); err != nil {
			return refresh.FamilyUnknown, err
		}
	}
	result, err := s.Store.Rotate(ctx, r)
	return result, errors.Join(err, s.lost)
}

func (s *spyStore) Load(ctx context.Context, subject, id string) (string, bool, error) {
	if err := s.note([2]string{subject, id}); err != nil {
		return "", false, err
	}
	return s.Store.Load(ctx, subject, id)
}

func (s *spyStore) Revoke(ctx context.Context, subject string, listedUntil time.Time, ids ...string) error {
	if err := s.note(append([]string{subject}, ids...)); err != nil {
		return err
	}
	s.beside()
	return s.Store.Revoke(ctx, subject, listedUntil, ids...)
}

func (s *spyStore) RevokeRef(ctx context.Context, r refresh.RefRevocation) ([]refresh.Family, int, error) {
	if err := s.note(r); err != nil {
		return nil, 0, err
	}
	return s.Store.RevokeRef(ctx, r)
}

func (s *spyStore) beside() {
	if s.revoking != nil {
		s.revoking()
	}
}

func (s *spyStore) List(ctx context.Context, subject string) ([]string, error) {
	if err := s.note(subject); err != nil {
		return nil, err
	}
	return s.Store.List(ctx, subject)
}

type spyDenylist struct {
	jwtauth.Denylist
	err error
}

func (d *spyDenylist) Deny(ctx context.Context, until time.Time, subject string, ids ...string) error {
	if err := errors.Join(ctx.Err(), d.err); err != nil {
		return err
	}
	return d.Denylist.Deny(ctx, until, subject, ids...)
}

func newRig(t *testing.T, opts *refresh.Options) *rig {
	t.Helper()
	g := &rig{t: t, clock: harness.NewClock(), store: &spyStore{Store: guard.Must(refresh.NewMemory(nil))}, users: map[string]claims{
		"1": {"alice@example.com", "admin"}, "2": {"bob@example.com", "user"},
	}}
	g.deny = &spyDenylist{Denylist: guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: g.clock.Now}))}
	g.issuer = guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{
		Issuer: "app", Lifetime: time.Hour, Now: g.clock.Now, Denylist: g.deny,
	}))
	var o refresh.Options
	if opts != nil {
		o = *opts
	}
	if o.Store == nil {
		o.Store = g.store
	}
	g.refresher = guard.Must(refresh.New(g.issuer, g.reload, &o))
	return g
}

func (g *rig) observe() guard.Middleware {
	return guard.Observe(func(_ *http.Request, d guard.Decision) { g.seen = append(g.seen, d) })
}

func (g *rig) reload(_ context.Context, subject string, _ map[string]any) (claims, bool, error) {
	p, found := g.users[subject]
	return p, found, g.reloadErr
}

func (g *rig) start(subject string) *jwtauth.Tokens {
	g.t.Helper()
	tokens, err := g.refresher.Start(g.t.Context(), subject, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return tokens
}

func (g *rig) refresh(token string) *jwtauth.Tokens {
	g.t.Helper()
	tokens, err := g.refresher.Refresh(g.t.Context(), token)
	if err != nil {
		g.t.Fatalf("Refresh: %v", err)
	}
	return tokens
}

// refused checks that a refresh is refused with a status and a reason.
func (g *rig) refused(token string, status int, reason string) error {
	g.t.Helper()
	tokens, err := g.refresher.Refresh(g.t.Context(), token)
	var e *guard.Error
	if tokens != nil || !errors.As(err, &e) || e.Status != status || !strings.Contains(err.Error(), reason) {
		g.t.Errorf("Refresh: %v, %v; want %d, %q", tokens, err, status, reason)
	}
	return err
}

// alive checks whether access tokens are accepted.
func (g *rig) alive(want bool, tokens ...*jwtauth.Tokens) {
	g.t.Helper()
	for i, tk := range tokens {
		if _, err := g.issuer.Verifier().Verify(g.t.Context(), tk.AccessToken); (err == nil) != want {
			g.t.Errorf("access token %d: %v; want alive %t", i+1, err, want)
		}
	}
}

// refusalOf returns the refusal in err, or an empty one.
func refusalOf(err error) *guard.Error {
	if e, ok := errors.AsType[*guard.Error](err); ok {
		return e
	}
	return new(guard.Error)
}
