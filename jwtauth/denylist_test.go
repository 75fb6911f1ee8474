package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/denylisttest"
)

func TestMemoryDenylist(t *testing.T) {
	denylisttest.Run(t, func(*testing.T) jwtauth.Denylist { return guard.Must(jwtauth.NewMemory(nil)) })
}

func TestMemoryDenylistIsBounded(t *testing.T) {
	now := noon
	d := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Max: 3, Now: func() time.Time { return now }}))
	deny := func(id string, minutes time.Duration) error {
		return d.Deny(t.Context(), noon.Add(minutes*time.Minute), id)
	}
	denied := func(id string) bool { return guard.Must(d.Denied(t.Context(), id)) }
	for i := range 3 {
		if err := deny(fmt.Sprint(i), time.Duration(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if deny("3", 9) == nil || denied("3") {
		t.Error("a full denylist took one more")
	}
	if err := deny("0", 5); err != nil { // known, and now the last to go
		t.Error(err)
	}
	now = noon.Add(2 * time.Minute)
	if denied("1") || !denied("2") || !denied("0") {
		t.Error("after 2 minutes")
	}
	if err := deny("3", 9); err != nil || !denied("3") || deny("4", 9) == nil {
		t.Error("an id that has passed was not forgotten")
	}
	now = noon.Add(4 * time.Minute)
	if !denied("0") || denied("2") {
		t.Error("after 4 minutes")
	}
}

// A random walk beside a map that forgets nothing.
func TestMemoryDenylistTwin(t *testing.T) {
	now := noon
	d := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: func() time.Time { return now }}))
	twin := map[string]time.Time{}
	x := uint32(1)
	random := func(n uint32) int { x = x*1664525 + 1013904223; return int(x >> 8 % n) }
	for range 20000 {
		id := fmt.Sprint(random(200))
		switch random(4) {
		case 0:
			now = now.Add(time.Duration(random(4)-1) * time.Second) // back, too
		case 1:
			until := now.Add(time.Duration(random(300)-10) * time.Second)
			if err := d.Deny(t.Context(), until, id); err != nil {
				t.Fatal(err)
			}
			if twin[id].Before(until) {
				twin[id] = until
			}
		default:
			if got, want := guard.Must(d.Denied(t.Context(), id)), now.Before(twin[id]); got != want {
				t.Fatalf("%s is denied: %t; want %t", id, got, want)
			}
		}
	}
}

type denylist func(ids []string) (bool, error)

func (d denylist) Deny(context.Context, time.Time, ...string) error { return errors.New("down") }
func (d denylist) Denied(_ context.Context, ids ...string) (bool, error) {
	return d(ids)
}

func TestDenylistOfAVerifier(t *testing.T) {
	var asked [][]string
	var answer error
	list := denylist(func(ids []string) (bool, error) {
		var bare []string // without whose they are
		for _, id := range ids {
			bare = append(bare, id[:1]+id[17:])
		}
		asked = append(asked, bare)
		return false, answer
	})
	for _, size := range []int{0, 10} {
		asked, answer = nil, nil
		v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
			Issuer: "me", Audience: []string{"api"}, Now: atNoon, Denylist: list, CacheSize: size,
		}))
		both := forge(jwtHeader, payload(`sid="s"`), hs256(secret))
		sid := forge(jwtHeader, payload("jti=", `sid="s"`), hs256(secret))
		for _, token := range []string{both, both, sid} {
			if g := sendToken(t, v, token); g.status != 200 {
				t.Fatalf("%d: %s", g.status, g.reason)
			}
		}
		if got := fmt.Sprint(asked); got != "[[tj ss] [tj ss] [ss]]" {
			t.Error(got)
		}
		sendToken(t, v, forge(jwtHeader, payload(), hs256([]byte("another"))))
		sendToken(t, v, forge(jwtHeader, payload("exp=1"), hs256(secret)))
		if len(asked) != 3 {
			t.Error("asked about a token that is refused anyway")
		}
		answer = fmt.Errorf("redis at 10.0.0.1: %w", guard.ErrNoCredentials)
		if g := sendToken(t, v, both); g.status != 503 || g.message != "The service is unavailable. Try again later." {
			t.Errorf("%d %q", g.status, g.message)
		}
		if err := v.Revoke(t.Context(), &jwtauth.Token[profile]{ID: "x"}); err == nil {
			t.Error("Revoke hides a failure")
		}
	}
}
