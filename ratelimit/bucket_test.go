package ratelimit_test

import (
	"errors"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/ratelimit"
)

func TestBucket(t *testing.T) {
	b := guard.Must(ratelimit.NewBucket(0.001, 2))
	for i := range 4 {
		a := serve(t, b.Wrap, of(strconv.Itoa(i)))
		if want := i < 2; a.reached != want || a.decisions[0].Guard != "global" {
			t.Errorf("request %d: %d %+v", i, a.Code, a.decisions)
		}
		if i >= 2 && a.Header().Get("Retry-After") != "1000" { // refused ones do not queue
			t.Errorf("Retry-After %s", a.Header().Get("Retry-After"))
		}
	}
	w := httptest.NewRecorder()
	guard.Refuse(w, of("a"), b.Take())
	if w.Code != 429 || w.Header().Get("Retry-After") != "1000" {
		t.Errorf("Take: %d %v", w.Code, w.Header())
	}
	if err := guard.Must(ratelimit.NewBucket(1, 1)).Take(); err != nil {
		t.Error(err)
	}
	for _, bad := range [][2]float64{{0, 1}, {-1, 1}, {1, 0}, {1, -1}} {
		if _, err := ratelimit.NewBucket(rateOf(bad[0]), int(bad[1])); err == nil {
			t.Errorf("NewBucket(%v) has no error", bad)
		}
	}
}

func rateOf(f float64) rate.Limit { return rate.Limit(f) }

// TestBucketGetsIntoNoDebt: refusals in parallel cost no tokens: a reservation
// that is cancelled in x/time/rate does, where another was made meanwhile.
func TestBucketGetsIntoNoDebt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := ratelimit.NewBucket(1, 1)
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

// TestBucketInParallel: no take is granted twice the same time.
func TestBucketInParallel(t *testing.T) {
	const rate = 10_000
	b, err := ratelimit.NewBucket(rate, rate)
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

// TestBucketWaitsForCenturies: a rate of next to nothing overflows no time.
func TestBucketWaitsForCenturies(t *testing.T) {
	b, err := ratelimit.NewBucket(1e-11, 1)
	if err != nil || b.Take() != nil {
		t.Fatal(err)
	}
	var e *guard.Error
	if !errors.As(b.Take(), &e) || len(e.Header.Get("Retry-After")) < 10 {
		t.Errorf("Retry-After %v", e.Header)
	}
}
