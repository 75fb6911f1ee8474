package apikey_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// slow takes its time to record a use, and fails on demand.
type slow struct {
	apikey.Store
	takes time.Duration
	err   error
	calls atomic.Int32
}

func (s *slow) Used(ctx context.Context, id string, key apikey.Digest, at time.Time) error {
	s.calls.Add(1)
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.err != nil {
		return s.err
	}
	return s.Store.Used(ctx, id, key, at)
}

// use authenticates with a key and returns the decisions about the request.
func use(t *testing.T, ctx context.Context, ring *apikey.Ring, key string) (made []guard.Decision) {
	t.Helper()
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { made = append(made, d) })
	if w, _ := serve(t, guard.Chain(observe, ring.Wrap), request("X-API-Key", key).WithContext(ctx)); w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
	return made
}

// The last use is recorded at most every five minutes.
func TestLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: guard.Must(apikey.NewMemory(nil))}
		ring, _ := newRing(t, apikey.RingOptions{Store: store, Now: time.Now})
		key, rec := issue(t, ring, apikey.Grant{})
		start := time.Now()
		for _, tt := range []struct {
			at     time.Duration
			writes int32
			used   time.Duration
		}{
			{0, 1, 0},
			{0, 1, 0},
			{time.Second, 1, 0},
			{5*time.Minute - time.Second, 1, 0},
			{5 * time.Minute, 2, 5 * time.Minute},
			{10*time.Minute - 1, 2, 5 * time.Minute},
			{10 * time.Minute, 3, 10 * time.Minute},
			{24 * time.Hour, 4, 24 * time.Hour},
		} {
			time.Sleep(time.Until(start.Add(tt.at))) // the bubble's clock
			made := use(t, t.Context(), ring, key)
			if n := store.calls.Load(); n != tt.writes {
				t.Errorf("after %v: %d writes, want %d", tt.at, n, tt.writes)
			}
			if got, _, _ := ring.Load(t.Context(), rec.ID); !got.LastUsedAt.Equal(start.Add(tt.used).Truncate(time.Millisecond)) {
				t.Errorf("after %v: last use %v, want %v later than %v", tt.at, got.LastUsedAt, tt.used, start)
			}
			if len(made) != 1 || made[0].Outcome != guard.Allowed {
				t.Errorf("after %v: decisions %+v", tt.at, made)
			}
		}
	})
}

// A use that cannot be recorded is reported, and the request goes on. A store
// that hangs delays it by a second at most.
func TestLastUseOfABadStore(t *testing.T) {
	for name, tt := range map[string]struct {
		takes time.Duration
		err   error
		want  error
		delay time.Duration
	}{
		"failing": {0, errDown, errDown, 0},
		"slow":    {time.Second / 2, nil, nil, time.Second / 2},
		"hanging": {time.Hour, nil, context.DeadlineExceeded, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &slow{Store: guard.Must(apikey.NewMemory(nil)), takes: tt.takes, err: tt.err}
				ring, _ := newRing(t, apikey.RingOptions{Store: store, Now: time.Now})
				key, _ := issue(t, ring, apikey.Grant{})
				start := time.Now()
				made := use(t, t.Context(), ring, key)
				if d := time.Since(start); d != tt.delay { // exact: the bubble's clock
					t.Errorf("the request waited for %v, want %v", d, tt.delay)
				}
				if tt.want == nil {
					if len(made) != 1 {
						t.Errorf("decisions %+v", made)
					}
					return
				}
				if len(made) != 2 || made[1].Outcome != guard.Allowed {
					t.Fatalf("decisions %+v", made)
				}
				d := made[0]
				if d.Package != "apikey" || d.Guard != "last use" || d.Outcome != guard.Failed || d.Reason != tt.want.Error() || !errors.Is(d.Err, tt.want) {
					t.Errorf("decision %+v", d)
				}
				// A bad store delays one request a minute, not every one.
				start = time.Now()
				use(t, t.Context(), ring, key)
				if n := store.calls.Load(); n != 1 || time.Since(start) > 0 {
					t.Errorf("%d writes for two requests, the second waited %v", n, time.Since(start))
				}
				time.Sleep(time.Minute) // the bubble's clock
				use(t, t.Context(), ring, key)
				if n := store.calls.Load(); n != 2 {
					t.Errorf("%d writes for three requests", n)
				}
			})
		})
	}
}

// A client that disconnects does not cancel the write.
func TestLastUseOfACancelledRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: guard.Must(apikey.NewMemory(nil)), takes: time.Millisecond}
		ring, _ := newRing(t, apikey.RingOptions{Store: store, Now: time.Now})
		key, rec := issue(t, ring, apikey.Grant{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		use(t, ctx, ring, key)
		if got, _, _ := ring.Load(t.Context(), rec.ID); got.LastUsedAt.IsZero() {
			t.Error("the use was not recorded")
		}
	})
}

// A refused key is not recorded as used.
func TestLastUseOfARefusedKey(t *testing.T) {
	store := &slow{Store: guard.Must(apikey.NewMemory(nil))}
	ring, _ := newRing(t, apikey.RingOptions{Store: store})
	key, rec := issue(t, ring, apikey.Grant{})
	if _, err := ring.Revoke(t.Context(), rec.ID); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{key, apikey.ForgeKey(rec.ID)} {
		if status, _, _ := answer(t, ring, request("X-API-Key", key)); status != 401 || store.calls.Load() != 0 {
			t.Errorf("status %d, %d writes", status, store.calls.Load())
		}
	}
}

// Requests in parallel record the same use; none fails.
func TestLastUseInParallel(t *testing.T) {
	store := &slow{Store: guard.Must(apikey.NewMemory(nil))}
	ring, _ := newRing(t, apikey.RingOptions{Store: store, Now: time.Now})
	key, rec := issue(t, ring, apikey.Grant{})
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if _, err := ring.Authenticate(request("X-API-Key", key)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, _, _ := ring.Load(t.Context(), rec.ID); got.LastUsedAt.IsZero() {
		t.Error("the use was not recorded")
	}
}
