package redisstore_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// startMasters starts three masters with the slots that redis-cli --cluster create gives
// to them.
func startMasters(t *testing.T) (masters [3]*server) {
	t.Helper()
	ctx := t.Context()
	for i, first := range []int{0, 5461, 10923} {
		bus := harness.FreePort(t)
		s := startServer(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--appendonly", "no", "--cluster-node-timeout", "60000")
		masters[i] = s
		c := newClient(t, s.addr)
		must[string](t)(c.ClusterAddSlotsRange(ctx, first, []int{5460, 10922, 16383}[i]).Result())
		if i > 0 {
			host, port, _ := net.SplitHostPort(s.addr)
			if err := newClient(t, masters[0].addr).Do(ctx, "CLUSTER", "MEET", host, port, bus).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range masters {
		awaitNodes(t, newClient(t, s.addr), len(masters))
	}
	return masters
}

// TestManyMasters: each master has the same shard for ever, also where there are more
// than shards. They were numbered anew with each master above 64, so that one that hangs
// spoiled the shards of all.
func TestManyMasters(t *testing.T) {
	newStores(t) // skips where there is no Redis
	const masters = 80
	slots := make([]redis.ClusterSlot, masters) // all of them the shared Redis, by other names
	for i := range slots {
		slots[i] = redis.ClusterSlot{Start: i * 204, End: i*204 + 203, Nodes: []redis.ClusterNode{{Addr: fmt.Sprintf("127.0.0.1:%d", i+1)}}}
	}
	slots[masters-1].End = 16383
	c := redis.NewClusterClient(&redis.ClusterOptions{
		ContextTimeoutEnabled: true, PoolSize: 1,
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) { return slots, nil },
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address())
		},
	})
	defer c.Close()
	limits := open(t, c, "app").RateLimits().(ratelimit.ShardedStore)
	shards := map[string]int{} // of masters
	for i := range 5000 {
		key := fmt.Sprint(i)
		addr := must[*redis.Client](t)(c.MasterForKey(t.Context(), key)).Options().Addr
		shard := limits.Shard(&ratelimit.Take{Key: key})
		if before, ok := shards[addr]; ok && before != shard || shard < 0 || shard >= limits.Shards() {
			t.Fatalf("%s has shard %d, before it %d, of %d", addr, shard, before, limits.Shards())
		}
		shards[addr] = shard
	}
	if len(shards) != masters {
		t.Errorf("%d masters", len(shards))
	}
}

// TestHangingMaster: while one of three masters hangs, takes of its keys are refused,
// most of them at once, and those of others are granted. 99.4 % of all takes were
// refused.
func TestHangingMaster(t *testing.T) {
	masters := startMasters(t)
	bestOfThree(t, func() string {
		c := redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{masters[0].addr}, ContextTimeoutEnabled: true, MaxRetries: -1, DialTimeout: time.Second, DialerRetries: 1,
		})
		defer c.Close()
		stores := guard.Must(redisstore.New(t.Context(), c, "app"))
		limit := ratelimit.Limit{Name: "requests", Quota: 1e6, Window: time.Minute}
		l := guard.Must(ratelimit.New(limit, ratelimit.ByHeader("K"), &ratelimit.Options{Store: stores.RateLimits(), Timeout: timeout}))

		type share struct{ takes, failures, slow atomic.Int64 }
		var hanging, others share
		const keys = 600
		of := make([]*share, keys)
		for i := range of {
			sum := sha256.Sum256([]byte(fmt.Sprint(i))) // as the limiter hashes a key
			slot := must[int64](t)(c.ClusterKeySlot(t.Context(), base64.RawURLEncoding.EncodeToString(sum[:16])).Result())
			if of[i] = &others; 5461 <= slot && slot < 10923 {
				of[i] = &hanging
			}
			if _, err := l.Take(t.Context(), fmt.Sprint(i), 1); err != nil {
				return err.Error()
			}
		}
		hang := masters[1].cmd.Process
		if err := hang.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		defer hang.Signal(syscall.SIGCONT)
		end := time.Now().Add(3 * time.Second)
		var wg sync.WaitGroup
		for worker := range 16 {
			wg.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					i := (worker*37 + n*7) % keys
					begun := time.Now()
					_, err := l.Take(t.Context(), fmt.Sprint(i), 1)
					of[i].takes.Add(1)
					if err != nil {
						of[i].failures.Add(1)
					}
					if time.Since(begun) > timeout/2 {
						of[i].slow.Add(1)
					}
					time.Sleep(time.Millisecond) // real servers
				}
			})
		}
		wg.Wait()
		t.Logf("of the master that hangs %d takes, %d failures, %d slow; of others %d, %d, %d",
			hanging.takes.Load(), hanging.failures.Load(), hanging.slow.Load(), others.takes.Load(), others.failures.Load(), others.slow.Load())
		if hanging.failures.Load() != hanging.takes.Load() || hanging.slow.Load() > hanging.takes.Load()/2 {
			return "the master that hangs"
		}
		if n := others.failures.Load(); n > others.takes.Load()/100 {
			return fmt.Sprintf("%d takes of other masters failed", n)
		}
		return ""
	})
}
