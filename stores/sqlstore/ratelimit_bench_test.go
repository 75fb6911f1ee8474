package sqlstore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

// BenchmarkTakes measures takes from many counts, from one, from two at a time and from
// a full one, by one process and by two in turn and, for comparison, the load of a
// session.
func BenchmarkTakes(b *testing.B) {
	minute := ratelimit.Limit{Name: "minute", Quota: 1 << 30, Window: time.Minute}
	hour := ratelimit.Limit{Name: "hour", Quota: 1 << 30, Window: time.Hour}
	full := ratelimit.Limit{Name: "full", Quota: 1, Window: 24 * time.Hour}
	for _, back := range backends {
		b.Run(back.name, func(b *testing.B) {
			s, p := back.stores(b, nil)
			rec := sessiontest.Record("alice")
			if err := s.Sessions().Insert(b.Context(), rec, session.AnyEpoch); err != nil {
				b.Fatal(err)
			}
			stores := []ratelimit.Store{s.RateLimits(), back.in(b, p, nil).RateLimits()}
			take := func(store ratelimit.Store, takes ...ratelimit.Take) error {
				_, err := store.Take(b.Context(), takes)
				return err
			}
			key := func(n int64) string { return fmt.Sprint("key ", n%1000) }
			for _, step := range []struct {
				name string
				run  func(n int64) error
			}{
				{"Sessions.Load", func(int64) error { _, _, err := s.Sessions().Load(b.Context(), rec.Key); return err }},
				{"many", func(n int64) error { return take(stores[0], ratelimit.Take{Limit: minute, Key: key(n), Cost: 1}) }},
				{"two processes", func(n int64) error {
					return take(stores[n%2], ratelimit.Take{Limit: minute, Key: key(n / 2), Cost: 1})
				}},
				{"one", func(int64) error { return take(stores[0], ratelimit.Take{Limit: minute, Key: "one", Cost: 1}) }},
				{"one, two processes", func(n int64) error { return take(stores[n%2], ratelimit.Take{Limit: minute, Key: "one", Cost: 1}) }},
				{"two at a time", func(n int64) error {
					return take(stores[0], ratelimit.Take{Limit: minute, Key: key(n), Cost: 1}, ratelimit.Take{Limit: hour, Key: key(n), Cost: 1})
				}},
				{"refused", func(int64) error {
					return take(stores[0], ratelimit.Take{Limit: full, Key: "one", Cost: 1, Fresh: true})
				}},
			} {
				for _, goroutines := range []int{1, 32} {
					b.Run(fmt.Sprintf("%s/%d", step.name, goroutines), func(b *testing.B) {
						var next atomic.Int64
						var wg sync.WaitGroup
						for range goroutines {
							wg.Go(func() {
								for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
									if err := step.run(n); err != nil {
										b.Error(err)
									}
								}
							})
						}
						wg.Wait()
						b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "/s")
					})
				}
			}
		})
	}
}

// BenchmarkCountSize measures the size of 10,000 counts after one take each, and after
// five more.
func BenchmarkCountSize(b *testing.B) {
	for _, back := range backends {
		b.Run(back.name, func(b *testing.B) {
			s, p := back.stores(b, nil)
			db, limits := p.open(b), s.RateLimits()
			const n = 10_000
			before := size(b, db, back.dialect, "guard_counts")
			take := func() {
				var next atomic.Int64
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() {
						for i := next.Add(1); i <= n; i = next.Add(1) {
							_, err := limits.Take(b.Context(), []ratelimit.Take{{
								Limit: ratelimit.Limit{Name: "address", Quota: 100, Window: time.Minute}, Key: fmt.Sprint(i), Cost: 1,
							}})
							if err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
			}
			take()
			b.ReportMetric(float64(size(b, db, back.dialect, "guard_counts")-before)/n, "B/count")
			for range 5 {
				take()
			}
			b.ReportMetric(float64(size(b, db, back.dialect, "guard_counts")-before)/n, "B/count-later")
			b.ReportMetric(0, "ns/op")
		})
	}
}
