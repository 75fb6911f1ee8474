package flight_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/internal/flight"
)

func group(o flight.Options) *flight.Group[string, int] {
	o.Name = "x: the call"
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	return flight.New[string, int](o)
}

func TestOutcomes(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		call func(context.Context) (int, error)
		want string
	}{
		{"success", func(context.Context) (int, error) { return 1, nil }, ""},
		{"error", func(context.Context) (int, error) { return 0, broken }, "broken"},
		{"panic", func(context.Context) (int, error) { panic("oh") }, "x: the call panicked: oh"},
		{"Goexit", func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, "x: the call ended its goroutine"},
		{"timeout", func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(time.Millisecond); return 1, nil }, "x: the call took more than 1s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := group(flight.Options{Max: 1})
				v, err := g.Do(t.Context(), "a", tt.call)
				if tt.want == "" && (v != 1 || err != nil) || tt.want != "" && (v != 0 || err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("%d, %v; want %q", v, err, tt.want)
				}
				synctest.Wait()
				time.Sleep(time.Second)
				if v, err := g.Do(t.Context(), "a", func(context.Context) (int, error) { return 2, nil }); v != 2 || err != nil {
					t.Errorf("the next call: %d, %v", v, err)
				}
			})
		})
	}
}

// TestSharing has two requests with one key: the first leaves, and the call goes on.
func TestSharing(t *testing.T) {
	for _, alone := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := group(flight.Options{Max: 2, Alone: alone})
			var calls atomic.Int32
			results := make(chan error, 2)
			f := func(context.Context) (int, error) {
				calls.Add(1)
				time.Sleep(100 * time.Millisecond)
				return 1, nil
			}
			leaving, leave := context.WithCancel(t.Context())
			go func() { _, err := g.Do(leaving, "a", f); results <- err }()
			synctest.Wait()
			go func() { _, err := g.Do(t.Context(), "a", f); results <- err }()
			synctest.Wait()
			leave()
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("alone %t: the client that left got %v", alone, err)
			}
			if err := <-results; err != nil {
				t.Errorf("alone %t: the client that stayed got %v", alone, err)
			}
			time.Sleep(time.Second)
			if got, want := calls.Load(), map[bool]int32{false: 1, true: 2}[alone]; got != want {
				t.Errorf("alone %t: %d calls, want %d", alone, got, want)
			}
		})
	}
}

// TestBusy has one more request than calls may run: it fails, at once or after Wait.
func TestBusy(t *testing.T) {
	for _, wait := range []time.Duration{0, 50 * time.Millisecond, 300 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			g := group(flight.Options{Max: 1, Wait: wait})
			go func() {
				_, _ = g.Do(t.Context(), "a", func(context.Context) (int, error) { time.Sleep(100 * time.Millisecond); return 1, nil })
			}()
			synctest.Wait()
			start := time.Now()
			_, err := g.Do(t.Context(), "b", func(context.Context) (int, error) { return 1, nil })
			if busy := wait < 100*time.Millisecond; busy != errors.Is(err, flight.ErrBusy) || !busy && err != nil {
				t.Errorf("wait %v: %v", wait, err)
			}
			if waited := time.Since(start); waited != min(wait, 100*time.Millisecond) {
				t.Errorf("wait %v: waited %v", wait, waited)
			}
			time.Sleep(time.Second)
		})
	}
}

// TestCallsInTurn: a call that has returned makes room before its caller goes on.
func TestCallsInTurn(t *testing.T) {
	g := group(flight.Options{Max: 1, Timeout: time.Minute})
	for range 10_000 {
		if _, err := g.Do(t.Context(), "a", func(context.Context) (int, error) { return 1, nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCallsThatNeverReturn: calls go on where Max calls have never returned, and the
// number of those grows slowly. Max of them ended all calls for ever.
func TestCallsThatNeverReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 4
		g := group(flight.Options{Max: limit, Alone: true})
		never := make(chan struct{})
		var calls atomic.Int64
		begun := time.Now()
		for time.Since(begun) < time.Hour {
			_, err := g.Do(t.Context(), "a", func(context.Context) (int, error) { calls.Add(1); <-never; return 0, nil })
			if err == nil {
				t.Error("no error")
			}
			time.Sleep(time.Second)
		}
		if n := calls.Load(); n < 3600/20 || n > limit+3600/15 {
			t.Errorf("%d calls hang after an hour", n)
		}
		works := func(context.Context) (int, error) { time.Sleep(time.Millisecond); return 1, nil }
		time.Sleep(15 * time.Second)
		for range 100 {
			if _, err := g.Do(t.Context(), "a", works); err != nil {
				t.Fatalf("15 seconds later: %v", err)
			}
		}
		close(never)
		synctest.Wait()
		var succeeded, busy atomic.Int64
		var wg sync.WaitGroup
		for range 3 * limit {
			wg.Go(func() {
				if _, err := g.Do(t.Context(), "a", works); err == nil {
					succeeded.Add(1)
				} else if errors.Is(err, flight.ErrBusy) {
					busy.Add(1)
				}
			})
		}
		wg.Wait()
		if succeeded.Load() != limit || busy.Load() != 2*limit {
			t.Errorf("after all have returned, %d calls run at once, want %d", succeeded.Load(), limit)
		}
	})
}

// TestCallsThatReturnLate: a call that takes longer than Timeout counts as one of Max
// until it returns or another replaces it, a single time.
func TestCallsThatReturnLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(20) {
			random := rand.New(rand.NewPCG(seed, 1))
			const limit = 3
			g := group(flight.Options{Max: limit, Alone: true, Wait: time.Second / 2})
			var mu sync.Mutex
			running, most := 0, 0
			count := func(n int) {
				mu.Lock()
				defer mu.Unlock()
				running += n
				most = max(most, running)
			}
			var wg sync.WaitGroup
			begun := time.Now()
			for time.Since(begun) < time.Minute {
				takes := time.Duration(random.Int64N(int64(20 * time.Second)))
				wg.Go(func() {
					_, _ = g.Do(t.Context(), "a", func(context.Context) (int, error) {
						count(1)
						defer count(-1)
						time.Sleep(takes)
						return 1, nil
					})
				})
				time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
			}
			wg.Wait()
			time.Sleep(time.Minute)
			synctest.Wait()
			if most > limit+2 { // none takes longer than 20 s, and one is replaced in 15
				t.Errorf("seed %d: %d calls ran at once", seed, most)
			}
			for range limit {
				wg.Go(func() {
					if _, err := g.Do(t.Context(), "a", func(context.Context) (int, error) { time.Sleep(time.Millisecond); return 1, nil }); err != nil {
						t.Errorf("seed %d: %v", seed, err)
					}
				})
			}
			wg.Wait()
		}
	})
}
