package apikeytest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
)

const otherRing = "ak_test"

// rings: two rings share a store, and each has its own lists and maxima. IDs are unique
// among both.
func rings(t *testing.T, s apikey.Store) {
	of := func(ring, id string, d time.Duration) apikey.Entry {
		e := entry(id, "u1")
		e.Ring, e.CreatedAt = ring, after(d)
		return e
	}
	for i := range 3 { // in turns, and one of the other ring has ended
		d := time.Duration(i) * time.Millisecond
		other := of(otherRing, fmt.Sprint("bbbbbbbbbbb", i), d)
		if i == 0 {
			other.RevokedAt = after(0)
		}
		insert(t, s, of(ring, fmt.Sprint("aaaaaaaaaaa", i), d), other)
		same(t, load(t, s, other.ID), other)
	}
	insert(t, s, of(ring+"_u1", "ccccccccccc1", 0)) // names that begin alike
	taken := of(otherRing, "aaaaaaaaaaa1", 0)
	taken.Digest = digest(9)
	if ok, err := s.Insert(t.Context(), taken, most); ok || err != nil {
		t.Errorf("Insert of an id that another ring has = %t, %v", ok, err)
	}
	want := map[string][]string{
		ring:          {"aaaaaaaaaaa2", "aaaaaaaaaaa1", "aaaaaaaaaaa0"},
		otherRing:     {"bbbbbbbbbbb2", "bbbbbbbbbbb1", "bbbbbbbbbbb0"},
		ring + "_u1":  {"ccccccccccc1"},
		"ak_liv":      nil,
		"ak_live_u1x": nil,
	}
	check := func() {
		t.Helper()
		for name, want := range want {
			l, err := s.List(t.Context(), name, "u1")
			if got := ids(l); err != nil || !slices.Equal(got, want) {
				t.Errorf("List of %s = %v, %v; want %v", name, got, err, want)
			}
			for _, rec := range l {
				if rec.Ring != name {
					t.Errorf("List of %s has a record of %s", name, rec.Ring)
				}
			}
			for _, limit := range []int{1, 100} {
				if got := ids(allOf(t, s, name, limit, func() {})); !slices.Equal(got, want) {
					t.Errorf("ListAll of %s by %d = %v, want %v", name, limit, got, want)
				}
			}
		}
	}
	check()
	if err := limited(t, s, of(ring, "aaaaaaaaaaa3", 0)); !errors.Is(err, apikey.ErrTooMany) {
		t.Errorf("a fourth valid entry of one ring: %v", err)
	}
	if err := limited(t, s, of(otherRing, "bbbbbbbbbbb3", time.Hour)); err != nil { // makes room in its own ring
		t.Errorf("a third valid entry of the other ring: %v", err)
	}
	want[otherRing] = []string{"bbbbbbbbbbb3", "bbbbbbbbbbb2", "bbbbbbbbbbb1"}
	check()
	// What changes an entry has no ring: its list is that of the entry.
	if ok, err := s.Revoke(t.Context(), "bbbbbbbbbbb1", after(0)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	rec := load(t, s, "bbbbbbbbbbb2").Record
	rec.ExpiresAt = after(time.Hour)
	if ok, err := s.Update(t.Context(), rec, 0); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := s.Spend(t.Context(), &rec, digest(1), after(0)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	check()
	if err := limited(t, s, of(otherRing, "bbbbbbbbbbb4", 2*time.Hour)); err != nil {
		t.Errorf("a third valid entry of the other ring, after a revocation: %v", err)
	}
	want[otherRing] = []string{"bbbbbbbbbbb4", "bbbbbbbbbbb3", "bbbbbbbbbbb2"}
	check()
}
