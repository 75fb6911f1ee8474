package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/harness"
)

func TestRotate(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	first, rec := issue(t, ring, apikey.Grant{Scopes: []string{"a"}, ExpiresAt: c.Time.Add(24 * time.Hour)})
	rotate := func(overlap time.Duration) string {
		t.Helper()
		k, found, err := ring.Rotate(t.Context(), rec.ID, overlap)
		if err != nil || !found {
			t.Fatalf("Rotate = %t, %v", found, err)
		}
		return k.Reveal()
	}
	check := func(when string, want map[string]int) {
		t.Helper()
		for key, status := range want {
			if got, _, _ := answer(t, ring, request("X-API-Key", key)); got != status {
				t.Errorf("%s: %s…: %d, want %d", when, key[:30], got, status)
			}
		}
	}
	second := rotate(time.Hour)
	check("in the overlap", map[string]int{first: 200, second: 200})
	c.Advance(time.Hour)
	check("after the overlap", map[string]int{first: 401, second: 200})
	third := rotate(time.Hour) // second was used
	check("rotated twice", map[string]int{first: 401, second: 200, third: 200})
	fourth := rotate(time.Hour)
	check("rotated three times", map[string]int{second: 200, third: 200, fourth: 200})
	fifth := rotate(0)
	check("without overlap", map[string]int{second: 401, third: 401, fourth: 401, fifth: 200})
	got, found, err := ring.Load(t.Context(), rec.ID)
	if err != nil || !found || got.Subject != "1" || !slices.Equal(got.Scopes, []string{"a"}) || got.Last4 != fifth[len(fifth)-4:] || !got.RotatedAt.Equal(c.Time) {
		t.Errorf("the record is %+v", got)
	}
	sixth := rotate(time.Hour)
	if found, err := ring.Revoke(t.Context(), rec.ID); !found || err != nil {
		t.Fatal(found, err)
	}
	check("revoked", map[string]int{fifth: 401, sixth: 401})
	if _, found, err := ring.Rotate(t.Context(), rec.ID, 0); found || err != nil {
		t.Errorf("Rotate of a revoked key = %t, %v", found, err)
	}
	if _, found, err := ring.Rotate(t.Context(), "zzzzzzzzzzzz", 0); found || err != nil {
		t.Errorf("Rotate of none = %t, %v", found, err)
	}
	if _, _, err := ring.Rotate(t.Context(), rec.ID, -1); statusOf(err) != 422 || !strings.Contains(err.Error(), "overlap is negative") {
		t.Errorf("a negative overlap: %v", err)
	}
	expired, erec := issue(t, ring, apikey.Grant{ExpiresAt: c.Time.Add(time.Second)})
	c.Advance(time.Minute)
	if _, found, err := ring.Rotate(t.Context(), erec.ID, time.Hour); found || err != nil {
		t.Errorf("Rotate of an expired key = %t, %v", found, err)
	}
	check("expired", map[string]int{expired: 401})
}

// TestRotateAfterALostAnswer: a program that repeats a rotation keeps the key that clients hold,
// for the overlap from then on. The keys of the lost answers are invalid.
func TestRotateAfterALostAnswer(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	held, rec := issue(t, ring, apikey.Grant{})
	rotate := func(overlap time.Duration) string {
		t.Helper()
		k, found, err := ring.Rotate(t.Context(), rec.ID, overlap)
		if !found || err != nil {
			t.Fatal(found, err)
		}
		return k.Reveal()
	}
	check := func(when string, key string, want int) {
		t.Helper()
		if got, _, _ := answer(t, ring, request("X-API-Key", key)); got != want {
			t.Errorf("%s: %d, want %d", when, got, want)
		}
	}
	lost := []string{rotate(time.Hour)}
	for range 5 {
		c.Advance(10 * time.Minute)
		lost = append(lost, rotate(time.Hour))
	}
	received := rotate(time.Minute) // does not shorten the overlap
	for _, key := range lost {
		check("a lost key", key, 401)
	}
	check("the new key", received, 200)
	check("the held key", held, 200)
	c.Advance(time.Hour - time.Millisecond)
	check("the held key before its end", held, 200)
	c.Advance(time.Millisecond)
	check("the held key after the overlap", held, 401)
	check("the new key", received, 200)

	// A rotation on purpose within the overlap: clients hold both keys.
	second := rotate(3 * time.Hour)
	check("second", second, 200)
	third := rotate(2 * time.Hour)
	check("first of two", received, 200)
	check("second of two", second, 200)
	check("third", third, 200)
	fourth := rotate(time.Hour) // a third previous key: the one that ends first goes
	check("first of three", received, 200)
	check("second of three", second, 200)
	check("third of three", third, 401)
	// A key that leaked is rotated without an overlap, and no earlier one survives.
	fifth := rotate(0)
	for _, key := range []string{received, second, third, fourth} {
		check("after a rotation without an overlap", key, 401)
	}
	check("fifth", fifth, 200)
	// A key that was never used gets its overlap, too, where there is no earlier one.
	unused := rotate(0)
	rotate(time.Hour)
	check("unused", unused, 200)
}

// TestUpdate: what change sets is stored, for requests and in lists.
func TestUpdate(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	key, rec := issue(t, ring, apikey.Grant{Name: "old", Scopes: []string{"a", "b"}, Metadata: map[string]string{"team": "x"}})
	updated, found, err := ring.Update(t.Context(), rec.ID, func(g *apikey.Grant) error {
		if g.Subject != "1" || g.Name != "old" || len(g.Scopes) != 2 || g.Metadata["team"] != "x" {
			t.Errorf("change received %+v", g)
		}
		g.Name, g.Scopes, g.ExpiresAt = "new", g.Scopes[:1], c.Add(time.Hour)
		g.Networks = []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.1/120")}
		g.Metadata["team"] = "y"
		return nil
	})
	if !found || err != nil {
		t.Fatal(found, err)
	}
	want := *rec
	want.Name, want.Scopes, want.ExpiresAt, want.Metadata = "new", []string{"a"}, c.Add(time.Hour), map[string]string{"team": "y"}
	want.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	loaded, _, _ := ring.Load(t.Context(), rec.ID)
	for _, got := range []*apikey.Record{updated, loaded} {
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("the record is %+v, want %+v", *got, want)
		}
	}
	if rec.Name != "old" || rec.Metadata["team"] != "x" {
		t.Error("a record that a request holds was changed")
	}
	if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 200 { // from 192.0.2.1
		t.Errorf("status %d", status)
	}
	c.Advance(time.Hour)
	if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 401 {
		t.Errorf("status %d after the new expiry", status)
	}
	change := func(*apikey.Grant) error { t.Error("change was called"); return nil }
	for _, id := range []string{rec.ID, "zzzzzzzzzzzz"} { // expired, unknown
		if _, found, err := ring.Update(t.Context(), id, change); found || err != nil {
			t.Errorf("Update = %t, %v", found, err)
		}
	}
	if _, _, err := ring.Update(t.Context(), rec.ID, nil); err == nil {
		t.Error("a nil change")
	}
}

// TestUpdateErrors: mistakes name their fields, and a form that lacks one does not
// remove a limit.
func TestUpdateErrors(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	network := netip.MustParsePrefix("192.0.2.0/24")
	key, rec := issue(t, ring, apikey.Grant{Scopes: []string{"a"}, Networks: []netip.Prefix{network}, NotBefore: c.Add(-time.Minute), ExpiresAt: c.Add(time.Hour), MaxUses: 2})
	answer(t, ring, request("X-API-Key", key))
	before, _, _ := ring.Load(t.Context(), rec.ID)
	for want, edit := range map[string]func(*apikey.Grant){
		"subject":              func(g *apikey.Grant) { g.Subject = "2" },
		"name":                 func(g *apikey.Grant) { g.Name = strings.Repeat("n", 201) },
		"scopes":               func(g *apikey.Grant) { g.Scopes = nil },
		"networks":             func(g *apikey.Grant) { g.Networks = nil },
		"not_before":           func(g *apikey.Grant) { g.NotBefore = time.Time{} },
		"expires_at":           func(g *apikey.Grant) { g.ExpiresAt = time.Time{} },
		"max_uses":             func(g *apikey.Grant) { g.MaxUses = 0 },
		"max_uses is 1":        func(g *apikey.Grant) { g.MaxUses = 1 },
		"scopes is an empty":   func(g *apikey.Grant) { g.Scopes = g.Scopes[:0] },
		"expires_at is in the": func(g *apikey.Grant) { g.ExpiresAt = c.Time },
	} {
		_, found, err := ring.Update(t.Context(), rec.ID, func(g *apikey.Grant) error { edit(g); return nil })
		list, _ := errors.AsType[apikey.FieldErrors](err)
		if found || statusOf(err) != 422 || len(list) != 1 || !strings.HasPrefix(list[0].Field+" "+list[0].Problem, want) {
			t.Errorf("%s: %t, %v", want, found, err)
		}
	}
	taken := errors.New("taken")
	refusal := &guard.Error{Status: 409, Message: "That name is taken", Err: taken} // a rule of the application
	if _, found, err := ring.Update(t.Context(), rec.ID, func(g *apikey.Grant) error { g.Name = "n"; return refusal }); found || !errors.Is(err, taken) || statusOf(err) != 409 {
		t.Errorf("an error of change: %t, %v", found, err)
	}
	if after, _, _ := ring.Load(t.Context(), rec.ID); !reflect.DeepEqual(after, before) {
		t.Errorf("the record is %+v, was %+v", after, before)
	}
}

// racing runs f before an Update of the store.
type racing struct {
	apikey.Store
	f func()
}

func (r *racing) Update(ctx context.Context, rec apikey.Record, revision int64) (bool, error) {
	if f := r.f; f != nil {
		r.f = nil
		f()
	}
	return r.Store.Update(ctx, rec, revision)
}

// TestUpdateMeetsOthers: of two updates at once none is lost, a revoked key stays
// revoked, and a key that was used up meanwhile stays so.
func TestUpdateMeetsOthers(t *testing.T) {
	store := &racing{Store: guard.Must(apikey.NewMemory(nil))}
	ring, _ := newRing(t, apikey.RingOptions{Store: store})
	key, rec := issue(t, ring, apikey.Grant{Name: "a", MaxUses: 1})
	rename := func(g *apikey.Grant) error { g.Name += "b"; return nil }
	store.f = func() {
		if _, found, err := ring.Update(t.Context(), rec.ID, func(g *apikey.Grant) error { g.Name += "c"; g.MaxUses = 2; return nil }); !found || err != nil {
			t.Error(found, err)
		}
	}
	got, found, err := ring.Update(t.Context(), rec.ID, rename)
	if !found || err != nil || got.Name != "acb" || got.MaxUses != 2 {
		t.Errorf("%+v, %t, %v", got, found, err)
	}
	answer(t, ring, request("X-API-Key", key))
	store.f = func() { answer(t, ring, request("X-API-Key", key)) }
	if _, found, err := ring.Update(t.Context(), rec.ID, func(g *apikey.Grant) error { g.MaxUses = 9; return nil }); found || err != nil {
		t.Errorf("Update of a key that is used up meanwhile = %t, %v", found, err)
	}
	_, rec = issue(t, ring, apikey.Grant{})
	store.f = func() { _, _ = ring.Revoke(t.Context(), rec.ID) }
	if _, found, err := ring.Update(t.Context(), rec.ID, rename); found || err != nil {
		t.Errorf("Update of a key that is revoked meanwhile = %t, %v", found, err)
	}
}

// TestUpdateRevivesNoKey: a key that expires while change runs has ended.
func TestUpdateRevivesNoKey(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	key, rec := issue(t, ring, apikey.Grant{ExpiresAt: c.Add(time.Minute)})
	_, found, err := ring.Update(t.Context(), rec.ID, func(g *apikey.Grant) error {
		c.Advance(time.Minute)
		g.ExpiresAt = c.Add(time.Hour)
		return nil
	})
	if status, _, _ := answer(t, ring, request("X-API-Key", key)); found || err != nil || status != 401 {
		t.Errorf("Update = %t, %v; then status %d", found, err, status)
	}
}

// TestNilEntry: a store that answers found without an entry fails, in every method that
// loads one.
func TestNilEntry(t *testing.T) {
	store := &counting{Store: guard.Must(apikey.NewMemory(nil))}
	ring, _ := newRing(t, apikey.RingOptions{Store: store})
	key, rec := issue(t, ring, apikey.Grant{})
	store.nilEntry = true
	for name, f := range map[string]func() (bool, error){
		"Load":   func() (bool, error) { _, found, err := ring.Load(t.Context(), rec.ID); return found, err },
		"Verify": func() (bool, error) { _, found, err := ring.Verify(t.Context(), key); return found, err },
		"Rotate": func() (bool, error) { _, found, err := ring.Rotate(t.Context(), rec.ID, 0); return found, err },
		"Update": func() (bool, error) {
			_, found, err := ring.Update(t.Context(), rec.ID, func(*apikey.Grant) error { return nil })
			return found, err
		},
	} {
		if found, err := f(); found || err == nil || !strings.Contains(err.Error(), "nil entry") {
			t.Errorf("%s = %t, %v", name, found, err)
		}
	}
}

// TestListAll: an administrator reads the keys of all subjects in pages.
func TestListAll(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	var want, got []string
	for i := range 25 {
		_, rec := issue(t, ring, apikey.Grant{Subject: fmt.Sprint(i % 7)})
		want = append(want, rec.ID)
		c.Advance(time.Millisecond)
	}
	slices.Reverse(want)
	cursor, pages := "", 0
	for more := true; more; pages++ {
		list, next, err := ring.ListAll(t.Context(), cursor, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range list {
			got = append(got, rec.ID)
		}
		issue(t, ring, apikey.Grant{}) // is on no page
		c.Advance(time.Millisecond)
		cursor, more = next, next != ""
	}
	if pages != 3 || !slices.Equal(got, want) {
		t.Errorf("%d pages: %v, want %v", pages, got, want)
	}
	for _, bad := range []string{"x", "-", "1", "1-", "1-abc", "-1-aaaaaaaaaaaa", "1-aaaaaaaaaaa{", "99999999999999999999-aaaaaaaaaaaa", "9999999999999999-aaaaaaaaaaaa", "1-aaaaaaaaaaaaa"} {
		if _, _, err := ring.ListAll(t.Context(), bad, 10); statusOf(err) != 422 || !strings.Contains(err.Error(), "cursor is malformed") {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
	for _, limit := range []int{-1, 0, 1001} {
		if _, _, err := ring.ListAll(t.Context(), "", limit); statusOf(err) != 422 || !strings.Contains(err.Error(), fmt.Sprint("limit is ", limit)) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func TestList(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	for _, name := range []string{"old", "new"} {
		issue(t, ring, apikey.Grant{Name: name})
		c.Advance(time.Second)
	}
	issue(t, ring, apikey.Grant{Subject: "2"})
	list, err := ring.List(t.Context(), "1")
	if err != nil || len(list) != 2 || list[0].Name != "new" || list[1].Name != "old" {
		t.Errorf("List = %+v, %v", list, err)
	}
	if _, found, err := ring.Load(t.Context(), "zzzzzzzzzzzz"); found || err != nil {
		t.Errorf("Load = %t, %v", found, err)
	}
}

// TestActionsAreDecisions: Issue, Rotate, Update and Revoke report once, with the record's
// subject, and an error of theirs is not reported again. What was not there is not
// reported.
func TestActionsAreDecisions(t *testing.T) {
	memory := guard.Must(apikey.NewMemory(nil))
	ring, _ := newRing(t, apikey.RingOptions{Store: memory})
	_, rec := issue(t, ring, apikey.Grant{Subject: "alice"})
	down, _ := newRing(t, apikey.RingOptions{Store: failing{}})
	losing, _ := newRing(t, apikey.RingOptions{Store: stubborn{memory}})
	readOnly, _ := newRing(t, apikey.RingOptions{Store: unwritable{memory}})
	single, _ := newRing(t, apikey.RingOptions{Store: memory, MaxPerSubject: 1})
	issuing := func(r *apikey.Ring, g apikey.Grant) func(context.Context) error {
		return func(ctx context.Context) error { _, _, err := r.Issue(ctx, g); return err }
	}
	rotating := func(r *apikey.Ring, id string) func(context.Context) error {
		return func(ctx context.Context) error { _, _, err := r.Rotate(ctx, id, 0); return err }
	}
	updating := func(r *apikey.Ring, id, name string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := r.Update(ctx, id, func(g *apikey.Grant) error { g.Name = name; return nil })
			return err
		}
	}
	revoking := func(r *apikey.Ring, id string) func(context.Context) error {
		return func(ctx context.Context) error { _, err := r.Revoke(ctx, id); return err }
	}
	for _, tt := range []struct {
		name string
		do   func(context.Context) error
		want string // action, outcome, status and subject
	}{
		{"Issue", issuing(ring, apikey.Grant{Subject: "alice"}), "issue allowed 0 alice"},
		{"Issue without a store", issuing(down, apikey.Grant{Subject: "alice"}), "issue failed 503 alice"},
		{"Issue of a mistake", issuing(ring, apikey.Grant{Subject: "alice", Scopes: []string{}}), "issue refused 422 alice"},
		{"Issue of one too many", issuing(single, apikey.Grant{Subject: "alice"}), "issue refused 409 alice"},
		{"Rotate", rotating(ring, rec.ID), "rotate allowed 0 alice"},
		{"Rotate that loses", rotating(losing, rec.ID), "rotate failed 503 alice"},
		{"Rotate of nothing", rotating(ring, "zzzzzzzzzzzz"), ""},
		{"Rotate without a store", rotating(down, rec.ID), "rotate failed 503 "},
		{"Rotate with a mistake", func(ctx context.Context) error { _, _, err := ring.Rotate(ctx, rec.ID, -1); return err }, "rotate refused 422 "},
		{"Update", updating(ring, rec.ID, "n"), "update allowed 0 alice"},
		{"Update with a mistake", updating(ring, rec.ID, "\xff"), "update refused 422 alice"},
		{"Update that loses", updating(losing, rec.ID, "n"), "update failed 503 alice"},
		{"Update of nothing", updating(ring, "zzzzzzzzzzzz", "n"), ""},
		{"Update without a store", updating(down, rec.ID, "n"), "update failed 503 "},
		{"Revoke that the store does not write", revoking(readOnly, rec.ID), "revoke failed 503 alice"},
		{"Revoke", revoking(ring, rec.ID), "revoke allowed 0 alice"},
		{"Rotate of a revoked key", rotating(ring, rec.ID), ""},
		{"Update of a revoked key", updating(ring, rec.ID, "n"), ""},
		{"Revoke of nothing", revoking(ring, "zzzzzzzzzzzz"), ""},
		{"Revoke without a store", revoking(down, rec.ID), "revoke failed 503 "},
	} {
		var seen []string
		observe := guard.Observe(func(_ *http.Request, d guard.Decision) {
			seen = append(seen, fmt.Sprintf("%s %s %d %s", d.Action, d.Outcome, d.Status, d.Subject))
			if d.Package != "apikey" {
				t.Errorf("%s: a decision of %s", tt.name, d.Package)
			}
		})
		harness.Serve(t, observe, func(w http.ResponseWriter, r *http.Request) {
			if err := tt.do(r.Context()); err != nil {
				guard.Refuse(w, r, err)
			}
		}, request())
		if got := strings.Join(seen, "|"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestStoreFailures(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Store: failing{}})
	_, _, err1 := ring.Issue(t.Context(), apikey.Grant{Subject: "1"})
	_, _, err2 := ring.Rotate(t.Context(), "zzzzzzzzzzzz", 0)
	_, err3 := ring.Revoke(t.Context(), "zzzzzzzzzzzz")
	_, err4 := ring.List(t.Context(), "1")
	_, _, err5 := ring.Load(t.Context(), "zzzzzzzzzzzz")
	_, _, err6 := ring.ListAll(t.Context(), "", 1)
	_, _, err7 := ring.Update(t.Context(), "zzzzzzzzzzzz", func(*apikey.Grant) error { return nil })
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7} {
		if statusOf(err) != 503 || !errors.Is(err, errDown) {
			t.Errorf("%d: %v", i+1, err)
		}
	}
	m := guard.Must(apikey.NewMemory(nil))
	good, _ := newRing(t, apikey.RingOptions{Store: m})
	_, rec := issue(t, good, apikey.Grant{})
	bad, _ := newRing(t, apikey.RingOptions{Store: stubborn{m}})
	if _, _, err := bad.Issue(t.Context(), apikey.Grant{Subject: "1"}); err == nil {
		t.Error("an issue that never succeeds succeeded")
	}
	if _, found, err := bad.Rotate(t.Context(), rec.ID, 0); found || statusOf(err) != 503 {
		t.Errorf("a rotation that never succeeds: %t, %v", found, err)
	}
}

// An ID comes from a URL: one that no ring makes is unknown, and no failure of a store whose
// database fails on a text that is none.
func TestManageIDs(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Store: failing{}})
	for _, id := range []string{"", "\x00", "\xff", "abcdefghijk", "abcdefghijkl3", "abcdefghijk\x00", "abcdefghij\xc3\xa9"} {
		_, found, err := ring.Load(t.Context(), id)
		_, rotated, err2 := ring.Rotate(t.Context(), id, 0)
		_, updated, err3 := ring.Update(t.Context(), id, func(*apikey.Grant) error { return nil })
		revoked, err4 := ring.Revoke(t.Context(), id)
		if err := errors.Join(err, err2, err3, err4); err != nil || found || rotated || updated || revoked {
			t.Errorf("%q: %t, %t, %t, %t, %v", id, found, rotated, updated, revoked, err)
		}
	}
}
