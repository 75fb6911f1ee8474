package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
)

// TestGlobalGetsIntoNoDebt: refusals in parallel cost no tokens: a reservation
// that is cancelled in x/time/rate does, where another was made meanwhile.
func TestGlobalGetsIntoNoDebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := ratelimit.Global(1, 1)
		if err != nil {
			t.Fatal(err)
		}
		granted := 0
		for second := range 5 {
			var mu sync.Mutex
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 500 {
						err := b.Take()
						var e *guard.Error
						mu.Lock()
						switch {
						case err == nil:
							granted++
						case !errors.As(err, &e) || e.Header.Get("Retry-After") != "1":
							t.Errorf("second %d: %v, %v", second, err, e.Header)
						}
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			time.Sleep(time.Second)
		}
		if granted != 5 {
			t.Errorf("%d granted, want 5", granted)
		}
	})
}

// TestDenyNewWhenFullForgetsNobody: also while the store grows to its size.
func TestDenyNewWhenFullForgetsNobody(t *testing.T) {
	l := ratelimit.Limit{Name: "l", Quota: 2, Window: time.Hour}
	for _, size := range []int{1, 8, 27, 430, 3416, 50_000} {
		if race.Enabled && size > 10_000 {
			continue
		}
		c := newClock()
		m := newMemory(c, size, true)
		var in []string
		for i := range size*3/2 + 20 {
			key := fmt.Sprint(i)
			if s := take(t, m, l, key, 1); s.RetryAfter <= 0 {
				in = append(in, key)
			}
		}
		if len(in) < size {
			t.Errorf("MaxKeys %d: %d keys found room", size, len(in))
		}
		for _, key := range in {
			if s := take(t, m, l, key, 0); s.RetryAfter > 0 || s.Remaining != 1 {
				t.Fatalf("MaxKeys %d: key %s was forgotten: %+v", size, key, s)
			}
		}
	}
}

// TestAllOrNoneWhenFull: two limits that both need the last slot take nothing.
func TestAllOrNoneWhenFull(t *testing.T) {
	a := ratelimit.Limit{Name: "a", Quota: 5, Window: time.Hour}
	b := ratelimit.Limit{Name: "b", Quota: 5, Window: time.Minute}
	m := newMemory(newClock(), 1, true)
	for i := range 7 { // of eight slots
		take(t, m, a, fmt.Sprint(i), 1)
	}
	states, err := m.Take(t.Context(), []ratelimit.Take{{Limit: a, Key: "x", Cost: 1}, {Limit: b, Key: "x", Cost: 1}})
	if err != nil || states[0].RetryAfter > 0 || states[0].Remaining != 5 || states[1].RetryAfter <= 0 {
		t.Errorf("%+v, %v", states, err)
	}
	for _, l := range []ratelimit.Limit{a, b} {
		if s := take(t, m, l, "x", 0); s.Remaining != 5 {
			t.Errorf("%s was taken: %+v", l.Name, s)
		}
	}
}

// TestOnlyKeysSkip: an error for which ErrSkip is a mere cause lifts no limit.
func TestOnlyKeysSkip(t *testing.T) {
	skips := func(*http.Request) (netip.Addr, error) { return netip.Addr{}, ratelimit.ErrSkip }
	limit := ratelimit.Limit{Quota: 1, Window: time.Hour}
	for name, tt := range map[string]struct {
		key  ratelimit.Key
		opts ratelimit.Options
		want int
	}{
		"a key":            {func(*http.Request) (string, error) { return "", ratelimit.ErrSkip }, ratelimit.Options{}, 200},
		"a key, wrapped":   {func(*http.Request) (string, error) { return "", fmt.Errorf("x: %w", ratelimit.ErrSkip) }, ratelimit.Options{}, 200},
		"a way to tell IP": {ratelimit.ByIP(skips), ratelimit.Options{}, 400},
		"LimitsOf": {ratelimit.ByIP(clientip.Direct()), ratelimit.Options{LimitsOf: func(context.Context) ([]ratelimit.Limit, error) {
			return nil, ratelimit.ErrSkip
		}}, 500},
	} {
		h := guard.Must(ratelimit.New(limit, tt.key, &tt.opts)).Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", name, w.Code, tt.want)
		}
	}
}

// TestOneAccountInAllCases: what strings.EqualFold takes for one account has one
// count.
func TestOneAccountInAllCases(t *testing.T) {
	l := guard.Must(ratelimit.NewLogin(clientip.Direct(), nil))
	tried := 0
	for i, account := range []string{"boss", "BOSS", " boſs", "bosſ", "boſſ\t"} {
		for j := range 20 {
			r := httptest.NewRequest("POST", "/", nil)
			r.RemoteAddr = fmt.Sprintf("10.%d.%d.1:1", i, j)
			if _, err := l.Attempt(r, account); err == nil {
				tried++
			}
		}
	}
	if tried != 10 {
		t.Errorf("%d guesses, want 10", tried)
	}
}

// TestSucceedForgetsWhatTheFallbackCounted: else a store that fails again finds
// failures that a right login has forgiven.
func TestSucceedForgetsWhatTheFallbackCounted(t *testing.T) {
	store, attempt := switchedLogin()
	store.down = true
	for i := range 2 {
		if _, err := attempt(i); err != nil {
			t.Fatal(err)
		}
	}
	store.down = false
	a, err := attempt(2)
	if err == nil {
		err = a.Succeed(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	store.down = true
	for i := range 4 {
		if _, err := attempt(3 + i); (err == nil) != (i < 3) {
			t.Errorf("failure %d after a right login: %v", i+1, err)
		}
	}
}

// switchedLogin is a login of alice, three failures an hour, each attempt from an
// address of its own, and its store.
func switchedLogin() (*switched, func(i int) (*ratelimit.Attempt, error)) {
	c := newClock()
	store := &switched{Store: newMemory(c, 0, false)}
	l := guard.Must(ratelimit.NewLogin(clientip.Direct(), &ratelimit.LoginOptions{
		Store: store, Secret: make([]byte, 16), Now: c.Now, Account: ratelimit.Limit{Quota: 3, Window: time.Hour},
	}))
	return store, func(i int) (*ratelimit.Attempt, error) {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = fmt.Sprintf("10.0.%d.1:1", i)
		return l.Attempt(r, "alice")
	}
}

// switched is a store that can be down.
type switched struct {
	ratelimit.Store
	down bool
}

func (s *switched) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	if s.down {
		return nil, errors.New("down")
	}
	return s.Store.Take(ctx, takes)
}

// TestGlobalInParallel: no take is granted twice the same time.
func TestGlobalInParallel(t *testing.T) {
	const rate = 10_000
	b, err := ratelimit.Global(rate, rate)
	if err != nil {
		t.Fatal(err)
	}
	start, granted := time.Now(), new(atomic.Int64)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for time.Since(start) < 300*time.Millisecond {
				if b.Take() == nil {
					granted.Add(1)
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	if most := rate + rate*time.Since(start).Seconds() + 1; float64(granted.Load()) > most {
		t.Errorf("%d granted, at most %.0f", granted.Load(), most)
	}
}

// TestGlobalWaitsForCenturies: a rate of next to nothing overflows no time.
func TestGlobalWaitsForCenturies(t *testing.T) {
	b, err := ratelimit.Global(1e-11, 1)
	if err != nil || b.Take() != nil {
		t.Fatal(err)
	}
	var e *guard.Error
	if !errors.As(b.Take(), &e) || len(e.Header.Get("Retry-After")) < 10 {
		t.Errorf("Retry-After %v", e.Header)
	}
}

// TestSucceedInTheFallbackForgetsInTheStore: failures of before an outage are
// forgiven by a right login during it, where the store is back by then.
func TestSucceedInTheFallbackForgetsInTheStore(t *testing.T) {
	store, attempt := switchedLogin()
	for i := range 3 {
		if _, err := attempt(i); err != nil {
			t.Fatal(err)
		}
	}
	store.down = true
	a, err := attempt(3)
	store.down = false
	if err == nil {
		err = a.Succeed(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := attempt(4); err != nil {
		t.Errorf("after a right login: %v", err)
	}
}
