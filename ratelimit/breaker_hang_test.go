package ratelimit_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

// TestProbesContinue: after many calls that never returned, a store that works
// again is used.
func TestProbesContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, never := newFaulty(), make(chan struct{})
		defer close(never)
		store.set(func(context.Context) error { <-never; return errDown })
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
		var wg sync.WaitGroup
		for range 400 {
			wg.Go(func() { _, _ = l.Take(t.Context(), "a", 1) })
		}
		wg.Wait()
		store.calls.Store(0)
		for range 3600 { // an hour
			time.Sleep(time.Second)
			if _, err := l.Take(t.Context(), "a", 1); err == nil {
				t.Error("no error")
			}
		}
		if n := store.calls.Load(); n > 3600/15+16 {
			t.Errorf("%d calls in an hour, each of which may be lost", n)
		}
		store.set(nil)
		time.Sleep(15 * time.Second)
		for range 5 {
			if _, err := l.Take(t.Context(), "b", 1); err != nil {
				t.Fatalf("15 seconds after the store works again: %v", err)
			}
		}
	})
}

// TestLostCallsAreBounded: of the calls of a store that answers most of them, a bounded
// number never returns.
func TestLostCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, never := newFaulty(), make(chan struct{})
		defer close(never)
		var calls, lost atomic.Int64
		store.set(func(context.Context) error {
			if calls.Add(1)%10 == 0 {
				lost.Add(1)
				<-never
			}
			return nil
		})
		many := ratelimit.Limit{Name: "many", Quota: 1e6, Window: time.Hour}
		l := guard.Must(ratelimit.New(many, byHeader, &ratelimit.Options{Store: store}))
		for begun := time.Now(); time.Since(begun) < 10*time.Minute; time.Sleep(10 * time.Millisecond) {
			_, _ = l.Take(t.Context(), "a", 1)
		}
		if n := lost.Load(); n < 256+16*30 || n > 256+16*(600/15+1) {
			t.Errorf("%d calls never returned", n)
		}
	})
}

// TestManyHang: calls that hang do not pile up.
func TestManyHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		begun := time.Now()
		store.set(hangs(24 * time.Hour))
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
		for _, tt := range []struct {
			after time.Duration
			most  int64
		}{{time.Second, 100}, {time.Minute, 100 + 60}, {time.Hour, 256 + 3600/15}} {
			for time.Since(begun) < tt.after {
				var wg sync.WaitGroup
				for range 100 {
					wg.Go(func() { _, _ = l.Take(t.Context(), "a", 1) })
				}
				wg.Wait()
				time.Sleep(time.Second)
			}
			if n := store.calls.Load(); n > tt.most {
				t.Errorf("%d calls hang after %v", n, tt.after)
			}
		}
		time.Sleep(48 * time.Hour)
	})
}

// TestLateGrantIsGivenBack: a take that the store grants after the request was
// refused does not count.
func TestLateGrantIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
		store.set(hangs(time.Second))
		for range 3 {
			if _, err := l.Take(t.Context(), "a", 1); err == nil {
				t.Error("no error")
			}
		}
		store.set(nil)
		time.Sleep(time.Minute)
		if res, err := l.Peek(t.Context(), "a"); err != nil || res.Remaining != 5 {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

// slowTakes is a store that grants takes late and never gives them back.
type slowTakes struct {
	ratelimit.Store
	never     chan struct{}
	giveBacks atomic.Int64
}

func (s *slowTakes) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	time.Sleep(260 * time.Millisecond)
	return s.Store.Take(ctx, takes)
}

func (s *slowTakes) GiveBack(context.Context, []ratelimit.Taken) error {
	s.giveBacks.Add(1)
	<-s.never
	return nil
}

// TestGiveBacksThatHang: giving back late grants is a call of the store like others.
func TestGiveBacksThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowTakes{Store: guard.Must(ratelimit.NewMemory(nil)), never: make(chan struct{})}
		defer close(store.never)
		many := ratelimit.Limit{Name: "many", Quota: 1e6, Window: time.Hour}
		l := guard.Must(ratelimit.New(many, byHeader, &ratelimit.Options{Store: store}))
		for range 36000 { // an hour
			_, _ = l.Take(t.Context(), "a", 1)
			time.Sleep(100 * time.Millisecond)
		}
		if n := store.giveBacks.Load(); n > 256+16+2*3600/15 {
			t.Errorf("%d calls hang after an hour", n)
		}
	})
}
