package redisstore_test

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/denylisttest"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/jwtauth/refresh/refreshtest"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/once/oncetest"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/ratelimit/ratelimittest"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// conform runs every conformance suite on stores that open creates.
func conform(t *testing.T, open func(t *testing.T) *redisstore.Stores) {
	t.Run("Sessions", func(t *testing.T) {
		sessiontest.Run(t, func(t *testing.T) session.Store { return open(t).Sessions() })
	})
	t.Run("TokenFamilies", func(t *testing.T) {
		refreshtest.Run(t, func(t *testing.T) refresh.Store { return open(t).TokenFamilies() })
	})
	t.Run("Denylist", func(t *testing.T) {
		denylisttest.Run(t, func(t *testing.T) jwtauth.Denylist { return open(t).Denylist() })
	})
	t.Run("APIKeys", func(t *testing.T) {
		apikeytest.Run(t, func(t *testing.T) apikey.Store { return open(t).APIKeys() })
	})
	t.Run("Once", func(t *testing.T) {
		oncetest.Run(t, func(t *testing.T) once.Store { return open(t).Once() }, nil)
	})
	t.Run("RateLimits", func(t *testing.T) {
		ratelimittest.Run(t, func(t *testing.T) ratelimit.Store { return open(t).RateLimits() }, nil)
	})
}

func TestConformance(t *testing.T) {
	t.Parallel() // much of it waits
	conform(t, func(t *testing.T) *redisstore.Stores {
		s, _, _ := newStores(t)
		return s
	})
}

// TestSessionSize measures the memory of 10,000 sessions, including the hashes of their
// subjects.
func TestSessionSize(t *testing.T) {
	for _, tt := range []struct {
		setting string
		max     int
	}{{"64", 420}, {"512", 300}} { // the default, and docs/running-on-redis.md
		s := startServer(t, "--appendonly", "no", "--hash-max-listpack-value", tt.setting)
		c := newClient(t, s.addr)
		sessions := newStoresAt(t, s.addr).Sessions()
		before := usedMemory(t, c)
		const n = 10_000
		for i := range n {
			rec := sessiontest.Record(fmt.Sprintf("user-%06d", i))
			rec.Data = `{"theme":"dark","locale":"en-GB"}`
			if err := sessions.Insert(t.Context(), rec, session.AnyEpoch); err != nil {
				t.Fatal(err)
			}
		}
		each := (usedMemory(t, c) - before) / n
		if t.Logf("hash-max-listpack-value %s: a session takes %d bytes", tt.setting, each); each > tt.max {
			t.Errorf("want at most %d", tt.max)
		}
	}
}

func usedMemory(t *testing.T, c *redis.Client) int {
	t.Helper()
	info, err := c.InfoMap(t.Context(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	fmt.Sscan(info["Memory"]["used_memory"], &n)
	return n
}

func TestLogouts(t *testing.T) {
	s, _, _ := newStores(t)
	refreshtest.Logouts(t, s.TokenFamilies(), s.Denylist(), 1000)
}
