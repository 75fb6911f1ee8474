package apikey_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// clock is a clock that stands still until it is set.
type clock struct{ t time.Time }

func newClock() *clock { return &clock{time.UnixMilli(1_700_000_000_000).UTC()} }

func (c *clock) now() time.Time { return c.t }

func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }

func newRing(t *testing.T, opts apikey.RingOptions) (*apikey.Ring, *clock) {
	t.Helper()
	c := newClock()
	if opts.Now == nil {
		opts.Now = c.now
	}
	ring, err := apikey.NewRing(&opts)
	if err != nil {
		t.Fatal(err)
	}
	return ring, c
}

func issue(t *testing.T, ring *apikey.Ring, g apikey.Grant) (key string, rec *apikey.Record) {
	t.Helper()
	if g.Subject == "" {
		g.Subject = "1"
	}
	k, rec, err := ring.Issue(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return k.Reveal(), rec
}

// answer is the status and message that a key gets, and the private reason.
func answer(ring *apikey.Ring, r *http.Request) (status int, message, reason string) {
	h := guard.Chain(guard.Observe(func(_ context.Context, d guard.Decision) { reason = d.Reason }), ring.Wrap)
	w, _ := serve(h, r)
	var body struct{ Message string }
	_ = json.Unmarshal(w.Body.Bytes(), &body)
	return w.Code, body.Message, reason
}

func TestFormat(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Prefix: "acme", Env: "test2"})
	all := regexp.MustCompile(apikey.Pattern)
	own := regexp.MustCompile(ring.Pattern())
	seen := map[string]bool{}
	for range 200 {
		key, rec := issue(t, ring, apikey.Grant{})
		text := "leaked \"" + key + "\" in a file"
		if all.FindString(text) != key || own.FindString(text) != key {
			t.Fatalf("%s is not found by a pattern", key)
		}
		if !strings.HasPrefix(key, "acme_test2_"+rec.ID+"_") || rec.Last4 != key[len(key)-4:] || seen[rec.ID] {
			t.Fatalf("%s: record %+v", key, rec)
		}
		seen[rec.ID] = true
	}
	if own.MatchString("acme_test_" + strings.Repeat("a", 12) + "_" + strings.Repeat("a", 38)) {
		t.Error("the ring's pattern finds another ring's keys")
	}
}

// counting is a store that counts loads, and fails on demand.
type counting struct {
	apikey.Store
	loads    int
	err      error
	nilEntry bool
}

// What has the wrong shape costs no round trip, and every key that is not good
// gets the same answer.
func TestRefusals(t *testing.T) {
	store := &counting{Store: apikey.NewMemory(nil)}
	ring, _ := newRing(t, apikey.RingOptions{Store: store})
	key, rec := issue(t, ring, apikey.Grant{})
	other, _ := issue(t, ring, apikey.Grant{Subject: "2"})
	revoked, rrec := issue(t, ring, apikey.Grant{})
	if found, err := ring.Revoke(t.Context(), rrec.ID); !found || err != nil {
		t.Fatal(found, err)
	}
	swap := func(i int, c byte) string {
		b := []byte(key)
		if b[i] == c {
			c++
		}
		b[i] = c
		return string(b)
	}
	elsewhere, _ := newRing(t, apikey.RingOptions{})
	unknown, _ := issue(t, elsewhere, apikey.Grant{})
	wrong := apikey.ForgeKey(rec.ID)
	n := len(key)
	tests := []struct {
		name, key string
		loads     int
		reason    string
	}{
		{"typing error in the secret", swap(n-20, 'x'), 0, "malformed"},
		{"typing error in the id", swap(10, 'x'), 0, "malformed"},
		{"typing error in the checksum", swap(n-1, 'x'), 0, "malformed"},
		{"too short", key[:n-1], 0, "malformed"},
		{"too long", key + "0", 0, "malformed"},
		{"the head alone", "ak_live_", 0, "malformed"},
		{"not a letter", swap(n-20, '-'), 0, "malformed"},
		{"no separator", swap(20, 'a'), 0, "malformed"},
		{"of the secret of another", key[:21] + other[21:], 0, "malformed"},
		{"unknown", unknown, 1, "unknown"},
		{"wrong secret", wrong, 1, "wrong secret"},
		{"revoked", revoked, 1, "revoked"},
	}
	for _, tt := range tests {
		store.loads = 0
		status, message, reason := answer(ring, request("X-API-Key", tt.key))
		if status != 401 || message != "Invalid API key" || store.loads != tt.loads || !strings.Contains(reason, tt.reason) {
			t.Errorf("%s: %d %q after %d loads because of %q", tt.name, status, message, store.loads, reason)
		}
	}
	if status, _, _ := answer(ring, request("X-API-Key", key)); status != 200 {
		t.Errorf("the good key: %d", status)
	}
	if status, message, _ := answer(ring, request()); status != 401 || message != "API key required" {
		t.Errorf("no key: %d %q", status, message)
	}
	store.err = errors.New("connection refused by 10.0.0.1")
	if status, message, reason := answer(ring, request("X-API-Key", key)); status != 503 || strings.Contains(message, "10.") || !strings.Contains(reason, "10.") {
		t.Errorf("outage: %d %q %q", status, message, reason)
	}
	store.err = guard.ErrNoCredentials
	if status, _, _ := answer(ring, request("X-API-Key", key)); status != 503 {
		t.Errorf("a store that abstains: %d", status)
	}
	store.err, store.nilEntry = nil, true
	if status, _, _ := answer(ring, request("X-API-Key", key)); status != 500 {
		t.Errorf("a nil entry: %d", status)
	}
}

// A Key and what contexts hold print no secret, however they are printed.
func TestNothingPrints(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{})
	k, rec, err := ring.Issue(t.Context(), apikey.Grant{Subject: "1", Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	secret := k.Reveal()[21:53]
	var ctx context.Context
	ring.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).ServeHTTP(
		nopWriter{http.Header{}}, request("X-API-Key", k.Reveal()))
	got, ok := guard.PrincipalFrom[*apikey.Record](ctx)
	if !ok || got.Sub() != "1" {
		t.Fatalf("principal %v, %t", got, ok)
	}
	j, _ := json.Marshal(map[string]any{"key": k, "record": rec})
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("issued", "key", k, "record", rec, "none", (*apikey.Record)(nil))
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %s %q", k, k, k, k), string(j), log.String(), fmt.Sprintf("%v %+v %#v", rec, ctx, got)} {
		if strings.Contains(s, secret) {
			t.Errorf("%s holds the secret", s)
		}
	}
	if want := "ak_live_" + rec.ID + "_…" + rec.Last4; k.String() != want {
		t.Errorf("the key prints as %s, want %s", k, want)
	}
}

func (failing) Insert(context.Context, apikey.Entry) (bool, error) { return false, errDown }

func (failing) Load(context.Context, string) (*apikey.Entry, bool, error) { return nil, false, errDown }

func (failing) Revoke(context.Context, string, time.Time) (bool, error) { return false, errDown }

func (failing) List(context.Context, string, int) ([]apikey.Record, error) { return nil, errDown }

func (failing) Used(context.Context, string, time.Time) error { return errDown }

func (stubborn) Rotate(context.Context, string, apikey.Rotation) (bool, error) {
	return false, nil
}
