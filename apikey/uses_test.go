package apikey_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// TestMaxUses: a key for three uses authenticates three requests. Those that the ring
// refuses spend nothing.
func TestMaxUses(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	ring, c := newRing(t, apikey.RingOptions{Address: func(*http.Request) (netip.Addr, error) { return addr, nil }})
	key, rec := issue(t, ring, apikey.Grant{
		MaxUses: 3, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, NotBefore: c.Add(time.Hour), ExpiresAt: c.Add(3 * time.Hour),
	})
	check := func(when, key string, want int, message string, uses int64) {
		t.Helper()
		status, got, _ := answer(t, ring, request("X-API-Key", key))
		if status != want || got != message {
			t.Errorf("%s: %d %q, want %d %q", when, status, got, want, message)
		}
		if rec, _, _ := ring.Load(t.Context(), rec.ID); rec.Uses != uses {
			t.Errorf("%s: %d uses, want %d", when, rec.Uses, uses)
		}
	}
	check("too early", key, 401, "API key not yet valid", 0)
	c.Advance(time.Hour)
	check("a wrong secret", apikey.ForgeKey(rec.ID), 401, "Invalid API key", 0)
	addr = netip.MustParseAddr("203.0.113.1")
	check("from elsewhere", key, 403, "API key not allowed from this address", 0)
	addr = netip.MustParseAddr("192.0.2.1")
	check("first", key, 200, "", 1)
	check("second", key, 200, "", 2)
	next, _, err := ring.Rotate(t.Context(), rec.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	check("third, with the next key", next.Reveal(), 200, "", 3)
	check("the next key", next.Reveal(), 401, "API key used up", 3)
	check("the previous key", key, 401, "API key used up", 3)
	if got, _, _ := ring.Load(t.Context(), rec.ID); !got.Ended(c.Time) || !got.LastUsedAt.Equal(c.Time) {
		t.Errorf("the record is %+v", got)
	}
	if _, found, err := ring.Rotate(t.Context(), rec.ID, 0); found || err != nil {
		t.Errorf("Rotate of a used-up key = %t, %v", found, err)
	}
	c.Advance(2 * time.Hour)
	check("expired, too", key, 401, "Invalid API key", 3) // its overlap is over
	check("expired, too", next.Reveal(), 401, "API key expired", 3)
}

// TestMaxUsesInParallel: of many requests at once as many are granted as there are uses.
func TestMaxUsesInParallel(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{})
	key, _ := issue(t, ring, apikey.Grant{MaxUses: 10})
	var granted, usedUp atomic.Int32
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			_, err := ring.Authenticate(request("X-API-Key", key))
			e, _ := errors.AsType[*guard.Error](err)
			switch {
			case err == nil:
				granted.Add(1)
			case e != nil && e.Code == "key_used_up":
				usedUp.Add(1)
			}
		})
	}
	wg.Wait()
	if granted.Load() != 10 || usedUp.Load() != 54 {
		t.Errorf("%d granted, %d used up", granted.Load(), usedUp.Load())
	}
}

// unspendable fails to count a use.
type unspendable struct{ apikey.Store }

func (unspendable) Spend(context.Context, *apikey.Record, apikey.Digest, time.Time) (bool, error) {
	return true, errDown
}

// TestMaxUsesWithoutAStore: a use that cannot be counted is not granted.
func TestMaxUsesWithoutAStore(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Store: unspendable{guard.Must(apikey.NewMemory(nil))}})
	key, _ := issue(t, ring, apikey.Grant{MaxUses: 10})
	if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 503 {
		t.Errorf("status %d", status)
	}
}

// TestUsedUpKeysMakeRoom: keys for one use do not fill a subject's list.
func TestUsedUpKeysMakeRoom(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{MaxPerSubject: 2})
	for range 5 {
		key, _ := issue(t, ring, apikey.Grant{MaxUses: 1})
		if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 200 {
			t.Errorf("status %d", status)
		}
		c.Advance(time.Second)
	}
}

// TestVerify: a scanner's report names a key by its whole text; an id, a wrong secret, a
// retired key and text around a key do not do.
func TestVerify(t *testing.T) {
	store := &slow{Store: guard.Must(apikey.NewMemory(nil))}
	ring, c := newRing(t, apikey.RingOptions{Store: store, Address: func(*http.Request) (netip.Addr, error) { return netip.Addr{}, errDown }})
	other, _ := newRing(t, apikey.RingOptions{Prefix: "other", Store: store})
	key, rec := issue(t, ring, apikey.Grant{MaxUses: 1, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	foreign, _ := issue(t, other, apikey.Grant{})
	absent, _ := issue(t, guard.Must(apikey.NewRing(nil)), apikey.Grant{})
	verify := func(when, text string, want bool) *apikey.Record {
		t.Helper()
		got, found, err := ring.Verify(t.Context(), text)
		if found != want || err != nil || found && (got.ID != rec.ID || got.Subject != "1") || !found && got != nil {
			t.Errorf("%s: %v, %t, %v; want %t", when, got, found, err, want)
		}
		return got
	}
	for when, text := range map[string]string{
		"nothing": "", "an id": rec.ID, "a prefix": key[:len(key)-1], "with a space": key + " ", "shown": "ak_live_" + rec.ID + "_…" + rec.Last4,
		"a wrong secret": apikey.ForgeKey(rec.ID), "of another ring": foreign, "of another store": absent,
	} {
		verify(when, text, false)
	}
	verify("valid", key, true)
	next, _, err := ring.Rotate(t.Context(), rec.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	verify("in its overlap", key, true)
	c.Advance(time.Hour)
	verify("after its overlap", key, false)
	if got := verify("before", next.Reveal(), true); got.Uses != 0 || !got.LastUsedAt.IsZero() || store.calls.Load() != 0 {
		t.Error("Verify counted as a use")
	}
	if _, err := ring.Revoke(t.Context(), rec.ID); err != nil {
		t.Fatal(err)
	}
	if got := verify("revoked", next.Reveal(), true); !got.Ended(c.Time) {
		t.Error("the record of a revoked key has not ended")
	}
	down, _ := newRing(t, apikey.RingOptions{Store: failing{}})
	if _, found, err := down.Verify(t.Context(), key); found || statusOf(err) != 503 {
		t.Errorf("without a store: %t, %v", found, err)
	}
	if _, found, err := new(apikey.Ring).Verify(t.Context(), key); found || err == nil {
		t.Errorf("of a zero ring: %t, %v", found, err)
	}
}
