package apikey_test

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
)

// A malformed key costs no store call, and every key that does not authenticate
// gets the same answer.
func TestRefusals(t *testing.T) {
	store := &counting{Store: guard.Must(apikey.NewMemory(nil))}
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
		status, message, reason := answer(t, ring, request("X-API-Key", tt.key))
		if status != 401 || message != "Invalid API key" || store.loads != tt.loads || !strings.Contains(reason, tt.reason) {
			t.Errorf("%s: %d %q after %d loads because of %q", tt.name, status, message, store.loads, reason)
		}
	}
	if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 200 {
		t.Errorf("the good key: %d", status)
	}
	if status, message, _ := answer(t, ring, request()); status != 401 || message != "API key required" {
		t.Errorf("no key: %d %q", status, message)
	}
	store.err = errors.New("connection refused by 10.0.0.1")
	if status, message, reason := answer(t, ring, request("X-API-Key", key)); status != 503 || strings.Contains(message, "10.") || !strings.Contains(reason, "10.") {
		t.Errorf("outage: %d %q %q", status, message, reason)
	}
	store.err = guard.ErrNoCredentials
	if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 503 {
		t.Errorf("a store that abstains: %d", status)
	}
	store.err, store.nilEntry = nil, true
	if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 500 {
		t.Errorf("a nil entry: %d", status)
	}
}

// Only a client with the right secret learns that its key expired.
func TestLifetime(t *testing.T) {
	ring, c := newRing(t, apikey.RingOptions{})
	start := c.Time
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
		c.Time = start.Add(tt.at)
		if status, message, _ := answer(t, ring, request("X-API-Key", tt.key)); status != tt.status || message != tt.message {
			t.Errorf("after %v: %d %q, want %d %q", tt.at, status, message, tt.status, tt.message)
		}
	}
}

func TestNetworks(t *testing.T) {
	ring, _ := newRing(t, apikey.RingOptions{})
	bound, _ := issue(t, ring, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.77/24"), netip.MustParsePrefix("2001:db8::/32"), netip.PrefixFrom(netip.MustParseAddr("::ffff:203.0.113.0"), 120)}})
	translated, _ := issue(t, ring, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("64:ff9b::192.0.2.0/120")}})
	free, _ := issue(t, ring, apikey.Grant{})
	for _, tt := range []struct {
		addr, key string
		want      int
	}{
		{"192.0.2.1:99", bound, 200}, {"203.0.113.9:99", bound, 200}, {"[::ffff:192.0.2.1]:99", bound, 200}, {"[2001:db8::1]:99", bound, 200},
		{"[64:ff9b::192.0.2.1]:99", bound, 403}, {"[64:ff9b:1::192.0.2.1]:99", bound, 403}, {"[64:ff9b::192.0.2.1]:99", translated, 200}, // others may send these
		{"[2001:db8::1%eth0]:99", bound, 200}, {"198.51.100.1:99", bound, 403}, {"[2001:db9::1]:99", bound, 403},
		{"198.51.100.1:99", free, 200}, {"nonsense", free, 200},
	} {
		r := request("X-API-Key", tt.key, "X-Forwarded-For", "192.0.2.1")
		r.RemoteAddr = tt.addr
		status, message, _ := answer(t, ring, r)
		if status != tt.want || status == 403 && message != "API key not allowed from this address" {
			t.Errorf("from %s: %d %q, want %d", tt.addr, status, message, tt.want)
		}
	}
	r := request("X-API-Key", bound)
	r.RemoteAddr = "nonsense"
	if status, _, _ := answer(t, ring, r); status != 400 {
		t.Errorf("without an address: %d", status)
	}
}

// Address may return mapped and zoned addresses, as netip parses them.
func TestAddress(t *testing.T) {
	var addr netip.Addr
	var failure error
	ring, _ := newRing(t, apikey.RingOptions{Address: func(*http.Request) (netip.Addr, error) { return addr, failure }})
	key, _ := issue(t, ring, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fe80::/10")}})
	for from, want := range map[string]int{"192.0.2.1": 200, "::ffff:192.0.2.1": 200, "fe80::1%eth0": 200, "::ffff:198.51.100.1": 403} {
		addr = netip.MustParseAddr(from)
		if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != want {
			t.Errorf("from %s: %d, want %d", from, status, want)
		}
	}
	addr = netip.Addr{}
	if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 403 {
		t.Errorf("from an invalid address: %d", status)
	}
	failure = &guard.Error{Status: 400}
	if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 400 {
		t.Errorf("a refusal of Address: %d", status)
	}
}

// A valid key costs the copy of the request and the context node, with a pepper, too.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	testAllocations(t, apikey.RingOptions{})
	testAllocations(t, apikey.RingOptions{Pepper: []byte(strings.Repeat("p", 32)), OldPeppers: []guard.Secret{[]byte(strings.Repeat("o", 32))}})
}

func testAllocations(t *testing.T, opts apikey.RingOptions) {
	t.Helper()
	ring, _ := newRing(t, opts)
	key, rec := issue(t, ring, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	h := ring.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for name, tt := range map[string]struct {
		key  string
		want float64
	}{"good": {key, 2}, "forged": {apikey.ForgeKey(rec.ID), 9}, "garbage": {"ak_live_x", 9}} {
		r := request("X-API-Key", tt.key)
		if got := harness.NewDiscard().Allocs(h, r); got > tt.want { // its first run records the last use
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
