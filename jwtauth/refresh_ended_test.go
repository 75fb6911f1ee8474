package jwtauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// TestRevokeSubjectIsRetried: an answer that all logins are dead is true also
// the second time, after a denylist that failed the first.
func TestRevokeSubjectIsRetried(t *testing.T) {
	g := newRefreshRig(t, nil)
	h := g.refresher.LogoutAllHandler()
	other, mine, bob := g.start("1"), g.start("1"), g.start("2")
	g.deny.err = errors.New("down")
	for range 2 {
		if w := g.serve(h, "POST", mine.AccessToken, ""); w.Code != 503 {
			t.Errorf("without a denylist: %d %s", w.Code, w.Body)
		}
	}
	if err := g.refresher.RevokeSubject(t.Context(), "1"); err == nil {
		t.Error("RevokeSubject without a denylist")
	}
	g.deny.err = nil
	g.alive(true, mine)
	if w := g.serve(h, "POST", mine.AccessToken, ""); w.Code != 200 {
		t.Errorf("the third time: %d %s", w.Code, w.Body)
	}
	g.alive(false, other, mine)
	g.refused(other.RefreshToken, 401, "ended")
	g.refused(mine.RefreshToken, 401, "ended")
	g.alive(true, bob)
}

// TestLogoutAllIsRetriedAfterAStoreFailed: whoever could not end the logins has
// an access token to try again with.
func TestLogoutAllIsRetriedAfterAStoreFailed(t *testing.T) {
	g := newRefreshRig(t, nil)
	h := g.refresher.LogoutAllHandler()
	other, mine := g.start("1"), g.start("1")
	for _, at := range []string{"string", "[]string"} { // listing; ending
		g.store.fails = at
		if w := g.serve(h, "POST", mine.AccessToken, ""); w.Code != 503 {
			t.Errorf("%s: %d %s", at, w.Code, w.Body)
		}
		g.alive(true, mine)
	}
	g.store.fails = ""
	if w := g.serve(h, "POST", mine.AccessToken, ""); w.Code != 200 {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	g.alive(false, other, mine)
}

// TestEvictedLoginsAreDenied: a login that made room for others is over, its
// access token included: RevokeSubject could not find it any more.
func TestEvictedLoginsAreDenied(t *testing.T) {
	g := newRefreshRig(t, nil)
	stolen := g.start("1")
	for range 100 {
		g.alive(true, stolen)
		g.start("1")
	}
	g.alive(false, stolen)
	g.refused(stolen.RefreshToken, 401, "ended")
}

// TestLoginWhosePredecessorCannotBeDenied fails, and stays for none of the next
// to push out another login.
func TestLoginWhosePredecessorCannotBeDenied(t *testing.T) {
	g := newRefreshRig(t, nil)
	logins := make([]*jwtauth.Tokens, 100)
	for i := range logins {
		logins[i] = g.start("1")
	}
	g.deny.err = errors.New("down")
	var e *guard.Error
	if tokens, err := g.refresher.Start(t.Context(), "1"); tokens != nil || !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable {
		t.Errorf("%v, %v", tokens, err)
	}
	g.start("1") // in the place that has become free
	g.deny.err = nil
	g.refresh(logins[1].RefreshToken)
}

// TestLoginWhoseClientHangsUp: what made room for it is denied all the same.
func TestLoginWhoseClientHangsUp(t *testing.T) {
	g := newRefreshRig(t, nil)
	stolen := g.start("1")
	for range 99 {
		g.start("1")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.refresher = guard.Must(jwtauth.NewRefresher(g.issuer, g.reload, &jwtauth.RefreshOptions{Store: obedientStore{g.store}}))
	_, _ = g.refresher.Start(ctx, "1")
	g.alive(false, stolen)
}

// obedientStore loses the answer of a Start whose client has left.
type obedientStore struct{ jwtauth.RefreshStore }

func (s obedientStore) Start(ctx context.Context, f jwtauth.Family) ([]string, error) {
	ended, err := s.RefreshStore.Start(ctx, f)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	return ended, nil
}

// TestNoAccessTokenOutlivesItsLogin: stores forget a login when it has expired,
// and with it what to deny.
func TestNoAccessTokenOutlivesItsLogin(t *testing.T) {
	g := newRefreshRig(t, &jwtauth.RefreshOptions{Lifetime: 90 * time.Minute})
	first := g.start("1")
	if first.ExpiresIn != time.Hour {
		t.Errorf("the first lives %v", first.ExpiresIn)
	}
	g.after(50 * time.Minute)
	last := g.refresh(first.RefreshToken)
	token, err := g.issuer.Verifier().Verify(t.Context(), last.AccessToken)
	if err != nil || last.ExpiresIn != 40*time.Minute || !token.ExpiresAt.Equal(g.clock().Add(40*time.Minute)) {
		t.Errorf("the last lives %v, until %v, %v", last.ExpiresIn, token.ExpiresAt, err)
	}
	g.after(40 * time.Minute)
	g.alive(false, first, last)
}

// TestLogoutAfterLifetimeWasShortened: a token of before is dead for as long as
// it says that it lives.
func TestLogoutAfterLifetimeWasShortened(t *testing.T) {
	for name, handler := range map[string]func(*jwtauth.Refresher[refreshClaims]) http.Handler{
		"logout":     (*jwtauth.Refresher[refreshClaims]).LogoutHandler,
		"everywhere": (*jwtauth.Refresher[refreshClaims]).LogoutAllHandler,
	} {
		g := newRefreshRig(t, nil) // tokens live an hour
		old := g.start("1")
		g.issuer = guard.Must(jwtauth.NewIssuer[refreshClaims](jwtauth.HMAC("HS256", refreshSecret), &jwtauth.IssuerOptions{
			Issuer: "app", Lifetime: time.Minute, Now: g.clock, Denylist: g.deny,
		}))
		g.refresher = guard.Must(jwtauth.NewRefresher(g.issuer, g.reload, &jwtauth.RefreshOptions{Store: g.store}))
		if w := g.serve(handler(g.refresher), "POST", old.AccessToken, refreshJSON(old.RefreshToken)); w.Code != 200 {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		g.alive(false, old)
		g.after(59 * time.Minute)
		g.alive(false, old)
	}
}

// TestReuseIsToldThoughNothingCanBeDenied: it is known once.
func TestReuseIsToldThoughNothingCanBeDenied(t *testing.T) {
	g := newRefreshRig(t, nil)
	first := g.start("1")
	g.refresh(g.refresh(first.RefreshToken).RefreshToken)
	g.deny.err = errors.New("down")
	w := g.serve(g.refresher.RefreshHandler(), "POST", "", refreshJSON(first.RefreshToken))
	told := false
	for _, d := range g.seen {
		var reuse *jwtauth.ReuseError
		told = told || errors.As(d.Err, &reuse) && reuse.Subject == "1"
	}
	if w.Code != 503 || !told {
		t.Errorf("status %d, reuse told: %t", w.Code, told)
	}
}

// TestReuseIsNotLostWithTheClient: who hangs up while the store works must not
// have the answer lost, and with it the denial.
func TestReuseIsNotLostWithTheClient(t *testing.T) {
	g := newRefreshRig(t, nil)
	first := g.start("1")
	second := g.refresh(g.refresh(first.RefreshToken).RefreshToken)
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

// TestNoGraceWithAClockBehind: no grace is none, whatever the time is.
func TestNoGraceWithAClockBehind(t *testing.T) {
	for _, behind := range []time.Duration{0, time.Millisecond, time.Minute} {
		g := newRefreshRig(t, &jwtauth.RefreshOptions{NoGrace: true})
		first := g.start("1")
		g.after(time.Hour)
		g.refresh(first.RefreshToken)
		g.after(-behind)
		g.refused(first.RefreshToken, 401, "used again")
	}
}
