package redisstore_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
)

func familyWithRef(subject, ref string) refresh.Family {
	now := time.Now().Truncate(time.Millisecond)
	return refresh.Family{Subject: subject, ID: rand.Text(), Started: now, Expires: now.Add(48 * time.Hour), ListedUntil: now.Add(time.Hour), Ref: ref}
}

func endOf(ref, subject string) refresh.RefRevocation {
	now := time.Now().Truncate(time.Millisecond)
	return refresh.RefRevocation{Ref: ref, Subject: subject, Now: now, Until: now.Add(time.Hour), ListedUntil: now.Add(time.Hour)}
}

func found(t *testing.T, s refresh.Store, f refresh.Family) bool {
	t.Helper()
	_, found, err := s.Load(t.Context(), f.Subject, f.ID)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestFamilyRefEndsDuringLogin: a family of a Ref that ends meanwhile is never live, at
// whatever step of the login it ends. What the login has ended is reported.
func TestFamilyRefEndsDuringLogin(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, other, ctx := stores.TokenFamilies(), reopen(t, prefix).TokenFamilies(), t.Context()
	var step, at, ended int
	var e refresh.RefRevocation
	c.AddHook(hook(func(_ int, next func() error) error {
		if step++; step == at {
			var err error
			if _, ended, err = other.RevokeRef(ctx, e); err != nil {
				t.Error(err)
			}
		}
		return next()
	}))
	must[[]refresh.Family](t)(s.Start(ctx, familyWithRef("u", "another"))) // loads the scripts
	must[[]string](t)(s.List(ctx, "u"))
	for _, subject := range []string{"", "u"} {
		for at = 1; at <= 4; at++ {
			f := familyWithRef("u", fmt.Sprint("ref", subject, at))
			e, step, ended = endOf(f.Ref, subject), 0, 0
			_, err := s.Start(ctx, f)
			switch {
			case at < 4 && !errors.Is(err, refresh.ErrEnded):
				t.Errorf("before command %d: %v", at, err)
			case at == 4 && (err != nil || step != 3 || !found(t, other, f)):
				t.Fatalf("a login of %d commands: %v", step, err)
			case at == 4:
				if _, ended, err = other.RevokeRef(ctx, e); err != nil {
					t.Fatal(err)
				}
			}
			if found(t, other, f) {
				t.Errorf("a family whose Ref ended before command %d is live", at)
			}
			if want := at / 3; ended != want { // it was there from the third on
				t.Errorf("before command %d: %d ended, want %d", at, ended, want)
			}
		}
	}
	at = 0 // the cleanup sends commands, too

	full := familyWithRef("v", "full")
	for range 100 {
		must[[]refresh.Family](t)(s.Start(ctx, familyWithRef("v", "")))
	}
	at, step, e = 3, 0, endOf("full", "")
	if victims, err := s.Start(ctx, full); len(victims) != 1 || !errors.Is(err, refresh.ErrEnded) {
		t.Errorf("%v, %v; want the family that was ended for the refused one", victims, err)
	}
	at = 0
}

// TestFamilyRefIndex: it has one member for each subject, however often that logs in,
// says nothing of the Ref, and expires with the last family.
func TestFamilyRefIndex(t *testing.T) {
	stores, c, prefix := newStores(t)
	s, ctx := stores.TokenFamilies(), t.Context()
	var last refresh.Family
	for i := range 120 {
		last = familyWithRef(fmt.Sprint("u", i%2), "a ref")
		last.Expires = last.Expires.Add(time.Duration(i) * time.Minute)
		must[[]refresh.Family](t)(s.Start(ctx, last))
	}
	keys := must[[]string](t)(c.Keys(ctx, prefix+":fr*").Result())
	if len(keys) != 1 || strings.Contains(keys[0], "a ref") {
		t.Fatalf("keys %q", keys)
	}
	if n := must[int64](t)(c.ZCard(ctx, keys[0]).Result()); n != 2 {
		t.Errorf("%d members, want 2", n)
	}
	ends := time.UnixMilli(must[time.Duration](t)(c.PExpireTime(ctx, keys[0]).Result()).Milliseconds())
	if want := last.Expires.Add(time.Hour); !ends.Equal(want) {
		t.Errorf("the index expires at %v, want %v", ends, want)
	}
	if _, n, err := s.RevokeRef(ctx, endOf("a ref", "")); n != 120 || err != nil {
		t.Errorf("%d ended, %v", n, err)
	}
	if _, _, err := s.RevokeRef(ctx, endOf("another", "u0")); err != nil {
		t.Fatal(err)
	}
	for _, key := range must[[]string](t)(c.Keys(ctx, prefix+":fr*").Result()) {
		if ttl := must[time.Duration](t)(c.TTL(ctx, key).Result()); key != keys[0] && (ttl <= 119*time.Minute || ttl > 2*time.Hour) {
			t.Errorf("an ended Ref expires in %v", ttl)
		}
	}
	// Of one subject, they are found without the index.
	lost := familyWithRef("u0", "lost")
	must[[]refresh.Family](t)(s.Start(ctx, lost))
	for _, key := range must[[]string](t)(c.Keys(ctx, prefix+":fr*").Result()) {
		c.Del(ctx, key)
	}
	if _, n, err := s.RevokeRef(ctx, endOf("lost", "u0")); n != 1 || err != nil || found(t, s, lost) {
		t.Errorf("without an index: %d, %v", n, err)
	}
}

// TestRevokeRefContinues: after a failure among many subjects, the next RevokeRef ends the
// others, and lists all.
func TestRevokeRefContinues(t *testing.T) {
	stores, c, _ := newStores(t)
	s, ctx := stores.TokenFamilies(), t.Context()
	for i := range 150 {
		must[[]refresh.Family](t)(s.Start(ctx, familyWithRef(fmt.Sprint("u", i), "ref")))
	}
	down, sent := errors.New("down"), 0
	c.AddHook(hook(func(_ int, next func() error) error {
		if sent++; sent == 100 {
			return down
		}
		return next()
	}))
	listed, first, err := s.RevokeRef(ctx, endOf("ref", ""))
	if !errors.Is(err, down) || len(listed) != first || first < 50 || first >= 100 {
		t.Fatalf("%d listed, %d ended, %v", len(listed), first, err)
	}
	listed, n, err := s.RevokeRef(ctx, endOf("ref", ""))
	if first+n != 150 || len(listed) != 150 || err != nil {
		t.Errorf("%d and then %d ended, %d listed, %v", first, n, len(listed), err)
	}
}

// TestFamilyRefsInFullRedis: a login with a Ref is refused, and a Ref ends.
func TestFamilyRefsInFullRedis(t *testing.T) {
	server := startServer(t)
	s, c, ctx := newStoresAt(t, server.addr).TokenFamilies(), newClient(t, server.addr), t.Context()
	f := familyWithRef("u", "ref")
	must[[]refresh.Family](t)(s.Start(ctx, f))
	if err := c.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Start(ctx, familyWithRef("u", "another")); err == nil {
		t.Error("a full Redis accepted a login")
	}
	if listed, n, err := s.RevokeRef(ctx, endOf("ref", "")); len(listed) != 1 || n != 1 || err != nil || found(t, s, f) {
		t.Errorf("%v, %d, %v", listed, n, err)
	}
}
