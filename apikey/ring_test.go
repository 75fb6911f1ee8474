package apikey_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
	"github.com/go-guard/guard/internal/race"
)

func TestMemory(t *testing.T) {
	apikeytest.Run(t, func(*testing.T) apikey.Store { return apikey.NewMemory() })
}

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

func (c *counting) Load(ctx context.Context, id string) (*apikey.Entry, bool, error) {
	c.loads++
	if c.err != nil {
		return nil, false, c.err
	}
	if c.nilEntry {
		return nil, true, nil
	}
	return c.Store.Load(ctx, id)
}

// What has the wrong shape costs no round trip, and every key that is not good
// gets the same answer.
func TestRefusals(t *testing.T) {
	store := &counting{Store: apikey.NewMemory()}
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

// "expired" is told to who holds the key, and to nobody else.
func TestLifetime(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	start := c.t
	key, rec := issue(t, ring, apikey.Grant{NotBefore: start.Add(time.Minute), ExpiresAt: start.Add(time.Hour)})
	forged := apikey.ForgeKey(rec.ID)
	for _, tt := range []struct {
		at      time.Duration
		key     string
		status  int
		message string
	}{
		{0, key, 401, "API key not yet valid"},
		{0, forged, 401, "Invalid API key"},
		{time.Minute - time.Millisecond, key, 401, "API key not yet valid"},
		{time.Minute, key, 200, ""},
		{time.Hour - time.Millisecond, key, 200, ""},
		{time.Hour, key, 401, "API key expired"},
		{time.Hour, forged, 401, "Invalid API key"},
	} {
		c.t = start.Add(tt.at)
		if status, message, _ := answer(ring, request("X-API-Key", tt.key)); status != tt.status || message != tt.message {
			t.Errorf("after %v: %d %q, want %d %q", tt.at, status, message, tt.status, tt.message)
		}
	}
}

func TestNets(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{})
	bound, _ := issue(t, ring, apikey.Grant{Nets: []netip.Prefix{netip.MustParsePrefix("192.0.2.77/24"), netip.MustParsePrefix("2001:db8::/32"), netip.PrefixFrom(netip.MustParseAddr("::ffff:203.0.113.0"), 120)}})
	free, _ := issue(t, ring, apikey.Grant{})
	for _, tt := range []struct {
		addr, key string
		want      int
	}{
		{"192.0.2.1:99", bound, 200}, {"203.0.113.9:99", bound, 200}, {"[::ffff:192.0.2.1]:99", bound, 200}, {"[2001:db8::1]:99", bound, 200},
		{"[2001:db8::1%eth0]:99", bound, 200}, {"198.51.100.1:99", bound, 403}, {"[2001:db9::1]:99", bound, 403},
		{"198.51.100.1:99", free, 200}, {"nonsense", free, 200},
	} {
		r := request("X-API-Key", tt.key, "X-Forwarded-For", "192.0.2.1")
		r.RemoteAddr = tt.addr
		status, message, _ := answer(ring, r)
		if status != tt.want || status == 403 && message != "API key not allowed from this address" {
			t.Errorf("from %s: %d %q, want %d", tt.addr, status, message, tt.want)
		}
	}
	r := request("X-API-Key", bound)
	r.RemoteAddr = "nonsense"
	if status, _, _ := answer(ring, r); status == 200 || status == 401 {
		t.Errorf("without an address: %d", status)
	}
}

func TestRotate(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	first, rec := issue(t, ring, apikey.Grant{Scopes: []string{"a"}, ExpiresAt: c.t.Add(24 * time.Hour)})
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
			if got, _, _ := answer(ring, request("X-API-Key", key)); got != status {
				t.Errorf("%s: %s…: %d, want %d", when, key[:30], got, status)
			}
		}
	}
	second := rotate(time.Hour)
	check("in the overlap", map[string]int{first: 200, second: 200})
	c.pass(time.Hour)
	check("after the overlap", map[string]int{first: 401, second: 200})
	third := rotate(time.Hour)
	fourth := rotate(time.Hour)
	check("rotated twice", map[string]int{first: 401, second: 401, third: 200, fourth: 200})
	fifth := rotate(0)
	check("without overlap", map[string]int{third: 401, fourth: 401, fifth: 200})
	got, found, err := ring.Load(t.Context(), rec.ID)
	if err != nil || !found || got.Subject != "1" || !got.HasScope("a") || got.HasScope("b") || got.Last4 != fifth[len(fifth)-4:] || !got.RotatedAt.Equal(c.t) {
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
	expired, erec := issue(t, ring, apikey.Grant{ExpiresAt: c.t.Add(time.Second)})
	c.pass(time.Minute)
	if _, found, err := ring.Rotate(t.Context(), erec.ID, time.Hour); found || err != nil {
		t.Errorf("Rotate of an expired key = %t, %v", found, err)
	}
	check("expired", map[string]int{expired: 401})
}

func TestPepper(t *testing.T) {
	store := apikey.NewMemory()
	p1, p2 := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
	plain, _ := newRing(t, apikey.RingOptions{Store: store})
	one, _ := newRing(t, apikey.RingOptions{Store: store, Pepper: p1, OldPeppers: [][]byte{nil}})
	two, _ := newRing(t, apikey.RingOptions{Store: store, Pepper: p2, OldPeppers: [][]byte{p1}})
	key0, _ := issue(t, plain, apikey.Grant{})
	key1, rec1 := issue(t, one, apikey.Grant{})
	key2, rec2 := issue(t, two, apikey.Grant{})
	for _, tt := range []struct {
		name string
		ring *apikey.Ring
		want [3]int
	}{
		{"plain", plain, [3]int{200, 401, 401}},
		{"one", one, [3]int{200, 200, 401}},
		{"two", two, [3]int{401, 200, 200}},
	} {
		for i, key := range []string{key0, key1, key2} {
			if got, _, _ := answer(tt.ring, request("X-API-Key", key)); got != tt.want[i] {
				t.Errorf("ring %s, key %d: %d, want %d", tt.name, i, got, tt.want[i])
			}
		}
	}
	if e, _, _ := store.Load(t.Context(), rec2.ID); e.Digest == apikey.DigestOf(key2) {
		t.Error("the pepper is not in the digest")
	}
	k, found, err := two.Rotate(t.Context(), rec1.ID, time.Hour) // moves the key to the new pepper
	if err != nil || !found {
		t.Fatal(found, err)
	}
	for _, key := range []string{key1, k.Reveal()} {
		if got, _, _ := answer(two, request("X-API-Key", key)); got != 200 {
			t.Errorf("after the rotation: %d", got)
		}
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

// A ring and an application's own lookup share a header: what has the ring's
// prefix is the ring's, and the rest is the lookup's.
func TestSharedHeader(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{})
	byID := func(_ context.Context, id string) (user, bool, error) {
		if id != "1" {
			return user{}, false, nil
		}
		return user{"1", "Alice of the ring"}, true, nil
	}
	step := guard.Require[user](guard.BySubject(ring, byID), guard.Must(apikey.New(byKey, nil)))
	key, rec := issue(t, ring, apikey.Grant{Subject: "1"})
	gone, _ := issue(t, ring, apikey.Grant{Subject: "9"})
	for _, tt := range []struct {
		name, key string
		want      int
		body      string
	}{
		{"none", "", 401, e(401, "API key required")},
		{"the ring's", key, 200, "Alice of the ring"},
		{"the lookup's", "key_67890", 200, "Bob"},
		{"nobody's", "key_0", 401, e(401, "Invalid API key")},
		{"a bad one of the ring's", key[:59] + "!", 401, e(401, "Invalid API key")},
		{"a forged one of the ring's", apikey.ForgeKey(rec.ID), 401, e(401, "Invalid API key")},
		{"of a user who is gone", gone, 401, e(401, "Invalid API key")},
	} {
		r := request()
		if tt.key != "" {
			r.Header.Set("X-API-Key", tt.key)
		}
		w, _ := serve(step, r)
		if w.Code != tt.want || w.Body.String() != tt.body {
			t.Errorf("%s: %d %s, want %d %s", tt.name, w.Code, w.Body, tt.want, tt.body)
		}
	}
	// Alone, the ring tells a foreign key from none.
	if status, message, _ := answer(ring, request("X-API-Key", "key_12345")); status != 401 || message != "Invalid API key" {
		t.Errorf("a foreign key: %d %q", status, message)
	}
	w, _ := serve(step, request("X-API-Key", key, "X-API-Key", "key_12345"))
	if w.Code != 400 {
		t.Errorf("two keys: %d", w.Code)
	}
}

// A ring shares "Bearer" with other tokens.
func TestSharedBearer(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{Sources: []apikey.Source{apikey.Authorization("Bearer"), apikey.Header("X-API-Key")}})
	key, _ := issue(t, ring, apikey.Grant{})
	if _, err := ring.Authenticate(request("Authorization", "Bearer eyJhbGciOi.e30.x")); !errors.Is(err, guard.ErrNoCredentials) {
		t.Errorf("another's token: %v", err)
	}
	if _, err := ring.Authenticate(request("Authorization", "Bearer")); !errors.Is(err, guard.ErrNoCredentials) {
		t.Errorf("a malformed token: %v", err)
	}
	if rec, err := ring.Authenticate(request("Authorization", "Bearer "+key)); err != nil || rec.Sub() != "1" {
		t.Errorf("a key: %v", err)
	}
	// A token of another's is no second credential of the ring's.
	if rec, err := ring.Authenticate(request("Authorization", "Bearer eyJhbGciOi.e30.x", "X-API-Key", key)); err != nil || rec.Sub() != "1" {
		t.Errorf("a key beside another's token: %v", err)
	}
	if _, err := ring.Authenticate(request("Authorization", "Bearer "+key, "X-API-Key", key)); statusOf(err) != 400 {
		t.Errorf("two keys: %v", err)
	}
}

func statusOf(err error) int {
	var e *guard.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

func TestIssueErrors(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	for name, g := range map[string]apikey.Grant{
		"subject":     {},
		"255 bytes":   {Subject: strings.Repeat("s", 256)},
		"200 bytes":   {Subject: "1", Name: strings.Repeat("n", 201)},
		"over before": {Subject: "1", ExpiresAt: c.t},
		"before it":   {Subject: "1", NotBefore: c.t.Add(2 * time.Hour), ExpiresAt: c.t.Add(time.Hour)},
		"network":     {Subject: "1", Nets: []netip.Prefix{{}}},
		"empty scope": {Subject: "1", Scopes: []string{""}},
		"100 scopes":  {Subject: "1", Scopes: make([]string, 101)},
	} {
		if _, _, err := ring.Issue(t.Context(), g); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewRingErrors(t *testing.T) {
	short := []byte("short")
	_, err := apikey.NewRing(&apikey.RingOptions{
		Prefix: "A_", Env: "li_ve", Pepper: short, OldPeppers: [][]byte{short, nil}, Realm: "\n", Sources: []apikey.Source{{}},
	})
	for _, want := range []string{"prefix", "env", "32 bytes", "twice", "realm", "zero Source"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not mention %s", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "short") {
		t.Error("the error holds the pepper")
	}
	if _, err := apikey.NewRing(nil); err != nil {
		t.Error(err)
	}
}

// failing fails at everything.
type failing struct{ apikey.Store }

var errDown = errors.New("down")

func (failing) Insert(context.Context, apikey.Entry) (bool, error)         { return false, errDown }
func (failing) Load(context.Context, string) (*apikey.Entry, bool, error)  { return nil, false, errDown }
func (failing) Revoke(context.Context, string, time.Time) (bool, error)    { return false, errDown }
func (failing) List(context.Context, string, int) ([]apikey.Record, error) { return nil, errDown }
func (failing) Used(context.Context, string, time.Time) error              { return errDown }

type stubborn struct{ apikey.Store } // every id is taken, every rotation is lost

func (stubborn) Insert(context.Context, apikey.Entry) (bool, error) { return false, nil }
func (stubborn) Rotate(context.Context, string, apikey.Rotation) (bool, error) {
	return false, nil
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
	m := apikey.NewMemory()
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

func TestList(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	for _, name := range []string{"old", "new"} {
		issue(t, ring, apikey.Grant{Name: name})
		c.pass(time.Second)
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

// A full memory store refuses new keys and drops none that works; what is long
// over makes room, looked for once a minute.
func TestMemoryIsBounded(t *testing.T) {
	m := apikey.NewMemory()
	over := time.Now().Add(-apikey.Retention - time.Hour)
	insert := func(i int, expires time.Time) (bool, error) {
		return m.Insert(t.Context(), apikey.Entry{Record: apikey.Record{ID: fmt.Sprint(i), Subject: fmt.Sprint(i % 1000), ExpiresAt: expires}})
	}
	n := apikey.MemoryEntries
	for i := range n {
		var expires time.Time
		if i < 10 {
			expires = over
		}
		if ok, err := insert(i, expires); !ok || err != nil {
			t.Fatal(i, ok, err)
		}
	}
	for i := range 10 {
		if ok, err := insert(n+i, time.Time{}); !ok || err != nil {
			t.Fatalf("no room came back: %t, %v", ok, err)
		}
	}
	if ok, err := insert(n+10, time.Time{}); ok || err == nil {
		t.Errorf("a full store took a key: %t, %v", ok, err)
	}
	if _, found, _ := m.Load(t.Context(), "5"); found {
		t.Error("a key that is long over is still there")
	}
	if _, found, _ := m.Load(t.Context(), "10"); !found {
		t.Error("a working key was dropped")
	}
	if l, err := m.List(t.Context(), "5", 1000); err != nil || len(l) != 100 {
		t.Errorf("%d records, %v", len(l), err)
	}
}

type nopWriter struct{ h http.Header }

func (w nopWriter) Header() http.Header         { return w.h }
func (w nopWriter) Write(b []byte) (int, error) { return io.Discard.Write(b) }
func (w nopWriter) WriteHeader(int)             {}

// A key costs the copy of the request and the context's node, whatever the ring.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	ring, c := newRing(t, apikey.RingOptions{})
	key, rec := issue(t, ring, apikey.Grant{Nets: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	c.pass(-time.Second) // used just now: nothing to record
	h := ring.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := nopWriter{http.Header{}}
	for name, tt := range map[string]struct {
		key  string
		want float64
	}{"good": {key, 2}, "forged": {apikey.ForgeKey(rec.ID), 9}, "garbage": {"ak_live_x", 9}} {
		r := request("X-API-Key", tt.key)
		h.ServeHTTP(w, r)
		if got := testing.AllocsPerRun(200, func() { clear(w.h); h.ServeHTTP(w, r) }); got > tt.want {
			t.Errorf("%s: %v allocations, want %v", name, got, tt.want)
		}
	}
}

func FuzzAuthenticate(f *testing.F) {
	ring, err := apikey.NewRing(nil)
	if err != nil {
		f.Fatal(err)
	}
	k, _, err := ring.Issue(f.Context(), apikey.Grant{Subject: "1"})
	if err != nil {
		f.Fatal(err)
	}
	good := k.Reveal()
	for _, s := range []string{"", good, good + "0", "ak_live_", "ak_live__", "key_12345", strings.ToUpper(good)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		r := request()
		r.Header["X-Api-Key"] = []string{key}
		rec, err := ring.Authenticate(r)
		if (err == nil) != (key == good) || (err == nil) != (rec != nil) {
			t.Errorf("%q: %v", key, err)
		}
	})
}
