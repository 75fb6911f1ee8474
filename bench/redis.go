package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/ulule/limiter/v3"
	ululeredis "github.com/ulule/limiter/v3/drivers/store/redis"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// startRedis starts a server for one table on loopback. All rows share its client.
func startRedis() (*redis.Client, func(), error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, nil, unavailable("needs redis-server (Debian: apt-get install redis-server)")
	}
	port, err := harness.Port()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "guard-bench-")
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir,
		"--hash-max-listpack-value", "512") // as docs/running-on-redis.md advises
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	c := redis.NewClient(&redis.Options{
		Addr: "127.0.0.1:" + port, PoolSize: 64, ContextTimeoutEnabled: true, MaxRetries: -1, DialTimeout: time.Second, DialerRetries: 1,
	})
	stop := func() {
		c.Close()
		cmd.Process.Kill()
		cmd.Wait()
		os.RemoveAll(dir)
	}
	for end := time.Now().Add(startup); ; time.Sleep(20 * time.Millisecond) {
		if err = c.Ping(ctx).Err(); err == nil {
			return c, stop, nil
		}
		if time.Now().After(end) {
			stop()
			return nil, nil, fmt.Errorf("redis-server does not answer: %w", err)
		}
	}
}

// unavailable returns the reason to skip a table. It ends the program if services are
// required.
func unavailable(reason string) error {
	if os.Getenv("GUARD_REQUIRE_SERVICES") == "1" {
		fail(errors.New(reason))
	}
	return errors.New(reason)
}

// A commandCounter is a hook that counts the round trips and commands of a client.
type commandCounter struct{ trips, commands atomic.Int64 }

func (c *commandCounter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *commandCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.trips.Add(1)
		c.commands.Add(1)
		return next(ctx, cmd)
	}
}

func (c *commandCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.trips.Add(1)
		c.commands.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}
}

// countCommands returns how many commands and round trips one operation takes.
func countCommands(c *redis.Client, operation string, run func(n int)) []Fact {
	const n = 100
	run(2000) // loads the scripts and opens the connections
	var count commandCounter
	c.AddHook(&count) // cannot be removed; it costs every row one atomic addition
	run(n)
	return []Fact{
		{"guard: commands a " + operation, float64(count.commands.Load()) / n, ""},
		{"guard: round trips a " + operation, float64(count.trips.Load()) / n, ""},
	}
}

// redisSession loads one session in one goroutine, and in 32. A single goroutine
// mostly waits for the network, so that a bare GET may even take longer than a whole
// request; the cost of a library is visible when the processors are busy.
func redisSession(settings) (comparison, error) {
	c, stop, err := startRedis()
	if err != nil {
		return comparison{}, err
	}
	stores := guard.Must(redisstore.New(ctx, c, "bench:"))
	h, r, err := ourSessions(stores.Sessions())
	if err != nil {
		return comparison{}, err
	}
	scsH, scsR := scsSessions(goredisstore.New(c), 0)
	check(c.Set(ctx, "bare", strings.Repeat("x", 100), 0).Err() == nil, "SET")
	get := serving(h, r, 200)
	bare := func(n int) {
		for range n {
			check(c.Get(ctx, "bare").Err() == nil, "GET")
		}
	}
	parallel32 := func(newRun func() func(n int)) func(n int) { return parallel(32, newRun) }
	facts, err := redisMemory(c, stores)
	if err != nil {
		return comparison{}, err
	}
	facts = append(facts, countCommands(c, "GET", get)...)
	return comparison{
		benchmarks: []benchmark{
			{"guard: GET with a session", ours, get},
			{"scs: goredisstore", peer, serving(scsH, scsR, 200)},
			{"bare go-redis GET", lowerBound, bare},
			{"guard: GET, 32 goroutines", ours, parallel32(func() func(int) { return serving(h, r, 200) })},
			{"scs: goredisstore, 32 goroutines", peer, parallel32(func() func(int) { return serving(scsH, scsR, 200) })},
			{"bare go-redis GET, 32 goroutines", lowerBound, parallel32(func() func(int) { return bare })},
		},
		facts: facts,
		bars: []bar{
			ratio("guard: GET, 32 goroutines", "bare go-redis GET, 32 goroutines", 1.4),
			ratio("guard: GET, 32 goroutines", "scs: goredisstore, 32 goroutines", 0.6),
			factAtMost("guard: commands a GET", 1),
			factAtMost("guard: round trips a GET", 1),
			factAtMost("guard: bytes a session in Redis, its subject's index included", 400),
		},
		close: stop,
	}, nil
}

// redisMemory stores 10,000 sessions of as many subjects, and returns their size, under
// the server's default settings, too.
func redisMemory(c *redis.Client, stores *redisstore.Stores) ([]Fact, error) {
	const setting = "hash-max-listpack-value"
	advised, err := bytesPerSession(c, stores, "")
	if err != nil {
		return nil, err
	}
	values, err := c.ConfigGet(ctx, setting).Result()
	if err != nil {
		return nil, err
	}
	if err := c.ConfigSet(ctx, setting, "64").Err(); err != nil {
		return nil, err
	}
	byDefault, err := bytesPerSession(c, stores, "default-")
	return []Fact{
		{"guard: bytes a session in Redis, its subject's index included", advised, "B"},
		{"guard: the same where " + setting + " is 64", byDefault, "B"},
	}, errors.Join(err, c.ConfigSet(ctx, setting, values[setting]).Err())
}

func bytesPerSession(c *redis.Client, stores *redisstore.Stores, subjects string) (float64, error) {
	const n = 10_000
	m := guard.Must(session.New[profile](&session.Options{Store: stores.Sessions()}))
	before, err := usedMemory(c)
	if err != nil {
		return 0, err
	}
	login := httptest.NewRequest("POST", "/login", nil)
	for i := range n {
		if _, err := m.Create(&discard{header: http.Header{}}, login, subjects+strconv.Itoa(i), alice); err != nil {
			return 0, err
		}
	}
	after, err := usedMemory(c)
	return (after - before) / n, err
}

// redisLimit takes for 1,000 keys in 32 goroutines, within their quotas.
func redisLimit(settings) (comparison, error) {
	c, stop, err := startRedis()
	if err != nil {
		return comparison{}, err
	}
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = "user-" + strconv.Itoa(i)
	}
	parallel32 := func(take func(key string) bool) func(int) {
		var at atomic.Int64
		return parallel(32, func() func(int) {
			return func(n int) {
				for range n {
					check(take(keys[int(at.Add(1))%len(keys)]), "take")
				}
			}
		})
	}
	stores := guard.Must(redisstore.New(ctx, c, "bench:"))
	taking := func(l ratelimit.Limit) func(int) {
		ourLimiter := guard.Must(ratelimit.New(l, byIP, &ratelimit.Options{Store: stores.RateLimits(), Timeout: 500 * time.Millisecond}))
		return parallel32(func(key string) bool {
			res, err := ourLimiter.Take(ctx, key, 1)
			return err == nil && res.OK
		})
	}
	take := taking(ratelimit.Limit{Name: "sliding", Quota: plenty, Window: window})
	uluLimiter := limiter.New(guard.Must(ululeredis.NewStore(c)), limiter.Rate{Period: window, Limit: plenty})
	rr := redis_rate.NewLimiter(c)
	facts := countCommands(c, "take", take)
	return comparison{
		benchmarks: []benchmark{
			{"guard: take, 32 goroutines", ours, take},
			{"guard: take, GCRA, 32 goroutines", ours, taking(ratelimit.Limit{Name: "gcra", Quota: plenty, Window: window, Algorithm: ratelimit.GCRA})},
			{"ulule: Get, 32 goroutines", peer, parallel32(func(key string) bool {
				res, err := uluLimiter.Get(ctx, key)
				return err == nil && !res.Reached
			})},
			{"redis_rate: Allow, 32 goroutines", peer, parallel32(func(key string) bool {
				res, err := rr.Allow(ctx, key, redis_rate.PerHour(plenty))
				return err == nil && res.Allowed == 1
			})},
			{"bare go-redis INCR, 32 goroutines", lowerBound, parallel32(func(key string) bool { return c.Incr(ctx, "bare:"+key).Err() == nil })},
		},
		facts: facts,
		bars: []bar{
			// A take has a goroutine, so that it can be abandoned and undone: 6 µs where
			// Redis is on loopback and the processors are busy.
			ratio("guard: take, 32 goroutines", "ulule: Get, 32 goroutines", 1.5),
			ratio("guard: take, 32 goroutines", "redis_rate: Allow, 32 goroutines", 1.25),
			factAtMost("guard: commands a take", 1),
			factAtMost("guard: round trips a take", 1),
		},
		close: stop,
	}, nil
}
