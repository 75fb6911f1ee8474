package refresh_test

import (
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// TestLogoutsPastTheShare: one entry of the denylist replaces many logouts of a
// subject. The tokens stay dead, also those of before the clock was set back.
func TestLogoutsPastTheShare(t *testing.T) {
	for _, back := range []time.Duration{0, 5 * time.Minute} {
		g := newRig(t, nil)
		g.deny.Denylist = guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{MaxPerSubject: 4, Now: g.clock.Now}))
		bob := g.start("2")
		var ended []*jwtauth.Tokens
		for range 20 {
			ended = append(ended, g.start("1"))
		}
		g.clock.Advance(-back)
		if err := g.refresher.RevokeSubject(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		g.clock.Advance(back)
		g.alive(false, ended...)
		g.clock.Advance(time.Second)
		g.alive(false, ended...)
		g.alive(true, g.start("1"), bob)
	}
}

// TestLoginsPastTheLimit: a subject that logs in again and again, whose oldest login
// ends each time, does not fill the denylist. The others can log out, and of its own
// logins, the newest stay.
func TestLoginsPastTheLimit(t *testing.T) {
	g := newRig(t, nil)
	g.deny.Denylist = guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: 500, Now: g.clock.Now}))
	bob := g.start("2")
	var alice []*jwtauth.Tokens
	for range 1000 {
		g.clock.Advance(time.Second)
		alice = append(alice, g.start("1"))
	}
	if err := g.refresher.Revoke(t.Context(), "2", bob.RefreshToken); err != nil {
		t.Fatal(err)
	}
	g.alive(false, bob)
	g.alive(false, alice[:900]...)
	g.alive(true, alice[900:]...)
}

// TestEvictionsOfOthers: a login that a full store ends for one of another subject counts
// as its own subject's where the denylist has a limit.
func TestEvictionsOfOthers(t *testing.T) {
	store := guard.Must(refresh.NewMemory(&refresh.MemoryOptions{Max: 1}))
	g := newRig(t, &refresh.Options{Store: store})
	g.deny.Denylist = guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: 10, MaxPerSubject: 2, Now: g.clock.Now}))
	for range 10 {
		alice := g.start("1")
		g.alive(true, alice)
		bob := g.start("2")
		g.alive(false, alice)
		g.alive(true, bob)
		g.clock.Advance(time.Second)
	}
}
