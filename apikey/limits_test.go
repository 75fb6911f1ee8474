package apikey_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

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
	if status, _, _ := answer(ring, r); status != 400 {
		t.Errorf("without an address: %d", status)
	}
}

// A caller's own Address may answer as netip parses.
func TestAddress(t *testing.T) {
	var addr netip.Addr
	var failure error
	ring, _ := newRing(t, apikey.RingOptions{Address: func(*http.Request) (netip.Addr, error) { return addr, failure }})
	key, _ := issue(t, ring, apikey.Grant{Nets: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fe80::/10")}})
	for from, want := range map[string]int{"192.0.2.1": 200, "::ffff:192.0.2.1": 200, "fe80::1%eth0": 200, "::ffff:198.51.100.1": 403} {
		addr = netip.MustParseAddr(from)
		if status, _, _ := answer(ring, request("X-API-Key", key)); status != want {
			t.Errorf("from %s: %d, want %d", from, status, want)
		}
	}
	addr = netip.Addr{}
	if status, _, _ := answer(ring, request("X-API-Key", key)); status != 403 {
		t.Errorf("from nowhere: %d", status)
	}
	failure = &guard.Error{Status: 400}
	if status, _, _ := answer(ring, request("X-API-Key", key)); status != 400 {
		t.Errorf("a refusal of Address: %d", status)
	}
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
		"empty list":  {Subject: "1", Scopes: []string{}},
		"or networks": {Subject: "1", Nets: []netip.Prefix{}},
		`"mal\xff"`:   {Subject: "mal\xff"},
		`"na\xfe"`:    {Subject: "1", Name: "na\xfe"},
		`"sc\xff"`:    {Subject: "1", Scopes: []string{"sc\xff"}},
	} {
		if _, _, err := ring.Issue(t.Context(), g); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
