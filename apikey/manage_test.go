package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	third := rotate(time.Hour)
	fourth := rotate(time.Hour)
	check("rotated twice", map[string]int{first: 401, second: 401, third: 200, fourth: 200})
	fifth := rotate(0)
	check("without overlap", map[string]int{third: 401, fourth: 401, fifth: 200})
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
	if _, _, err := ring.Rotate(t.Context(), rec.ID, -1); err == nil {
		t.Error("a negative overlap is no error")
	}
	expired, erec := issue(t, ring, apikey.Grant{ExpiresAt: c.Time.Add(time.Second)})
	c.Advance(time.Minute)
	if _, found, err := ring.Rotate(t.Context(), erec.ID, time.Hour); found || err != nil {
		t.Errorf("Rotate of an expired key = %t, %v", found, err)
	}
	check("expired", map[string]int{expired: 401})
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

// TestActionsAreDecisions: Issue, Rotate and Revoke report once, with the record's
// subject, and an error of theirs is not reported again. What was not there is not
// reported.
func TestActionsAreDecisions(t *testing.T) {
	memory := guard.Must(apikey.NewMemory(nil))
	ring, _ := newRing(t, apikey.RingOptions{Store: memory})
	_, rec := issue(t, ring, apikey.Grant{Subject: "alice"})
	down, _ := newRing(t, apikey.RingOptions{Store: failing{}})
	losing, _ := newRing(t, apikey.RingOptions{Store: stubborn{memory}})
	issuing := func(r *apikey.Ring, g apikey.Grant) func(context.Context) error {
		return func(ctx context.Context) error { _, _, err := r.Issue(ctx, g); return err }
	}
	rotating := func(r *apikey.Ring, id string) func(context.Context) error {
		return func(ctx context.Context) error { _, _, err := r.Rotate(ctx, id, 0); return err }
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
		{"Issue of a mistake", issuing(ring, apikey.Grant{Subject: "alice", Scopes: []string{}}), "issue failed 500 alice"},
		{"Rotate", rotating(ring, rec.ID), "rotate allowed 0 alice"},
		{"Rotate that loses", rotating(losing, rec.ID), "rotate failed 503 alice"},
		{"Rotate of nothing", rotating(ring, "zzzzzzzzzzzz"), ""},
		{"Rotate without a store", rotating(down, rec.ID), "rotate failed 503 "},
		{"Revoke", revoking(ring, rec.ID), "revoke allowed 0 alice"},
		{"Rotate of a revoked key", rotating(ring, rec.ID), ""},
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

// TestRevokeLoadsNothingUnobserved: the subject is only for Observe.
func TestRevokeLoadsNothingUnobserved(t *testing.T) {
	store := &counting{Store: guard.Must(apikey.NewMemory(nil))}
	ring, _ := newRing(t, apikey.RingOptions{Store: store})
	_, rec := issue(t, ring, apikey.Grant{})
	if found, err := ring.Revoke(t.Context(), rec.ID); !found || err != nil || store.loads != 0 {
		t.Errorf("found %t, %v, %d loads", found, err, store.loads)
	}
}

func TestStoreFailures(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Store: failing{}})
	_, _, err1 := ring.Issue(t.Context(), apikey.Grant{Subject: "1"})
	_, _, err2 := ring.Rotate(t.Context(), "x", 0)
	_, err3 := ring.Revoke(t.Context(), "x")
	_, err4 := ring.List(t.Context(), "1")
	_, _, err5 := ring.Load(t.Context(), "x")
	for i, err := range []error{err1, err2, err3, err4, err5} {
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
