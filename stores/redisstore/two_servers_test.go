package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

// TestTwoServers: a flood of invented addresses fills the server of the counts, and
// logins go on, since the sessions are on another one. On one server they were refused
// until the next day.
func TestTwoServers(t *testing.T) {
	full := startServer(t, "--appendonly", "no")
	admin := newClient(t, full.addr)
	counts, rest := newStoresAt(t, full.addr), newStoresAt(t, startServer(t).addr)
	limit := ratelimit.Limit{Name: "requests", Quota: 100, Window: 24 * time.Hour}
	const n = 20_000
	before := usedMemory(t, admin)
	for i := range n {
		takes := []ratelimit.Take{{Limit: limit, Key: fmt.Sprintf("%022d", i), Cost: 1}}
		if _, err := counts.RateLimits().Take(t.Context(), takes); err != nil {
			t.Fatal(err)
		}
	}
	each := (usedMemory(t, admin) - before) / n
	if t.Logf("a count takes %d bytes", each); each > 250 { // docs/running-on-redis.md
		t.Error("want about 210 bytes")
	}
	if err := admin.ConfigSet(t.Context(), "maxmemory", fmt.Sprint(usedMemory(t, admin)/2)).Err(); err != nil {
		t.Fatal(err)
	}
	limiter := guard.Must(ratelimit.New(limit, ratelimit.ByHeader("Address"), &ratelimit.Options{
		Store: counts.RateLimits(), OnFailure: ratelimit.Fallback(guard.Must(ratelimit.NewMemory(nil))),
	}))
	if _, err := limiter.Take(t.Context(), "a new address", 1); err != nil {
		t.Errorf("a new address: %v", err)
	}
	if err := rest.Sessions().Insert(t.Context(), sessiontest.Record("u"), session.AnyEpoch); err != nil {
		t.Errorf("a login: %v", err)
	}
	if err := counts.Sessions().Insert(t.Context(), sessiontest.Record("u"), session.AnyEpoch); err == nil {
		t.Error("the server of the counts is not full")
	}
}
