// Package apikeytest tests implementations of apikey.Store.
//
//	func TestStore(t *testing.T) {
//		apikeytest.Run(t, func(t *testing.T) apikey.Store { return newStore(t) })
//	}
package apikeytest

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/apikey"
)

// Run tests the stores that open returns. Each must be empty, or share nothing
// with the previous ones. Tests run one after the other.
func Run(t *testing.T, open func(t *testing.T) apikey.Store) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, apikey.Store)
	}{
		{"round trip", roundTrip},
		{"a taken id changes nothing", taken},
		{"unknown ids", unknown},
		{"rotate", rotate},
		{"revoke", revoke},
		{"last use only grows", used},
		{"list", list},
		{"entries are read-only", readOnly},
		{"one of many inserts wins", raceInsert},
		{"one of many rotations wins", raceRotate},
		{"revocation wins over rotation", revokeBeforeRotate},
		{"values are stored as they are", hostile},
		{"a cancelled context", cancelled},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

var start = time.UnixMilli(time.Now().UnixMilli()).UTC()

// after is a time close to now: a store may forget entries that ended long ago.
func after(d time.Duration) time.Time { return start.Add(d) }

func digest(b byte) (d apikey.Digest) {
	for i := range d {
		d[i] = b
	}
	return d
}

func entry(id, subject string) apikey.Entry {
	return apikey.Entry{
		Record: apikey.Record{ID: id, Subject: subject, Last4: "ab3K", CreatedAt: after(0)},
		Digest: digest(1),
	}
}

func insert(t *testing.T, s apikey.Store, entries ...apikey.Entry) {
	t.Helper()
	for _, e := range entries {
		if ok, err := s.Insert(t.Context(), e); err != nil || !ok {
			t.Fatalf("Insert(%s) = %t, %v", e.ID, ok, err)
		}
	}
}

func load(t *testing.T, s apikey.Store, id string) apikey.Entry {
	t.Helper()
	e, found, err := s.Load(t.Context(), id)
	if err != nil || !found || e == nil {
		t.Fatalf("Load(%s) = %v, %t, %v", id, e, found, err)
	}
	return *e
}

// same compares entries; empty and nil slices are the same.
func same(t *testing.T, got, want apikey.Entry) {
	t.Helper()
	for _, e := range []*apikey.Entry{&got, &want} {
		e.Scopes = append([]string{}, e.Scopes...)
		e.Networks = append([]netip.Prefix{}, e.Networks...)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the store has\n%+v\nwant\n%+v", got, want)
	}
}

func roundTrip(t *testing.T, s apikey.Store) {
	full := entry("aaaaaaaaaaa1", "u1")
	full.Name = "Ünïcode \"name\"\n'; --"
	full.Scopes = []string{"posts:read", "users:*", "a b,c"}
	full.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	full.NotBefore, full.ExpiresAt = after(time.Minute+time.Millisecond), after(time.Hour)
	full.RotatedAt, full.LastUsedAt = after(2*time.Second), after(3*time.Second)
	full.Previous, full.PreviousUntil = digest(0xff), after(time.Minute)
	insert(t, s, full, entry("aaaaaaaaaaa2", "u1"))
	same(t, load(t, s, full.ID), full)
	same(t, load(t, s, "aaaaaaaaaaa2"), entry("aaaaaaaaaaa2", "u1"))
	got := load(t, s, full.ID)
	if got.ExpiresAt.Location() != time.UTC {
		t.Errorf("times are in %v, want UTC", got.ExpiresAt.Location())
	}
}

func taken(t *testing.T, s apikey.Store) {
	insert(t, s, entry("aaaaaaaaaaa1", "u1"))
	other := entry("aaaaaaaaaaa1", "u2")
	other.Digest = digest(9)
	if ok, err := s.Insert(t.Context(), other); ok || err != nil {
		t.Errorf("Insert of a taken id = %t, %v; want false, nil", ok, err)
	}
	same(t, load(t, s, "aaaaaaaaaaa1"), entry("aaaaaaaaaaa1", "u1"))
	if l, err := s.List(t.Context(), "u2"); err != nil || len(l) != 0 {
		t.Errorf("List = %v, %v; want none", l, err)
	}
}

func unknown(t *testing.T, s apikey.Store) {
	const id = "zzzzzzzzzzzz"
	if _, found, err := s.Load(t.Context(), id); found || err != nil {
		t.Errorf("Load = %t, %v; want false, nil", found, err)
	}
	if found, err := s.Revoke(t.Context(), id, after(0)); found || err != nil {
		t.Errorf("Revoke = %t, %v; want false, nil", found, err)
	}
	if ok, err := s.Rotate(t.Context(), id, apikey.Rotation{To: digest(2), Last4: "1234", At: after(0), Until: after(0)}); ok || err != nil {
		t.Errorf("Rotate = %t, %v; want false, nil", ok, err)
	}
	if err := s.Used(t.Context(), id, after(0)); err != nil {
		t.Errorf("Used: %v", err)
	}
	if l, err := s.List(t.Context(), "unknown"); err != nil || len(l) != 0 {
		t.Errorf("List = %v, %v; want none", l, err)
	}
	if _, found, err := s.Load(t.Context(), id); found || err != nil {
		t.Errorf("Load after changes = %t, %v; want false, nil", found, err)
	}
}

func rotate(t *testing.T, s apikey.Store) {
	want := entry("aaaaaaaaaaa1", "u1")
	insert(t, s, want, entry("aaaaaaaaaaa2", "u1"))
	r := apikey.Rotation{From: digest(1), To: digest(2), Last4: "wxyz", At: after(time.Second), Until: after(time.Minute)}
	for i, ok := range []bool{true, false} { // the second is from a digest that is no longer there
		if got, err := s.Rotate(t.Context(), want.ID, r); got != ok || err != nil {
			t.Fatalf("Rotate %d = %t, %v; want %t", i+1, got, err, ok)
		}
	}
	want.Digest, want.Last4, want.RotatedAt, want.Previous, want.PreviousUntil = r.To, r.Last4, r.At, r.From, r.Until
	same(t, load(t, s, want.ID), want)
	same(t, load(t, s, "aaaaaaaaaaa2"), entry("aaaaaaaaaaa2", "u1"))
	again := apikey.Rotation{From: digest(2), To: digest(3), Last4: "3333", At: after(2 * time.Second), Until: after(2 * time.Second)}
	if ok, err := s.Rotate(t.Context(), want.ID, again); !ok || err != nil {
		t.Fatalf("Rotate again = %t, %v", ok, err)
	}
	if got := load(t, s, want.ID); got.Previous != digest(2) || got.Digest != digest(3) {
		t.Error("the second rotation kept the wrong digests")
	}
}

func revoke(t *testing.T, s apikey.Store) {
	want := entry("aaaaaaaaaaa1", "u1")
	insert(t, s, want)
	for i := range 2 {
		if found, err := s.Revoke(t.Context(), want.ID, after(time.Duration(i+1)*time.Second)); !found || err != nil {
			t.Fatalf("Revoke %d = %t, %v", i+1, found, err)
		}
	}
	want.RevokedAt = after(time.Second) // the first one counts
	same(t, load(t, s, want.ID), want)
	l, err := s.List(t.Context(), "u1")
	if err != nil || len(l) != 1 || !l[0].RevokedAt.Equal(want.RevokedAt) {
		t.Errorf("List = %+v, %v; want the revoked record", l, err)
	}
}

func used(t *testing.T, s apikey.Store) {
	want := entry("aaaaaaaaaaa1", "u1")
	insert(t, s, want)
	for _, d := range []time.Duration{2 * time.Second, 5 * time.Second, 3 * time.Second} {
		if err := s.Used(t.Context(), want.ID, after(d)); err != nil {
			t.Fatal(err)
		}
	}
	want.LastUsedAt = after(5 * time.Second)
	same(t, load(t, s, want.ID), want)
}

func list(t *testing.T, s apikey.Store) {
	for i := range 5 {
		e := entry(fmt.Sprintf("aaaaaaaaaaa%d", i), "u1")
		e.CreatedAt = after(time.Duration([]int{3, 1, 4, 0, 2}[i]) * time.Second)
		insert(t, s, e)
	}
	insert(t, s, entry("bbbbbbbbbbb1", "u2"), entry("bbbbbbbbbbb2", "u1 "), entry("bbbbbbbbbbb3", "U1"))
	want := []string{"aaaaaaaaaaa2", "aaaaaaaaaaa0", "aaaaaaaaaaa4", "aaaaaaaaaaa1", "aaaaaaaaaaa3"}
	l, err := s.List(t.Context(), "u1")
	var got []string
	for _, rec := range l {
		got = append(got, rec.ID)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("List = %v, %v; want %v", got, err, want)
	}
}

func readOnly(t *testing.T, s apikey.Store) {
	e := entry("aaaaaaaaaaa1", "u1")
	e.Scopes = []string{"a"}
	insert(t, s, e)
	e.Scopes[0] = "changed by the caller"
	before, _, err := s.Load(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if before.Scopes[0] != "a" {
		t.Error("Insert kept the caller's slice")
	}
	if _, err := s.Revoke(t.Context(), e.ID, after(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rotate(t.Context(), e.ID, apikey.Rotation{From: digest(1), To: digest(2), At: after(0), Until: after(0)}); err != nil {
		t.Fatal(err)
	}
	if !before.RevokedAt.IsZero() || before.Digest != digest(1) {
		t.Error("an entry that a request holds was changed")
	}
}

// parallel runs f n times at once and returns how often it was true.
func parallel(t *testing.T, n int, f func(i int) (bool, error)) int {
	var wg sync.WaitGroup
	var won atomic.Int32
	for i := range n {
		wg.Go(func() {
			ok, err := f(i)
			if err != nil {
				t.Error(err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	return int(won.Load())
}

func raceInsert(t *testing.T, s apikey.Store) {
	won := parallel(t, 16, func(i int) (bool, error) {
		e := entry("aaaaaaaaaaa1", fmt.Sprint("u", i))
		return s.Insert(t.Context(), e)
	})
	if won != 1 {
		t.Errorf("%d inserts of one id won", won)
	}
}

func raceRotate(t *testing.T, s apikey.Store) {
	insert(t, s, entry("aaaaaaaaaaa1", "u1"))
	won := parallel(t, 16, func(i int) (bool, error) {
		return s.Rotate(t.Context(), "aaaaaaaaaaa1", apikey.Rotation{
			From: digest(1), To: digest(byte(i + 2)), Last4: fmt.Sprintf("%04d", i), At: after(time.Second), Until: after(time.Minute),
		})
	})
	if won != 1 {
		t.Errorf("%d rotations of one key won", won)
	}
	e := load(t, s, "aaaaaaaaaaa1")
	if e.Last4 != fmt.Sprintf("%04d", e.Digest[0]-2) || e.Previous != digest(1) {
		t.Error("the entry is a mix of two rotations")
	}
}

func revokeBeforeRotate(t *testing.T, s apikey.Store) {
	insert(t, s, entry("aaaaaaaaaaa1", "u1"))
	if _, err := s.Revoke(t.Context(), "aaaaaaaaaaa1", after(0)); err != nil {
		t.Fatal(err)
	}
	ok, err := s.Rotate(t.Context(), "aaaaaaaaaaa1", apikey.Rotation{From: digest(1), To: digest(2), At: after(0), Until: after(0)})
	if ok || err != nil {
		t.Errorf("Rotate of a revoked key = %t, %v; want false", ok, err)
	}
	if e := load(t, s, "aaaaaaaaaaa1"); e.RevokedAt.IsZero() || e.Digest != digest(1) {
		t.Error("rotation changed a revoked key")
	}
}

// hostile: subjects come from users, and may hold the separators of a store's
// own names.
func hostile(t *testing.T, s apikey.Store) {
	subjects := []string{"a:b", "a", "b", "a:", "{a}", "a*", "*", "a\x00b", "a'b", `a"b`, "a%", "ä"}
	for i, sub := range subjects {
		insert(t, s, entry(fmt.Sprintf("aaaaaaaaaa%02d", i), sub))
	}
	for i, sub := range subjects {
		l, err := s.List(t.Context(), sub)
		if err != nil || len(l) != 1 || l[0].Subject != sub || l[0].ID != fmt.Sprintf("aaaaaaaaaa%02d", i) {
			t.Errorf("List(%q) = %v, %v", sub, l, err)
		}
	}
}

// cancelled: under a cancelled context a store may succeed or fail, but never
// reports an existing entry as absent.
func cancelled(t *testing.T, s apikey.Store) {
	insert(t, s, entry("aaaaaaaaaaa1", "u1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, found, err := s.Load(ctx, "aaaaaaaaaaa1"); !found && err == nil {
		t.Error("Load under a cancelled context found nothing, without an error")
	}
	if found, err := s.Revoke(ctx, "aaaaaaaaaaa1", after(0)); !found && err == nil {
		t.Error("Revoke under a cancelled context found nothing, without an error")
	}
	if _, err := s.List(ctx, "u1"); err == nil {
		if l, _ := s.List(ctx, "u1"); len(l) != 1 {
			t.Error("List under a cancelled context found nothing, without an error")
		}
	}
}
