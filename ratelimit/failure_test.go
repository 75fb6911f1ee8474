package ratelimit_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

// patient is the timeout where time is real: a busy machine is no dead store.
const patient = time.Minute

// A faulty store does what it is told.
type faulty struct {
	ratelimit.Store
	mu    sync.Mutex
	fault func(ctx context.Context) error // nil: works
	calls atomic.Int64
	keys  []string
}

func newFaulty() *faulty { return &faulty{Store: guard.Must(ratelimit.NewMemory(nil))} }

func (f *faulty) set(fault func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *faulty) fail(ctx context.Context) error {
	f.calls.Add(1)
	f.mu.Lock()
	fault := f.fault
	f.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(ctx)
}

func (f *faulty) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	if err := f.fail(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	for _, t := range takes {
		f.keys = append(f.keys, t.Key)
	}
	f.mu.Unlock()
	return f.Store.Take(ctx, takes)
}

func (f *faulty) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	if err := f.fail(ctx); err != nil {
		return err
	}
	return f.Store.GiveBack(ctx, taken)
}

var errDown = errors.New("connection refused by 10.1.2.3:6379")

func down(context.Context) error { return errDown }

// hangs ignores its context, as some client libraries do.
func hangs(d time.Duration) func(context.Context) error {
	return func(context.Context) error { time.Sleep(d); return nil }
}

func TestOnFailure(t *testing.T) {
	for name, tt := range map[string]struct {
		failure ratelimit.Failure
		codes   []int // of four requests with a quota of 2
	}{
		"default":         {ratelimit.Failure{}, []int{503, 503, 503, 503}},
		"closed":          {ratelimit.FailClosed(), []int{503, 503, 503, 503}},
		"open":            {ratelimit.FailOpen(), []int{204, 204, 204, 204}},
		"fallback":        {ratelimit.Fallback(guard.Must(ratelimit.NewMemory(nil))), []int{204, 204, 429, 429}},
		"a fallback down": {ratelimit.Fallback(&faulty{fault: down}), []int{503, 503, 503, 503}},
	} {
		t.Run(name, func(t *testing.T) {
			store := newFaulty()
			store.set(down)
			l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "n", Quota: 2, Window: time.Hour}, byHeader,
				&ratelimit.Options{Store: store, OnFailure: tt.failure, Timeout: patient}))
			for i, want := range tt.codes {
				a := serve(t, l.Wrap, of("a"))
				d := a.decisions[0]
				if a.Code != want || len(a.decisions) != 1 || strings.Contains(a.Body.String(), "10.1.2.3") {
					t.Errorf("request %d: %d %s %+v", i+1, a.Code, a.Body, a.decisions)
				}
				if want != 429 && (!errors.Is(d.Err, errDown) || !strings.Contains(d.Reason, "refused by")) {
					t.Errorf("request %d: the failure is not reported: %+v", i+1, d)
				}
				if (d.Outcome == guard.Failed) != (want == 503) {
					t.Errorf("request %d: %+v", i+1, d)
				}
			}
			store.set(nil)
		})
	}
}

// TestDeadStore: no request waits longer than the timeout, and most wait not
// at all; the store is asked again, by one request at a time, until it works.
func TestDeadStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.set(hangs(10 * time.Minute))
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
		waited := 0
		for range 1000 { // 10 s
			start := time.Now()
			if a := serve(t, l.Wrap, of("a")); a.Code != http.StatusServiceUnavailable {
				t.Fatalf("status %d", a.Code)
			}
			d := time.Since(start)
			if d > 50*time.Millisecond {
				t.Fatalf("waited %v", d)
			}
			if d > 0 {
				waited++
			}
			time.Sleep(10 * time.Millisecond)
		}
		if waited > 5+4 {
			t.Errorf("%d of 1000 requests waited", waited)
		}
		store.set(nil)
		time.Sleep(16 * time.Second) // the longest pause
		if a := serve(t, l.Wrap, of("a")); !a.reached {
			t.Errorf("status %d after the store came back", a.Code)
		}
		for range 4 {
			serve(t, l.Wrap, of("a"))
		}
		if a := serve(t, l.Wrap, of("a")); a.Code != 429 {
			t.Errorf("status %d: the limit is gone", a.Code)
		}
		time.Sleep(time.Hour) // what hangs ends
	})
}

// TestProbe: after a pause one request tries the store, not all.
func TestProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.set(down)
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
		for range 20 {
			serve(t, l.Wrap, of("a"))
		}
		if n := store.calls.Load(); n != 5 {
			t.Errorf("%d calls to a store that is down, want 5", n)
		}
		time.Sleep(time.Second)
		store.calls.Store(0)
		store.set(hangs(40 * time.Millisecond))
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { _, _ = l.Take(t.Context(), "a", 1) })
		}
		wg.Wait()
		if n := store.calls.Load(); n != 1 {
			t.Errorf("%d requests tried the store at once", n)
		}
		if _, err := l.Peek(t.Context(), "a"); err != nil {
			t.Errorf("the probe worked, and the store is not used: %v", err)
		}
	})
}

// TestManyHang: calls that hang do not pile up.
func TestManyHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty()
		store.set(hangs(time.Hour))
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store}))
		for range 10 {
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() { _, _ = l.Take(t.Context(), "a", 1) })
			}
			wg.Wait()
			time.Sleep(16 * time.Second)
		}
		if n := store.calls.Load(); n > 110 {
			t.Errorf("%d calls hang", n)
		}
		time.Sleep(2 * time.Hour)
	})
}

// TestLateGrantIsGivenBack: what the store granted after the request was
// refused does not count against the client.
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

// TestClientLeaves: a client that cancels its request is counted all the same,
// and does not count as a failure of the store.
func TestClientLeaves(t *testing.T) {
	store := newFaulty()
	store.set(func(ctx context.Context) error { return ctx.Err() })
	for _, failure := range []ratelimit.Failure{ratelimit.FailClosed(), ratelimit.FailOpen()} {
		l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "n", Quota: 5, Window: time.Hour}, byHeader,
			&ratelimit.Options{Store: store, OnFailure: failure, Timeout: patient}))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		key := "left" + strings.Repeat("x", int(store.calls.Load()))
		for i := range 10 {
			a := serve(t, l.Wrap, of(key).WithContext(ctx))
			if a.reached != (i < 5) || a.Code == 503 {
				t.Errorf("request %d: %d", i+1, a.Code)
			}
		}
	}
}

// broken stores answer what no store may.
type broken struct {
	states []ratelimit.State
	panics bool
}

func (b broken) Take(context.Context, []ratelimit.Take) ([]ratelimit.State, error) {
	if b.panics {
		panic("store")
	}
	return b.states, nil
}

func (b broken) GiveBack(context.Context, []ratelimit.Taken) error { panic("store") }

func TestBrokenStore(t *testing.T) {
	for name, store := range map[string]broken{
		"no states":       {},
		"too many states": {states: make([]ratelimit.State, 2)},
		"panics":          {panics: true},
	} {
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, Timeout: patient}))
		if a := serve(t, l.Wrap, of("a")); a.Code != 503 {
			t.Errorf("%s: %d", name, a.Code)
		}
		if err := l.Reset(t.Context(), "a"); err == nil {
			t.Errorf("%s: Reset has no error", name)
		}
	}
}

// TestStoresSeeHashes: what clients send does not get to a store.
func TestStoresSeeHashes(t *testing.T) {
	seen := map[string]bool{}
	for _, secret := range [][]byte{nil, []byte("0123456789abcdef"), []byte("another secret of ours")} {
		store := newFaulty()
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, Secret: secret, Timeout: patient}))
		for _, key := range []string{"alice@example.com", "k", strings.Repeat("long", 20_000)} {
			if a := serve(t, l.Wrap, of(key)); !a.reached {
				t.Fatalf("status %d", a.Code)
			}
			if a := serve(t, l.Wrap, of(key)); !a.reached {
				t.Fatalf("status %d", a.Code)
			}
		}
		for i, k := range store.keys {
			if len(k) != 22 || strings.Contains(k, "alice") {
				t.Errorf("the store saw %q", k)
			}
			if i%2 == 1 && k != store.keys[i-1] || i%2 == 0 && seen[k] {
				t.Errorf("key %d is %q, before %q", i, k, store.keys[max(i-1, 0)])
			}
			seen[k] = true
		}
	}
}
