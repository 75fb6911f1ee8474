package redisstore_test

import (
	"context"
	"encoding/binary"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/ratelimit/ratelimittest"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// atClock replaces the clock of the server by a time behind the arguments of a script.
var atClock = strings.NewReplacer(
	`call('TIME')`, `{decode('>I4I4', ARGV[1], #ARGV[1] - 7)}`,
	`call('PTTL', KEYS[1]) * 1000`, `call('PEXPIRETIME', KEYS[1]) * 1000 - decode('>I7', ARGV[1], #ARGV[1] - 14)`,
)

// replaced has the scripts of rate limits and those at a time of the test, by hash.
var replaced = func() map[string]*redis.Script {
	m := map[string]*redis.Script{}
	for _, lua := range []string{redisstore.TakeLua, redisstore.GiveBackLua} {
		m[redis.NewScript(lua).Hash()] = redis.NewScript(atClock.Replace(lua))
	}
	return m
}()

// A clocked is a Redis that runs the scripts of rate limits at the times of clocks, which
// must be ahead of the server's: the server deletes what expired by its own. It sends
// the commands of parallel goroutines in pipelines.
type clocked struct {
	t        *testing.T
	c        *redis.Client
	prefix   string
	commands chan queued
}

type queued struct {
	cmd  redis.Cmder
	done chan error
}

func newClocked(t *testing.T) *clocked {
	_, c, prefix := newStores(t)
	for _, script := range replaced {
		if err := script.Load(t.Context(), c).Err(); err != nil {
			t.Fatal(err)
		}
	}
	k := &clocked{t, c, prefix, make(chan queued, 1024)}
	t.Cleanup(func() { close(k.commands) })
	go k.send()
	return k
}

func (k *clocked) send() {
	for first := range k.commands {
		runtime.Gosched() // others come
		batch := []queued{first}
		for len(k.commands) > 0 {
			batch = append(batch, <-k.commands)
		}
		p := k.c.Pipeline()
		for _, q := range batch {
			_ = p.Process(k.t.Context(), q.cmd)
		}
		_, _ = p.Exec(k.t.Context()) // each command has its error
		for _, q := range batch {
			q.done <- q.cmd.Err()
		}
	}
}

// at returns rate limits at the time of a clock, and that for cached refusals.
func (k *clocked) at(clock *harness.Clock, cached func() time.Time) ratelimit.Store {
	k.t.Helper()
	c := newClient(k.t, address())
	s := open(k.t, c, k.prefix)
	redisstore.SetClock(s, cached)
	c.AddHook(clockHook{func(_ int, next func() error) error { return next() }, k, clock})
	return s.RateLimits()
}

type clockHook struct {
	hook
	*clocked
	clock *harness.Clock
}

func (h clockHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "evalsha" { // of a connection that opens
			return next(ctx, cmd)
		}
		args, now := cmd.Args(), h.clock.Now().UnixMicro()
		args[1] = replaced[args[1].(string)].Hash() // of EVALSHA
		packed := args[len(args)-1].([]byte)
		packed = append(packed, byte(now>>48), byte(now>>40), byte(now>>32), byte(now>>24), byte(now>>16), byte(now>>8), byte(now))
		packed = binary.BigEndian.AppendUint32(packed, uint32(now/1e6))
		args[len(args)-1] = binary.BigEndian.AppendUint32(packed, uint32(now%1e6))
		done := make(chan error)
		h.commands <- queued{cmd, done}
		return <-done
	}
}

// TestRateLimitTraces: in 20,000 random traces of several counts whose quotas change, no
// limit is exceeded, none refuses what it grants, and no RetryAfter is wrong.
func TestRateLimitTraces(t *testing.T) {
	k := newClocked(t)
	const parallel = 64
	each := 313
	if race.Enabled {
		each /= 10 // CI runs all without it, too
	}
	var wg sync.WaitGroup
	for i := range parallel {
		clock := &harness.Clock{Time: time.Now().Add(time.Hour)}
		s := k.at(clock, clock.Now)
		wg.Go(func() { ratelimittest.Traces(t, s, clock, i*each, each) })
	}
	wg.Wait()
}

// TestRateLimitGCRAIsNeverExceeded: no interval is rounded down, however small it is.
func TestRateLimitGCRAIsNeverExceeded(t *testing.T) {
	k := newClocked(t)
	clock := &harness.Clock{Time: time.Now().Add(time.Hour)}
	s := k.at(clock, clock.Now)
	for _, limit := range []ratelimit.Limit{
		{Name: "fast", Quota: 909_091, Window: time.Second, Burst: 10},             // 1.1 µs
		{Name: "odd", Quota: 1000, Window: 1_000_124 * time.Microsecond, Burst: 4}, // 1000.124 µs
		{Name: "slow", Quota: 7, Window: 366 * 24 * time.Hour, Burst: 70},          // ten years
	} {
		limit.Algorithm = ratelimit.GCRA
		take := ratelimit.Take{Limit: limit, Key: "k", Cost: 1, Fresh: true}
		start, granted, n := clock.Now(), 0, 300
		for i := range n {
			st := mustTake(t, s, take)
			if st.RetryAfter > 0 {
				clock.Advance(st.RetryAfter)
				continue
			}
			granted++
			if i < limit.Burst && st.Remaining != limit.Burst-i-1 {
				t.Errorf("%s: take %d of a burst of %d: %+v", limit.Name, i+1, limit.Burst, st)
			}
			elapsed := float64(clock.Now().Sub(start))
			if bound := float64(limit.Burst) + elapsed*float64(limit.Quota)/float64(limit.Window); float64(granted) > bound {
				t.Fatalf("%s: %d granted in %v, want %f", limit.Name, granted, clock.Now().Sub(start), bound)
			}
		}
		if granted < n/2-1 {
			t.Errorf("%s: %d of %d were granted", limit.Name, granted, n)
		}
	}
}

// TestRateLimitClockStepsBack: after a failover to a server whose clock is behind, no
// limit is exceeded and nothing is negative, whatever the quota is.
func TestRateLimitClockStepsBack(t *testing.T) {
	k := newClocked(t)
	clock := &harness.Clock{Time: time.Now().Add(24 * time.Hour)}
	s := k.at(clock, clock.Now)
	for _, limit := range []ratelimit.Limit{
		{Name: "gcra", Quota: 1000, Window: 1_000_124 * time.Microsecond, Algorithm: ratelimit.GCRA},
		{Name: "exact", Quota: 5, Window: time.Minute},
		{Name: "counted", Quota: 100, Window: time.Minute},
		{Name: "flight", Quota: 5, Window: time.Minute, Algorithm: ratelimit.InFlight},
	} {
		take := ratelimit.Take{Limit: limit, Key: "k", Cost: limit.Quota, Fresh: true, Call: "call"}
		first := mustTake(t, s, take)
		if first.RetryAfter != 0 {
			t.Fatalf("%s: %+v", limit.Name, first)
		}
		clock.Advance(-10 * time.Minute)
		take.Call, take.Cost = "another", 1
		for range 2 {
			if st := mustTake(t, s, take); st.RetryAfter <= 0 || st.Remaining != 0 {
				t.Errorf("%s, 10 minutes before: %+v", limit.Name, st)
			}
		}
		take.Call, take.Cost = "call", limit.Quota
		if err := s.GiveBack(t.Context(), []ratelimit.Taken{{Take: take, Stamp: first.Stamp}}); err != nil {
			t.Fatal(err)
		}
		if st := mustTake(t, s, take); limit.Name != "gcra" && (st.RetryAfter != 0 || st.Remaining != 0) {
			t.Errorf("%s, after it was given back: %+v", limit.Name, st)
		}
		take.Limit.Quota = 200 // a count of five becomes a hash, whose newest pair is ahead
		if limit.Name == "exact" {
			a := mustTake(t, s, ratelimit.Take{Limit: take.Limit, Key: "k", Cost: 5, Fresh: true})
			b := mustTake(t, s, ratelimit.Take{Limit: take.Limit, Key: "k", Cost: 5})
			if a.Remaining != 190 || b.Remaining != 185 {
				t.Errorf("two takes of 5 by 200: %+v, %+v", a, b)
			}
			take.Cost = 5
			taken := []ratelimit.Taken{{Take: take, Stamp: a.Stamp}, {Take: take, Stamp: b.Stamp}}
			for i, want := range []int{190, 195} {
				if err := s.GiveBack(t.Context(), taken[i:i+1]); err != nil {
					t.Fatal(err)
				}
				if st := mustTake(t, s, ratelimit.Take{Limit: take.Limit, Key: "k", Fresh: true}); st.Remaining != want {
					t.Errorf("%d remaining, want %d", st.Remaining, want)
				}
			}
		}
		clock.Advance(24 * time.Hour)
	}
}
