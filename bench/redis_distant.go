package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

const roundTrip = 20 * time.Millisecond

// distantRedis takes in 10 goroutines from a server that is 20 ms away. A busy machine
// adds to the times, so that the best of five parts of the load counts.
func distantRedis(set settings) (comparison, error) {
	near, stop, err := startRedis()
	if err != nil {
		return comparison{}, err
	}
	defer stop()
	addr, closeDelay, err := delayed(near.Options().Addr)
	if err != nil {
		return comparison{}, err
	}
	defer closeDelay()
	c := redis.NewClient(&redis.Options{
		Addr: addr, ContextTimeoutEnabled: true, MaxRetries: -1, DialTimeout: time.Second, DialerRetries: 1,
	})
	defer c.Close()
	stores := guard.Must(redisstore.New(ctx, c, "bench"))
	limit := ratelimit.Limit{Name: "sliding", Quota: plenty, Window: window}
	limiter := guard.Must(ratelimit.New(limit, byIP, &ratelimit.Options{Store: stores.RateLimits()}))

	var failures atomic.Int64
	best := time.Duration(1 << 62)
	for range 5 {
		all := takeUntil(limiter, time.Now().Add(set.load/20), &failures)
		slices.Sort(all)
		best = min(best, all[len(all)*99/100])
	}
	return comparison{
		facts: []Fact{
			{"guard: 99 of 100 takes within", float64(best) / float64(time.Millisecond), "ms"},
			{"guard: takes that failed", float64(failures.Load()), ""},
			{"a round trip", float64(roundTrip) / float64(time.Millisecond), "ms"},
		},
		bars: []bar{
			factAtMost("guard: 99 of 100 takes within", 25),
			factAtMost("guard: takes that failed", 0),
		},
	}, nil
}

// takeUntil returns the times of takes.
func takeUntil(l *ratelimit.Limiter, end time.Time, failures *atomic.Int64) (all []time.Duration) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	for i := range 10 {
		workers.Go(func() {
			for begun := time.Now(); ; begun = time.Now() {
				if res, err := l.Take(context.Background(), fmt.Sprint(i), 1); err != nil || !res.OK {
					failures.Add(1)
				}
				mu.Lock()
				all = append(all, time.Since(begun))
				mu.Unlock()
				if time.Now().After(end) {
					return
				}
			}
		})
	}
	workers.Wait()
	return all
}

// delayed forwards connections to a server whose answers take a round trip.
func delayed(server string) (addr string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				in.Close()
				continue
			}
			go forward(out, in, roundTrip)
			go forward(in, out, 0)
		}
	}()
	return l.Addr().String(), func() { l.Close() }, nil
}

func forward(to, from net.Conn, delay time.Duration) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		time.Sleep(delay)
		if _, failed := to.Write(b[:n]); err != nil || failed != nil {
			return
		}
	}
}
