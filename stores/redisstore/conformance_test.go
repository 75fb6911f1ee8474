package redisstore_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/apikey/apikeytest"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/denylisttest"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/jwtauth/refresh/refreshtest"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/ratelimit/ratelimittest"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// conform runs every conformance suite on stores that open creates.
func conform(t *testing.T, open func(t *testing.T) *redisstore.Stores, limits func(*redisstore.Stores) ratelimit.Store) {
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
	t.Run("RateLimits", func(t *testing.T) {
		ratelimittest.Run(t, func(t *testing.T) ratelimit.Store { return limits(open(t)) }, nil)
	})
}

func TestConformance(t *testing.T) {
	conform(t, func(t *testing.T) *redisstore.Stores {
		s, _, _ := newStores(t)
		return s
	}, (*redisstore.Stores).RateLimits)
}

// fresh makes every take one of a login limit, whose keys share a hash slot.
type fresh struct{ ratelimit.Store }

func (f fresh) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	takes = slices.Clone(takes)
	for i := range takes {
		takes[i].Fresh = true
	}
	return f.Store.Take(ctx, takes)
}

func (f fresh) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	taken = slices.Clone(taken)
	for i := range taken {
		taken[i].Fresh = true
	}
	return f.Store.GiveBack(ctx, taken)
}

// TestConformanceInCluster: a cluster refuses scripts whose keys are in different
// slots, even if one node has all slots.
func TestConformanceInCluster(t *testing.T) {
	// By default the port of the cluster bus is 10,000 above, which may be in use.
	s := startServer(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t))
	ctx := context.Background()
	node := newClient(t, s.addr)
	if err := node.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if info, _ := node.ClusterInfo(ctx).Result(); len(info) > 16 && info[:16] == "cluster_state:ok" {
			break
		}
		time.Sleep(10 * time.Millisecond) // another process
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{s.addr}, ContextTimeoutEnabled: true,
		// A cluster of one node announces no address.
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			return []redis.ClusterSlot{{Start: 0, End: 16383, Nodes: []redis.ClusterNode{{Addr: s.addr}}}}, nil
		},
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.addr)
		},
	})
	t.Cleanup(func() { c.Close() })
	conform(t, func(t *testing.T) *redisstore.Stores {
		stores, err := redisstore.New(ctx, c, fmt.Sprint("cluster", prefixes.Add(1)))
		if err != nil {
			t.Fatal(err)
		}
		return stores
	}, func(s *redisstore.Stores) ratelimit.Store { return fresh{s.RateLimits()} })
}

// TestSessionSize measures the memory of 10,000 sessions, including the lists of their
// subjects.
func TestSessionSize(t *testing.T) {
	s := startServer(t, "--appendonly", "no")
	c := newClient(t, s.addr)
	sessions := newStoresAt(t, s.addr).Sessions()
	before := usedMemory(t, c)
	const n = 10_000
	for i := range n {
		subject := fmt.Sprintf("user-%06d", i)
		now := time.Now()
		err := sessions.Insert(t.Context(), session.Record{
			Key: sessiontest.Key(subject), Subject: subject, Data: `{"theme":"dark","locale":"en-GB"}`,
			Created: now, LastSeen: now, Deadline: now.Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if each := (usedMemory(t, c) - before) / n; each > 400 {
		t.Errorf("a session takes %d bytes, want at most 400", each)
	} else {
		t.Logf("a session takes %d bytes", each)
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

// TestAPIKeyListExpiresWithLastKey: the list of a subject expires with the last API key
// in it, even if the API keys did not expire before they were revoked.
func TestAPIKeyListExpiresWithLastKey(t *testing.T) {
	s, c, prefix := newStores(t)
	keys, now := s.APIKeys(), time.UnixMilli(time.Now().UnixMilli()).UTC()
	for i, id := range []string{"aaaaaaaaaaa1", "aaaaaaaaaaa2"} {
		e := apikey.Entry{Record: apikey.Record{ID: id, Subject: `<"sub\ject">`, CreatedAt: now}, Digest: apikey.Digest{byte(i)}}
		if _, err := keys.Insert(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	list := prefix + `:apikey{all}:of:<"sub\ject">`
	for i, want := range []time.Duration{-1, apikey.Retention} {
		if found, err := keys.Revoke(t.Context(), fmt.Sprint("aaaaaaaaaaa", i+1), now); !found || err != nil {
			t.Fatal(found, err)
		}
		got, err := c.PExpireTime(t.Context(), list).Result()
		if ends := time.Duration(now.UnixMilli())*time.Millisecond + want; err != nil || want < 0 && got != want || want > 0 && got != ends {
			t.Errorf("after %d API keys were revoked, the list expires at %v, %v", i+1, got, err)
		}
	}
}
