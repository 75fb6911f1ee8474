// Package apikeytest tests implementations of apikey.Store.
//
//	func TestStore(t *testing.T) {
//		apikeytest.Run(t, func(t *testing.T) apikey.Store { return newStore(t) })
//	}
package apikeytest

import (
	"context"
	"errors"
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
		{"update", update},
		{"updates that change nothing", updateNothing},
		{"revoke", revoke},
		{"last use only grows", used},
		{"the first use of a key", inUse},
		{"spend", spend},
		{"list", list},
		{"list all", listAll},
		{"list all while keys come and go", listAllChanging},
		{"rings are kept apart", rings},
		{"a subject's maximum", maximum},
		{"what ended first makes room", makesRoom},
		{"entries are read-only", readOnly},
		{"one of many inserts wins", raceInsert},
		{"one of many rotations wins", raceRotate},
		{"revocation wins over rotation", revokeBeforeRotate},
		{"many inserts stay below the maximum", raceMaximum},
		{"one of many updates wins", raceUpdate},
		{"no use too many", raceSpend},
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

// ring is the name of the ring of most entries.
const ring = "ak_live"

func entry(id, subject string) apikey.Entry {
	return apikey.Entry{
		Record: apikey.Record{ID: id, Ring: ring, Subject: subject, Last4: "ab3K", CreatedAt: after(0)},
		Digest: digest(1),
	}
}

// most is a maximum of entries per subject that no test reaches by accident.
const most = 1000

func insert(t *testing.T, s apikey.Store, entries ...apikey.Entry) {
	t.Helper()
	for _, e := range entries {
		if ok, err := s.Insert(t.Context(), e, most); err != nil || !ok {
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

// same compares entries; empty and nil slices and maps are the same.
func same(t *testing.T, got, want apikey.Entry) {
	t.Helper()
	for _, e := range []*apikey.Entry{&got, &want} {
		e.Scopes = append([]string{}, e.Scopes...)
		e.Networks = append([]netip.Prefix{}, e.Networks...)
		e.Previous = append([]apikey.PreviousKey{}, e.Previous...)
		if len(e.Metadata) == 0 {
			e.Metadata = nil
		}
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
	full.InUse, full.Previous = true, []apikey.PreviousKey{{Digest: digest(0xff), Until: after(time.Minute)}, {Digest: digest(0), Until: after(time.Hour)}}
	full.MaxUses, full.Uses, full.Revision = 1e15, 1e14, 7
	full.Metadata = map[string]string{"team": "Ünï\"code\"", "a.b\n": "", "x": "'; --"}
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
	if ok, err := s.Insert(t.Context(), other, most); ok || err != nil {
		t.Errorf("Insert of a taken id = %t, %v; want false, nil", ok, err)
	}
	same(t, load(t, s, "aaaaaaaaaaa1"), entry("aaaaaaaaaaa1", "u1"))
	if l, err := s.List(t.Context(), ring, "u2"); err != nil || len(l) != 0 {
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
	if ok, err := s.Rotate(t.Context(), id, apikey.Rotation{To: digest(2), Last4: "1234", At: after(0)}); ok || err != nil {
		t.Errorf("Rotate = %t, %v; want false, nil", ok, err)
	}
	rec := apikey.Record{ID: id, Ring: ring, Subject: "u1", CreatedAt: after(0), MaxUses: 5}
	if ok, err := s.Update(t.Context(), rec, 0); ok || err != nil {
		t.Errorf("Update = %t, %v; want false, nil", ok, err)
	}
	if ok, err := s.Spend(t.Context(), &rec, digest(1), after(0)); ok || err != nil {
		t.Errorf("Spend = %t, %v; want false, nil", ok, err)
	}
	if err := s.Used(t.Context(), id, digest(1), after(0)); err != nil {
		t.Errorf("Used: %v", err)
	}
	if l, err := s.List(t.Context(), ring, "unknown"); err != nil || len(l) != 0 {
		t.Errorf("List = %v, %v; want none", l, err)
	}
	if l, next, err := s.ListAll(t.Context(), ring, apikey.Position{}, 10); err != nil || len(l) != 0 || next != (apikey.Position{}) {
		t.Errorf("ListAll = %v, %v, %v; want none", l, next, err)
	}
	if _, found, err := s.Load(t.Context(), id); found || err != nil {
		t.Errorf("Load after changes = %t, %v; want false, nil", found, err)
	}
}

func rotate(t *testing.T, s apikey.Store) {
	want := entry("aaaaaaaaaaa1", "u1")
	insert(t, s, want, entry("aaaaaaaaaaa2", "u1"))
	if err := s.Used(t.Context(), want.ID, digest(1), after(time.Second)); err != nil {
		t.Fatal(err)
	}
	r := apikey.Rotation{
		From: digest(1), To: digest(2), Last4: "wxyz", At: after(2 * time.Second),
		Previous: []apikey.PreviousKey{{Digest: digest(1), Until: after(time.Minute)}},
	}
	if ok, err := s.Rotate(t.Context(), want.ID, r); !ok || err != nil {
		t.Fatalf("Rotate = %t, %v", ok, err)
	}
	want = entry("aaaaaaaaaaa1", "u1")
	want.Digest, want.Last4, want.RotatedAt, want.Previous, want.LastUsedAt = r.To, r.Last4, r.At, r.Previous, after(time.Second)
	same(t, load(t, s, want.ID), want)
	same(t, load(t, s, "aaaaaaaaaaa2"), entry("aaaaaaaaaaa2", "u1"))
	stale := apikey.Rotation{From: digest(1), To: digest(9), Last4: "9999", At: after(3 * time.Second)}
	if ok, err := s.Rotate(t.Context(), want.ID, stale); ok || err != nil {
		t.Fatalf("Rotate from an earlier digest = %t, %v; want false", ok, err)
	}
	same(t, load(t, s, want.ID), want)
	again := apikey.Rotation{
		From: digest(2), To: digest(3), Last4: "3333", At: after(2 * time.Second),
		Previous: append(slices.Clone(r.Previous), apikey.PreviousKey{Digest: digest(2), Until: after(time.Hour)}),
	}
	if ok, err := s.Rotate(t.Context(), want.ID, again); !ok || err != nil {
		t.Fatalf("Rotate again = %t, %v", ok, err)
	}
	want.Digest, want.Last4, want.RotatedAt, want.Previous = again.To, again.Last4, again.At, again.Previous
	same(t, load(t, s, want.ID), want)
	last := apikey.Rotation{From: digest(3), To: digest(4), Last4: "4444", At: after(3 * time.Second)}
	if ok, err := s.Rotate(t.Context(), want.ID, last); !ok || err != nil {
		t.Fatalf("Rotate without an overlap = %t, %v", ok, err)
	}
	if got := load(t, s, want.ID); got.Digest != digest(4) || len(got.Previous) != 0 {
		t.Error("a rotation without an overlap left a previous key")
	}
}

func update(t *testing.T, s apikey.Store) {
	want := entry("aaaaaaaaaaa1", "u1")
	want.Scopes, want.Metadata = []string{"a"}, map[string]string{"k": "v"}
	insert(t, s, want, entry("aaaaaaaaaaa2", "u1"))
	r := apikey.Rotation{From: digest(1), To: digest(2), Last4: "wxyz", At: after(time.Second)}
	if ok, err := s.Rotate(t.Context(), want.ID, r); !ok || err != nil {
		t.Fatal(ok, err)
	}
	want.Digest, want.Last4, want.RotatedAt = r.To, r.Last4, r.At
	rec := want.Record
	rec.Name, rec.Scopes, rec.Metadata = "näw", []string{"b", "c"}, nil
	rec.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	rec.NotBefore, rec.ExpiresAt, rec.MaxUses = after(time.Second), after(time.Hour), 9
	want.Record, want.Revision = rec, 1
	rec.Last4, rec.RotatedAt, rec.LastUsedAt, rec.Uses = "xxxx", time.Time{}, after(time.Hour), 8 // not for Update
	if ok, err := s.Update(t.Context(), rec, 0); !ok || err != nil {
		t.Fatalf("Update = %t, %v", ok, err)
	}
	same(t, load(t, s, want.ID), want)
	rec.Name, rec.ExpiresAt = "again", after(2*time.Hour)
	want.Name, want.ExpiresAt, want.Revision = rec.Name, rec.ExpiresAt, 2
	if ok, err := s.Update(t.Context(), rec, 1); !ok || err != nil {
		t.Fatalf("Update again = %t, %v", ok, err)
	}
	same(t, load(t, s, want.ID), want)
	same(t, load(t, s, "aaaaaaaaaaa2"), entry("aaaaaaaaaaa2", "u1"))
	if l, err := s.List(t.Context(), ring, "u1"); err != nil || len(l) != 2 || l[1].Name != "again" {
		t.Errorf("List = %+v, %v", l, err)
	}
}

func updateNothing(t *testing.T, s apikey.Store) {
	changed, revoked, used := entry("aaaaaaaaaaa1", "u1"), entry("aaaaaaaaaaa2", "u1"), entry("aaaaaaaaaaa3", "u1")
	changed.Revision, changed.MaxUses, changed.Uses = 2, 9, 4
	revoked.RevokedAt = after(0)
	used.MaxUses, used.Uses, used.LastUsedAt = 3, 3, after(0)
	insert(t, s, changed, revoked, used)
	for _, tt := range []struct {
		of       apikey.Entry
		maxUses  int64
		revision int64
	}{{changed, 0, 1}, {changed, 0, 3}, {changed, 4, 2}, {changed, 1, 2}, {revoked, 0, 0}, {used, 9, 0}, {used, 0, 0}} {
		rec := tt.of.Record
		rec.Name, rec.MaxUses = "new", tt.maxUses
		if ok, err := s.Update(t.Context(), rec, tt.revision); ok || err != nil {
			t.Errorf("Update of %s at revision %d to %d uses = %t, %v", rec.ID, tt.revision, tt.maxUses, ok, err)
		}
		same(t, load(t, s, rec.ID), tt.of)
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
	l, err := s.List(t.Context(), ring, "u1")
	if err != nil || len(l) != 1 || !l[0].RevokedAt.Equal(want.RevokedAt) {
		t.Errorf("List = %+v, %v; want the revoked record", l, err)
	}
}

func used(t *testing.T, s apikey.Store) {
	want := entry("aaaaaaaaaaa1", "u1")
	insert(t, s, want)
	for _, d := range []time.Duration{2 * time.Second, 5 * time.Second, 3 * time.Second} {
		if err := s.Used(t.Context(), want.ID, digest(9), after(d)); err != nil {
			t.Fatal(err)
		}
	}
	want.LastUsedAt = after(5 * time.Second)
	same(t, load(t, s, want.ID), want)
}

func inUse(t *testing.T, s apikey.Store) {
	want := entry("aaaaaaaaaaa1", "u1")
	want.Previous = []apikey.PreviousKey{{Digest: digest(7), Until: after(time.Hour)}}
	insert(t, s, want)
	want.LastUsedAt = after(5 * time.Second)
	for _, key := range []apikey.Digest{digest(7), digest(1), digest(7)} {
		// A use that is not the last one yet may be the first of its key.
		for _, d := range []time.Duration{5 * time.Second, 2 * time.Second} {
			if err := s.Used(t.Context(), want.ID, key, after(d)); err != nil {
				t.Fatal(err)
			}
		}
		want.InUse = want.InUse || key == want.Digest
		same(t, load(t, s, want.ID), want)
	}
}

func spend(t *testing.T, s apikey.Store) {
	want := entry("aaaaaaaaaaa1", "u1")
	want.MaxUses = 3
	other := entry("aaaaaaaaaaa2", "u1")
	other.MaxUses = 3
	insert(t, s, want, other)
	rec := load(t, s, want.ID).Record
	for i, d := range []time.Duration{3 * time.Second, 2 * time.Second, 4 * time.Second} {
		if ok, err := s.Spend(t.Context(), &rec, digest(1), after(d)); !ok || err != nil {
			t.Fatalf("Spend %d = %t, %v", i+1, ok, err)
		}
	}
	want.Uses, want.InUse, want.LastUsedAt = 3, true, after(4*time.Second)
	same(t, load(t, s, want.ID), want)
	if ok, err := s.Spend(t.Context(), &rec, digest(1), after(5*time.Second)); ok || err != nil {
		t.Errorf("Spend of a used-up entry = %t, %v", ok, err)
	}
	same(t, load(t, s, want.ID), want)
	if _, err := s.Revoke(t.Context(), other.ID, after(0)); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Spend(t.Context(), &other.Record, digest(1), after(0)); ok || err != nil {
		t.Errorf("Spend of a revoked entry = %t, %v", ok, err)
	}
	if got := load(t, s, other.ID); got.Uses != 0 || !got.LastUsedAt.IsZero() {
		t.Error("a revoked entry was used")
	}
}

func ids(list []apikey.Record) (ids []string) {
	for _, rec := range list {
		ids = append(ids, rec.ID)
	}
	return ids
}

func list(t *testing.T, s apikey.Store) {
	for i := range 6 {
		e := entry(fmt.Sprintf("aaaaaaaaaaa%d", i), "u1")
		e.CreatedAt = after(time.Duration([]int{3, 1, 4, 0, 2, 2}[i]) * time.Second)
		insert(t, s, e)
	}
	insert(t, s, entry("bbbbbbbbbbb1", "u2"), entry("bbbbbbbbbbb2", "u1 "), entry("bbbbbbbbbbb3", "U1"))
	want := []string{"aaaaaaaaaaa2", "aaaaaaaaaaa0", "aaaaaaaaaaa5", "aaaaaaaaaaa4", "aaaaaaaaaaa1", "aaaaaaaaaaa3"}
	l, err := s.List(t.Context(), ring, "u1")
	if got := ids(l); err != nil || !slices.Equal(got, want) {
		t.Errorf("List = %v, %v; want %v", got, err, want)
	}
}

// all returns the pages of limit records from a position on, in one list. between runs
// after each page.
func all(t *testing.T, s apikey.Store, limit int, between func()) []apikey.Record {
	t.Helper()
	return allOf(t, s, ring, limit, between)
}

func allOf(t *testing.T, s apikey.Store, ring string, limit int, between func()) (all []apikey.Record) {
	t.Helper()
	var at apikey.Position
	for range 100 {
		l, next, err := s.ListAll(t.Context(), ring, at, limit)
		if err != nil || len(l) > limit {
			t.Fatalf("ListAll(%v, %d) = %d records, %v", at, limit, len(l), err)
		}
		all = append(all, l...)
		if next == (apikey.Position{}) {
			return all
		}
		at = next
		between()
	}
	t.Fatal("ListAll does not end")
	return nil
}

func listAll(t *testing.T, s apikey.Store) {
	want := []string{}
	for i := range 13 {
		e := entry(fmt.Sprintf("aaaaaaaaaa%02d", i), fmt.Sprint("u", i%3))
		e.CreatedAt = after(time.Duration(i/4) * time.Millisecond) // groups of one time
		e.Metadata = map[string]string{"n": e.ID}
		if i == 5 {
			e.RevokedAt = after(0)
		}
		insert(t, s, e)
		want = append([]string{e.ID}, want...)
	}
	for _, limit := range []int{1, 2, 4, 13, 100} {
		l := all(t, s, limit, func() {})
		if got := ids(l); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v, want %v", limit, got, want)
		}
	}
	rec := all(t, s, 100, func() {})[13-1-5]
	if want := load(t, s, rec.ID).Record; !reflect.DeepEqual(rec, want) || rec.Metadata["n"] != rec.ID || rec.RevokedAt.IsZero() {
		t.Errorf("a record in the list is %+v, want %+v", rec, want)
	}
}

// listAllChanging: what is there all the time is on exactly one page, in order, though
// other entries come and go.
func listAllChanging(t *testing.T, s apikey.Store) {
	var want []string
	for i := range 20 {
		e := entry(fmt.Sprintf("aaaaaaaaaa%02d", i), "u1")
		e.CreatedAt = after(time.Duration(i) * time.Millisecond)
		if i%2 > 0 { // makes room below
			e.Subject, e.RevokedAt = "u2", after(time.Duration(i)*time.Millisecond)
		} else {
			want = append([]string{e.ID}, want...)
		}
		insert(t, s, e)
	}
	n := 0
	got := all(t, s, 3, func() {
		for range 2 {
			e := entry(fmt.Sprintf("bbbbbbbbbb%02d", n), "u2")
			e.CreatedAt = after(time.Duration(n%2*40-20) * time.Second)
			n++
			if n <= 10 {
				if ok, err := s.Insert(t.Context(), e, 10); !ok || err != nil {
					t.Fatal(ok, err)
				}
			}
		}
	})
	var remaining []string
	seen := map[string]bool{}
	for _, rec := range got {
		if seen[rec.ID] {
			t.Errorf("%s is on two pages", rec.ID)
		}
		if seen[rec.ID] = true; rec.Subject == "u1" {
			remaining = append(remaining, rec.ID)
		}
	}
	if !slices.Equal(remaining, want) {
		t.Errorf("ListAll = %v, want %v", remaining, want)
	}
}

// limited inserts where a subject has a maximum of 3.
func limited(t *testing.T, s apikey.Store, e apikey.Entry) error {
	t.Helper()
	ok, err := s.Insert(t.Context(), e, 3)
	if ok != (err == nil) {
		t.Fatalf("Insert(%s) = %t, %v", e.ID, ok, err)
	}
	return err
}

func maximum(t *testing.T, s apikey.Store) {
	expires, limitedUses := entry("aaaaaaaaaaa2", "u1"), entry("aaaaaaaaaaa3", "u1")
	expires.ExpiresAt = after(time.Hour)
	limitedUses.MaxUses = 2
	insert(t, s, entry("aaaaaaaaaaa1", "u1"), expires, limitedUses)
	for range 2 {
		if err := limited(t, s, entry("aaaaaaaaaaa4", "u1")); !errors.Is(err, apikey.ErrTooMany) {
			t.Errorf("Insert of a fourth valid entry: %v, want ErrTooMany", err)
		}
	}
	if ok, err := s.Insert(t.Context(), entry("aaaaaaaaaaa4", "u1"), 2); ok || !errors.Is(err, apikey.ErrTooMany) {
		t.Errorf("Insert above a lower maximum = %t, %v, want ErrTooMany", ok, err)
	}
	other := entry("aaaaaaaaaaa1", "u1")
	other.Digest = digest(9)
	if ok, err := s.Insert(t.Context(), other, 4); ok || err != nil {
		t.Errorf("Insert of a taken id = %t, %v", ok, err)
	}
	for _, e := range []apikey.Entry{entry("bbbbbbbbbbb1", "u2"), entry("bbbbbbbbbbb2", "u1 ")} {
		if err := limited(t, s, e); err != nil {
			t.Errorf("Insert of another subject: %v", err)
		}
	}
	if _, found, err := s.Load(t.Context(), "aaaaaaaaaaa4"); found || err != nil {
		t.Errorf("Load of a refused entry = %t, %v", found, err)
	}
	for _, e := range []apikey.Entry{entry("aaaaaaaaaaa1", "u1"), expires, limitedUses} {
		same(t, load(t, s, e.ID), e)
	}
	if l := all(t, s, 100, func() {}); len(l) != 5 {
		t.Errorf("%d entries in all, want 5", len(l))
	}
}

// makesRoom: entries that have ended make room, the one that ended first first.
func makesRoom(t *testing.T, s apikey.Store) {
	expired, revoked, usedUp := entry("aaaaaaaaaaa1", "u1"), entry("aaaaaaaaaaa2", "u1"), entry("aaaaaaaaaaa3", "u1")
	expired.ExpiresAt = after(-3 * time.Hour)
	usedUp.MaxUses = 1
	insert(t, s, expired, revoked, usedUp, entry("bbbbbbbbbbb1", "u2"))
	if ok, err := s.Spend(t.Context(), &usedUp.Record, digest(1), after(-2*time.Hour)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := s.Revoke(t.Context(), revoked.ID, after(-time.Hour)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for i, left := range [][]string{
		{"aaaaaaaaaaa2", "aaaaaaaaaaa3", "aaaaaaaaaab0"},
		{"aaaaaaaaaaa2", "aaaaaaaaaab0", "aaaaaaaaaab1"},
		{"aaaaaaaaaab0", "aaaaaaaaaab1", "aaaaaaaaaab2"},
	} {
		e := entry(fmt.Sprint("aaaaaaaaaab", i), "u1")
		if i == 1 {
			e.ExpiresAt = after(time.Hour) // is updated to end later than the others
		}
		if err := limited(t, s, e); err != nil {
			t.Fatalf("Insert %d: %v", i, err)
		}
		l, err := s.List(t.Context(), ring, "u1")
		got := ids(l)
		slices.Sort(got)
		if err != nil || !slices.Equal(got, left) {
			t.Errorf("after %d more: %v, %v; want %v", i+1, got, err, left)
		}
		if everyone := ids(all(t, s, 2, func() {})); len(everyone) != 4 {
			t.Errorf("after %d more, ListAll = %v, want 4", i+1, everyone)
		}
	}
	if _, found, err := s.Load(t.Context(), expired.ID); found || err != nil {
		t.Errorf("Load of an entry that made room = %t, %v", found, err)
	}
	if err := limited(t, s, entry("aaaaaaaaaab9", "u1")); !errors.Is(err, apikey.ErrTooMany) {
		t.Errorf("Insert where all are valid: %v, want ErrTooMany", err)
	}
	// An update moves the end of an entry.
	rec := load(t, s, "aaaaaaaaaab1").Record
	rec.ExpiresAt = after(-time.Minute)
	if ok, err := s.Update(t.Context(), rec, 0); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := limited(t, s, entry("aaaaaaaaaab9", "u1")); err != nil {
		t.Errorf("Insert after an entry was updated to have ended: %v", err)
	}
	if _, found, err := s.Load(t.Context(), rec.ID); found || err != nil {
		t.Errorf("Load of an entry that was updated to have ended = %t, %v", found, err)
	}
	load(t, s, "bbbbbbbbbbb1")
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
	if _, err := s.Rotate(t.Context(), e.ID, apikey.Rotation{From: digest(1), To: digest(2), At: after(0)}); err != nil {
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
		e.Digest = digest(byte(i))
		return s.Insert(t.Context(), e, most)
	})
	if won != 1 {
		t.Errorf("%d inserts of one id won", won)
	}
}

func raceRotate(t *testing.T, s apikey.Store) {
	insert(t, s, entry("aaaaaaaaaaa1", "u1"))
	won := parallel(t, 16, func(i int) (bool, error) {
		return s.Rotate(t.Context(), "aaaaaaaaaaa1", apikey.Rotation{
			From: digest(1), To: digest(byte(i + 2)), Last4: fmt.Sprintf("%04d", i), At: after(time.Second),
			Previous: []apikey.PreviousKey{{Digest: digest(1), Until: after(time.Duration(i+1) * time.Minute)}},
		})
	})
	if won != 1 {
		t.Errorf("%d rotations of one key won", won)
	}
	e := load(t, s, "aaaaaaaaaaa1")
	if e.Last4 != fmt.Sprintf("%04d", e.Digest[0]-2) || len(e.Previous) != 1 || !e.Previous[0].Until.Equal(after(time.Duration(e.Digest[0]-1)*time.Minute)) {
		t.Error("the entry is a mix of two rotations")
	}
}

// raceMaximum: of many inserts at once, as many win as there is room for. Entries that have
// ended make room.
func raceMaximum(t *testing.T, s apikey.Store) {
	for i := range 4 {
		id := fmt.Sprintf("bbbbbbbbbb%02d", i)
		insert(t, s, entry(id, "u1"))
		if _, err := s.Revoke(t.Context(), id, after(0)); err != nil {
			t.Fatal(err)
		}
	}
	var refused atomic.Int32
	won := parallel(t, 16, func(i int) (bool, error) {
		ok, err := s.Insert(t.Context(), entry(fmt.Sprintf("aaaaaaaaaa%02d", i), "u1"), 5)
		if errors.Is(err, apikey.ErrTooMany) {
			refused.Add(1)
			err = nil
		}
		return ok, err
	})
	l, err := s.List(t.Context(), ring, "u1")
	if won != 5 || refused.Load() != 11 || len(l) != 5 || err != nil {
		t.Errorf("%d inserts won, %d were refused, %d entries, %v; want 5, 11 and 5", won, refused.Load(), len(l), err)
	}
}

func raceUpdate(t *testing.T, s apikey.Store) {
	e := entry("aaaaaaaaaaa1", "u1")
	insert(t, s, e)
	won := parallel(t, 16, func(i int) (bool, error) {
		rec := e.Record
		rec.Name, rec.MaxUses = fmt.Sprint(i), int64(i+1)
		return s.Update(t.Context(), rec, 0)
	})
	if got := load(t, s, e.ID); won != 1 || got.Revision != 1 || got.Name != fmt.Sprint(got.MaxUses-1) {
		t.Errorf("%d updates of one revision won: %+v", won, got)
	}
}

// raceSpend: of many requests at once, as many are granted as there are uses. A
// rotation and an update meanwhile lose none.
func raceSpend(t *testing.T, s apikey.Store) {
	const uses, calls = 20, 48
	e := entry("aaaaaaaaaaa1", "u1")
	e.MaxUses = uses
	insert(t, s, e)
	won := parallel(t, calls+2, func(i int) (bool, error) {
		switch i {
		case calls / 2:
			_, err := s.Rotate(t.Context(), e.ID, apikey.Rotation{From: digest(1), To: digest(2), Last4: "2222", At: after(0)})
			return false, err
		case calls / 3:
			rec := e.Record
			rec.Name = "new"
			_, err := s.Update(t.Context(), rec, 0)
			return false, err
		}
		return s.Spend(t.Context(), &e.Record, digest(1), after(time.Duration(i)*time.Millisecond))
	})
	if got := load(t, s, e.ID); won != uses || got.Uses != uses {
		t.Errorf("%d uses were granted and %d counted, want %d", won, got.Uses, uses)
	}
}

func revokeBeforeRotate(t *testing.T, s apikey.Store) {
	insert(t, s, entry("aaaaaaaaaaa1", "u1"))
	if _, err := s.Revoke(t.Context(), "aaaaaaaaaaa1", after(0)); err != nil {
		t.Fatal(err)
	}
	ok, err := s.Rotate(t.Context(), "aaaaaaaaaaa1", apikey.Rotation{From: digest(1), To: digest(2), At: after(0)})
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
		l, err := s.List(t.Context(), ring, sub)
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
	if ok, err := s.Spend(ctx, &apikey.Record{ID: "aaaaaaaaaaa1", Ring: ring, Subject: "u1", CreatedAt: after(0)}, digest(1), after(0)); !ok && err == nil {
		t.Error("Spend under a cancelled context found nothing, without an error")
	}
	if found, err := s.Revoke(ctx, "aaaaaaaaaaa1", after(0)); !found && err == nil {
		t.Error("Revoke under a cancelled context found nothing, without an error")
	}
	if _, err := s.List(ctx, ring, "u1"); err == nil {
		if l, _ := s.List(ctx, ring, "u1"); len(l) != 1 {
			t.Error("List under a cancelled context found nothing, without an error")
		}
	}
}
