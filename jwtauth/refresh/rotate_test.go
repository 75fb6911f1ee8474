package refresh_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

func TestRefreshChain(t *testing.T) {
	g := newRig(t, nil)
	first := g.start("1")
	g.users["1"] = claims{"alice@example.org", "user"}
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
		g.clock.Advance(time.Hour)
		second = g.refresh(second.RefreshToken)
	}
	g.alive(true, second)
}

// TestRefreshReuse: a use after the grace period ends the family, whether the thief or
// the owner uses the token.
func TestRefreshReuse(t *testing.T) {
	g := newRig(t, nil)
	first, other, bob := g.start("1"), g.start("1"), g.start("2")
	second := g.refresh(first.RefreshToken)
	third := g.refresh(second.RefreshToken)
	g.clock.Advance(10 * time.Second)

	err := g.refused(first.RefreshToken, 401, "used again")
	var reuse *refresh.ReuseError
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
	g.clock.Advance(time.Hour + jwtauth.MaxLeeway - time.Second)
	if denied, _ := g.deny.Denied(t.Context(), g.clock.Now(), "", jwtauth.DeniedSession("app", access)); !denied {
		t.Error("the session is not denied any more")
	}
}

// TestRefreshThiefHangsUp: the denial does not depend on the connection of the
// thief.
func TestRefreshThiefHangsUp(t *testing.T) {
	g := newRig(t, &refresh.Options{NoGrace: true})
	first := g.start("1")
	second := g.refresh(first.RefreshToken)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.refresher.Refresh(ctx, first.RefreshToken); err == nil {
		t.Error("used twice")
	}
	g.alive(false, first, second)
}

// TestRefreshDenylistDown: the session ends, the answer is 503, and the access
// tokens are denied at the next attempt.
func TestRefreshDenylistDown(t *testing.T) {
	g := newRig(t, &refresh.Options{NoGrace: true})
	first := g.start("1")
	second := g.refresh(first.RefreshToken)
	g.deny.err = errors.New("down")
	g.refused(first.RefreshToken, 503, "down")
	g.deny.err = nil
	g.refused(second.RefreshToken, 401, "has ended")
	g.alive(false, first, second)
}

// TestReuseIsReportedIfTheDenialFails: it is the only report of the reuse.
func TestReuseIsReportedIfTheDenialFails(t *testing.T) {
	g := newRig(t, nil)
	first := g.start("1")
	g.refresh(g.refresh(first.RefreshToken).RefreshToken)
	g.clock.Advance(10 * time.Second)
	g.deny.err = errors.New("down")
	w := g.serve(g.refresher.RefreshHandler(), "POST", "", tokenBody(first.RefreshToken))
	reported := false
	for _, d := range g.seen {
		var reuse *refresh.ReuseError
		reported = reported || errors.As(d.Err, &reuse) && reuse.Subject == "1"
	}
	if w.Code != 503 || !reported {
		t.Errorf("status %d, reuse reported: %t", w.Code, reported)
	}
}

// TestReuseIsNotLostWithTheClient: a client that disconnects during the store's
// step does not prevent the denial.
func TestReuseIsNotLostWithTheClient(t *testing.T) {
	g := newRig(t, nil)
	first := g.start("1")
	second := g.refresh(g.refresh(first.RefreshToken).RefreshToken)
	g.clock.Advance(10 * time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	g.store.during = func(inner context.Context) error {
		cancel()
		return inner.Err()
	}
	_, err := g.refresher.Refresh(ctx, first.RefreshToken)
	if err == nil || !strings.Contains(err.Error(), "used again") {
		t.Errorf("Refresh: %v", err)
	}
	g.alive(false, second)
}

// TestNoGraceWithAClockBehind: NoGrace holds at any time, also on a clock that is
// behind.
func TestNoGraceWithAClockBehind(t *testing.T) {
	for _, behind := range []time.Duration{0, time.Millisecond, time.Minute} {
		g := newRig(t, &refresh.Options{NoGrace: true})
		first := g.start("1")
		g.clock.Advance(time.Hour)
		g.refresh(first.RefreshToken)
		g.clock.Advance(-behind)
		g.refused(first.RefreshToken, 401, "used again")
	}
}

func TestRefreshReload(t *testing.T) {
	g := newRig(t, nil)
	first := g.start("1")

	// A failure before the call of the store uses up no token, however long it lasts.
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
			t.Errorf("%v: the store was called", tt.err)
		}
		g.clock.Advance(time.Minute)
	}
	g.reloadErr = errors.New("a bug")
	if _, err := g.refresher.Refresh(t.Context(), first.RefreshToken); err == nil || !strings.Contains(err.Error(), "a bug") {
		t.Error(err)
	}
	g.reloadErr = nil
	second := g.refresh(first.RefreshToken)
	g.alive(true, second)

	// The login of a deleted user ends.
	delete(g.users, "1")
	g.refused(second.RefreshToken, 401, "the subject does not exist")
	g.alive(false, first, second)
	g.users["1"] = claims{}
	g.refused(second.RefreshToken, 401, "has ended")
}

func TestRefreshStoreDown(t *testing.T) {
	g := newRig(t, nil)
	first := g.start("1")
	g.store.err = errors.New("connection refused by 10.0.0.1")
	g.refused(first.RefreshToken, 503, "refused by")
	g.clock.Advance(time.Hour)
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
		opts  refresh.Options
		waits []time.Duration // all but the last are followed by a refresh
		last  string          // why the last is refused; "" if it is not
	}{
		{"idle", refresh.Options{}, []time.Duration{14 * day}, "idle"},
		{"just not idle", refresh.Options{}, []time.Duration{14*day - time.Millisecond}, ""},
		{"expired", refresh.Options{}, []time.Duration{10 * day, 10 * day, 10 * day}, "expired"},
		{"just not expired", refresh.Options{}, []time.Duration{10 * day, 10 * day, 10*day - time.Second}, ""},
		{"set", refresh.Options{Lifetime: day, Idle: 2 * time.Hour}, []time.Duration{time.Hour, 2 * time.Hour}, "idle"},
		{"short lifetime", refresh.Options{Lifetime: 2 * time.Hour}, []time.Duration{time.Hour, time.Hour}, "expired"},
		{"never idle", refresh.Options{Idle: 30 * day}, []time.Duration{30*day - time.Second}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, &tt.opts)
			token := g.start("1").RefreshToken
			for i, d := range tt.waits {
				g.clock.Advance(d)
				if i == len(tt.waits)-1 && tt.last != "" {
					g.refused(token, 401, tt.last)
					return
				}
				token = g.refresh(token).RefreshToken
			}
		})
	}
}

// TestNoAccessTokenOutlivesItsLogin: a store deletes a login that has expired, and
// its access tokens cannot be denied after that.
func TestNoAccessTokenOutlivesItsLogin(t *testing.T) {
	g := newRig(t, &refresh.Options{Lifetime: 90 * time.Minute})
	first := g.start("1")
	if first.ExpiresIn != time.Hour {
		t.Errorf("the first lives %v", first.ExpiresIn)
	}
	g.clock.Advance(50 * time.Minute)
	last := g.refresh(first.RefreshToken)
	token, err := g.issuer.Verifier().Verify(t.Context(), last.AccessToken)
	if err != nil || last.ExpiresIn != 40*time.Minute || !token.ExpiresAt.Equal(g.clock.Now().Add(40*time.Minute)) {
		t.Errorf("the last lives %v, until %v, %v", last.ExpiresIn, token.ExpiresAt, err)
	}
	g.clock.Advance(40 * time.Minute)
	g.alive(false, first, last)
}

// TestRefreshAtOnce: 64 requests with one token get one successor.
func TestRefreshAtOnce(t *testing.T) {
	g := newRig(t, nil)
	h := g.refresher.RefreshHandler()
	first := g.start("1")
	var wg sync.WaitGroup
	var mu sync.Mutex
	successors := map[string]int{}
	for range 64 {
		wg.Go(func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request("POST", tokenBody(first.RefreshToken)))
			mu.Lock()
			defer mu.Unlock()
			if successors[pairOf(t, w).Refresh]++; w.Code != http.StatusOK {
				t.Errorf("status %d", w.Code)
			}
		})
	}
	wg.Wait()
	if len(successors) != 1 {
		t.Errorf("%d successors, want 1", len(successors))
	}
}
