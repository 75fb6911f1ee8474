package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

type refreshClaims struct {
	Email string `json:"email"`
	Role  string `json:"role"`
}

var refreshSecret = []byte("a secret of 32 random bytes, say")

// A refreshRig is a Refresher with all that a test turns.
type refreshRig struct {
	t         *testing.T
	issuer    *jwtauth.Issuer[refreshClaims]
	refresher *jwtauth.Refresher[refreshClaims]
	store     *spyStore
	deny      *spyDenylist
	now       atomic.Int64 // nanoseconds after the epoch
	users     map[string]refreshClaims
	reloadErr error
	seen      []guard.Decision
}

// spyStore is a RefreshMemory that writes down what it is told.
type spyStore struct {
	jwtauth.RefreshStore
	mu     sync.Mutex
	calls  []string
	err    error
	fails  string // the type of what it is told where it fails
	during func(context.Context) error
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

func (s *spyStore) Start(ctx context.Context, f jwtauth.Family) ([]string, error) {
	if err := s.note(f); err != nil {
		return nil, err
	}
	return s.RefreshStore.Start(ctx, f)
}

func (s *spyStore) Rotate(ctx context.Context, r jwtauth.Rotation) (jwtauth.RotationResult, error) {
	if err := s.note(r); err != nil {
		return jwtauth.Rotated, err
	}
	if s.during != nil {
		if err := s.during(ctx); err != nil {
			return jwtauth.FamilyUnknown, err
		}
	}
	return s.RefreshStore.Rotate(ctx, r)
}

func (s *spyStore) Revoke(ctx context.Context, subject string, ids ...string) error {
	if err := s.note(append([]string{subject}, ids...)); err != nil {
		return err
	}
	return s.RefreshStore.Revoke(ctx, subject, ids...)
}

func (s *spyStore) Families(ctx context.Context, subject string) ([]string, error) {
	if err := s.note(subject); err != nil {
		return nil, err
	}
	return s.RefreshStore.Families(ctx, subject)
}

type spyDenylist struct {
	jwtauth.Denylist
	err error
}

func (d *spyDenylist) Deny(ctx context.Context, until time.Time, ids ...string) error {
	if err := errors.Join(ctx.Err(), d.err); err != nil {
		return err
	}
	return d.Denylist.Deny(ctx, until, ids...)
}

func newRefreshRig(t *testing.T, opts *jwtauth.RefreshOptions) *refreshRig {
	t.Helper()
	g := &refreshRig{t: t, store: &spyStore{RefreshStore: jwtauth.NewRefreshMemory(nil)}, users: map[string]refreshClaims{
		"1": {"alice@example.com", "admin"}, "2": {"bob@example.com", "user"},
	}}
	g.now.Store(time.Unix(1_700_000_000, 0).UnixNano())
	g.deny = &spyDenylist{Denylist: guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: g.clock}))}
	g.issuer = guard.Must(jwtauth.NewIssuer[refreshClaims](jwtauth.HMAC("HS256", refreshSecret), &jwtauth.IssuerOptions{
		Issuer: "app", Lifetime: time.Hour, Now: g.clock, Denylist: g.deny,
	}))
	var o jwtauth.RefreshOptions
	if opts != nil {
		o = *opts
	}
	if o.Store == nil {
		o.Store = g.store
	}
	g.refresher = guard.Must(jwtauth.NewRefresher(g.issuer, g.reload, &o))
	return g
}

func (g *refreshRig) clock() time.Time      { return time.Unix(0, g.now.Load()) }
func (g *refreshRig) after(d time.Duration) { g.now.Add(int64(d)) }
func (g *refreshRig) observe() guard.Middleware {
	return guard.Observe(func(_ context.Context, d guard.Decision) { g.seen = append(g.seen, d) })
}

func (g *refreshRig) reload(_ context.Context, subject string) (refreshClaims, bool, error) {
	p, found := g.users[subject]
	return p, found, g.reloadErr
}

func (g *refreshRig) start(subject string) *jwtauth.Tokens {
	g.t.Helper()
	tokens, err := g.refresher.Start(g.t.Context(), subject)
	if err != nil {
		g.t.Fatal(err)
	}
	return tokens
}

func (g *refreshRig) refresh(token string) *jwtauth.Tokens {
	g.t.Helper()
	tokens, err := g.refresher.Refresh(g.t.Context(), token)
	if err != nil {
		g.t.Fatalf("Refresh: %v", err)
	}
	return tokens
}

// refused checks that a refresh is refused with a status and a reason.
func (g *refreshRig) refused(token string, status int, reason string) error {
	g.t.Helper()
	tokens, err := g.refresher.Refresh(g.t.Context(), token)
	var e *guard.Error
	if tokens != nil || !errors.As(err, &e) || e.Status != status || !strings.Contains(err.Error(), reason) {
		g.t.Errorf("Refresh: %v, %v; want %d, %q", tokens, err, status, reason)
	}
	return err
}

// alive checks whether access tokens are accepted.
func (g *refreshRig) alive(want bool, tokens ...*jwtauth.Tokens) {
	g.t.Helper()
	for i, tk := range tokens {
		if _, err := g.issuer.Verifier().Verify(g.t.Context(), tk.AccessToken); (err == nil) != want {
			g.t.Errorf("access token %d: %v; want alive %t", i+1, err, want)
		}
	}
}

func TestStart(t *testing.T) {
	g := newRefreshRig(t, nil)
	tokens := g.start("1")
	access, err := g.issuer.Verifier().Verify(t.Context(), tokens.AccessToken)
	if err != nil || access.Sub() != "1" || access.Claims != g.users["1"] || access.SessionID == "" || tokens.ExpiresIn != time.Hour {
		t.Errorf("%+v, %v", access, err)
	}
	if strings.Contains(tokens.RefreshToken, ".") || tokens.RefreshToken == g.start("1").RefreshToken {
		t.Error("a refresh token that looks like a JWT, or twice the same")
	}
	for _, subject := range []string{"", strings.Repeat("a", 1025), "\xff"} {
		if tokens, err := g.refresher.Start(t.Context(), subject); tokens != nil || err == nil {
			t.Errorf("a login of %.5q", subject)
		}
	}
	long := strings.Repeat("a", 1024)
	g.users[long] = refreshClaims{}
	g.refresh(g.start(long).RefreshToken)

	var e *guard.Error
	if _, err := g.refresher.Start(t.Context(), "3"); !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("a login of nobody: %v", err)
	}
	g.store.err = errors.New("down")
	if _, err := g.refresher.Start(t.Context(), "1"); !errors.As(err, &e) || e.Status != 503 {
		t.Errorf("a login without a store: %v", err)
	}
}

func TestRefreshChain(t *testing.T) {
	g := newRefreshRig(t, nil)
	first := g.start("1")
	g.users["1"] = refreshClaims{"alice@example.org", "user"}
	second := g.refresh(first.RefreshToken)
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("the same tokens again")
	}
	a, _ := g.issuer.Verifier().Verify(t.Context(), first.AccessToken)
	b, err := g.issuer.Verifier().Verify(t.Context(), second.AccessToken)
	if err != nil || b.Claims != g.users["1"] || a.SessionID != b.SessionID || a.ID == b.ID {
		t.Errorf("%+v, %v", b, err)
	}
	// A chain of refreshes, each long after the one before.
	for range 20 {
		g.after(time.Hour)
		second = g.refresh(second.RefreshToken)
	}
	g.alive(true, second)
}

func TestRefreshGrace(t *testing.T) {
	tests := []struct {
		name string
		opts jwtauth.RefreshOptions
		wait time.Duration
		same bool
	}{
		{"at once", jwtauth.RefreshOptions{}, 0, true},
		{"just before", jwtauth.RefreshOptions{}, 10*time.Second - time.Millisecond, true},
		{"just then", jwtauth.RefreshOptions{}, 10 * time.Second, false},
		{"a longer one", jwtauth.RefreshOptions{Grace: time.Minute}, time.Minute - time.Millisecond, true},
		{"a longer one is over", jwtauth.RefreshOptions{Grace: time.Minute}, time.Minute, false},
		{"none", jwtauth.RefreshOptions{NoGrace: true}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRefreshRig(t, &tt.opts)
			first := g.start("1")
			second := g.refresh(first.RefreshToken)
			g.after(tt.wait)
			if tt.same {
				again := g.refresh(first.RefreshToken)
				if again.RefreshToken != second.RefreshToken {
					t.Error("another successor")
				}
				g.refresh(second.RefreshToken)
				g.alive(true, first, second, again)
				return
			}
			g.refused(first.RefreshToken, 401, "used again")
			g.refused(second.RefreshToken, 401, "has ended")
			g.alive(false, first, second)
		})
	}
}

// TestRefreshReuse: the grace ends when the successor is used, and what follows
// is a theft whoever is the thief.
func TestRefreshReuse(t *testing.T) {
	g := newRefreshRig(t, nil)
	first, other, bob := g.start("1"), g.start("1"), g.start("2")
	second := g.refresh(first.RefreshToken)
	third := g.refresh(second.RefreshToken)

	err := g.refused(first.RefreshToken, 401, "used again")
	var reuse *jwtauth.ReuseError
	access, _ := sessionOf(t, third.AccessToken)
	if !errors.As(err, &reuse) || reuse.Subject != "1" || reuse.SessionID != access {
		t.Errorf("%+v of session %s", reuse, access)
	}
	for _, tk := range []*jwtauth.Tokens{first, second, third} {
		g.refused(tk.RefreshToken, 401, "has ended")
	}
	g.alive(false, first, second, third)
	g.alive(true, other, bob)
	g.refresh(other.RefreshToken)

	// For as long as there may be an access token, its session is denied.
	g.after(time.Hour + jwtauth.MaxLeeway - time.Second)
	if denied, _ := g.deny.Denied(t.Context(), jwtauth.DeniedSession("app", access)); !denied {
		t.Error("the session is not denied any more")
	}
}

// TestRefreshThiefHangsUp: the denial does not depend on a connection that the
// thief holds.
func TestRefreshThiefHangsUp(t *testing.T) {
	g := newRefreshRig(t, &jwtauth.RefreshOptions{NoGrace: true})
	first := g.start("1")
	second := g.refresh(first.RefreshToken)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.refresher.Refresh(ctx, first.RefreshToken); err == nil {
		t.Error("used twice")
	}
	g.alive(false, first, second)
}

// TestRefreshDenylistDown: the session is ended, the client told 503, and the
// access tokens are denied at the next try.
func TestRefreshDenylistDown(t *testing.T) {
	g := newRefreshRig(t, &jwtauth.RefreshOptions{NoGrace: true})
	first := g.start("1")
	second := g.refresh(first.RefreshToken)
	g.deny.err = errors.New("down")
	g.refused(first.RefreshToken, 503, "down")
	g.deny.err = nil
	g.refused(second.RefreshToken, 401, "has ended")
	g.alive(false, first, second)
}

func TestRefreshReload(t *testing.T) {
	g := newRefreshRig(t, nil)
	first := g.start("1")

	// What fails before the store is asked uses nothing up, however long it lasts.
	for _, tt := range []struct {
		err    error
		status int
	}{
		{guard.Unavailable(errors.New("down")), 503},
		{guard.Forbidden("Account locked"), 403},
	} {
		g.reloadErr = tt.err
		calls := len(g.store.calls)
		g.refused(first.RefreshToken, tt.status, "")
		if len(g.store.calls) != calls {
			t.Errorf("%v: the store was asked", tt.err)
		}
		g.after(time.Minute)
	}
	g.reloadErr = errors.New("a bug")
	if _, err := g.refresher.Refresh(t.Context(), first.RefreshToken); err == nil || !strings.Contains(err.Error(), "a bug") {
		t.Error(err)
	}
	g.reloadErr = nil
	second := g.refresh(first.RefreshToken)
	g.alive(true, second)

	// A deleted user's login ends.
	delete(g.users, "1")
	g.refused(second.RefreshToken, 401, "the subject is unknown")
	g.alive(false, first, second)
	g.users["1"] = refreshClaims{}
	g.refused(second.RefreshToken, 401, "has ended")
}

func TestRefreshStoreDown(t *testing.T) {
	g := newRefreshRig(t, nil)
	first := g.start("1")
	g.store.err = errors.New("connection refused by 10.0.0.1")
	g.refused(first.RefreshToken, 503, "refused by")
	g.after(time.Hour)
	if err := g.refresher.RevokeSubject(t.Context(), "1"); err == nil {
		t.Error("RevokeSubject without a store")
	}
	if err := g.refresher.Revoke(t.Context(), "1", first.RefreshToken); err == nil {
		t.Error("Revoke without a store")
	}
	g.store.err = nil
	g.refresh(first.RefreshToken)
}

func TestRefreshLifetimes(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name  string
		opts  jwtauth.RefreshOptions
		waits []time.Duration // all but the last are followed by a refresh
		last  string          // why the last is refused; "" if it is not
	}{
		{"idle", jwtauth.RefreshOptions{}, []time.Duration{14 * day}, "idle"},
		{"just not idle", jwtauth.RefreshOptions{}, []time.Duration{14*day - time.Millisecond}, ""},
		{"expired", jwtauth.RefreshOptions{}, []time.Duration{10 * day, 10 * day, 10 * day}, "expired"},
		{"just not expired", jwtauth.RefreshOptions{}, []time.Duration{10 * day, 10 * day, 10*day - time.Second}, ""},
		{"own", jwtauth.RefreshOptions{Lifetime: day, Idle: 2 * time.Hour}, []time.Duration{time.Hour, 2 * time.Hour}, "idle"},
		{"short lifetime", jwtauth.RefreshOptions{Lifetime: 2 * time.Hour}, []time.Duration{time.Hour, time.Hour}, "expired"},
		{"never idle", jwtauth.RefreshOptions{Idle: 30 * day}, []time.Duration{30*day - time.Second}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRefreshRig(t, &tt.opts)
			token := g.start("1").RefreshToken
			for i, d := range tt.waits {
				g.after(d)
				if i == len(tt.waits)-1 && tt.last != "" {
					g.refused(token, 401, tt.last)
					return
				}
				token = g.refresh(token).RefreshToken
			}
		})
	}
}

// TestRefreshAtOnce: 64 requests with one token get one successor.
func TestRefreshAtOnce(t *testing.T) {
	g := newRefreshRig(t, nil)
	h := g.refresher.RefreshHandler()
	first := g.start("1")
	var wg sync.WaitGroup
	var mu sync.Mutex
	successors := map[string]int{}
	for range 64 {
		wg.Go(func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, refreshRequest("POST", refreshJSON(first.RefreshToken)))
			mu.Lock()
			defer mu.Unlock()
			if successors[refreshPair(t, w).Refresh]++; w.Code != http.StatusOK {
				t.Errorf("status %d", w.Code)
			}
		})
	}
	wg.Wait()
	if len(successors) != 1 {
		t.Errorf("%d successors, want 1", len(successors))
	}
}
