package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/race"
)

// slow is a store that takes its time to record a use.
type slow struct {
	apikey.Store
	mu    sync.Mutex
	takes time.Duration
	uses  []string
	err   error
}

func (s *slow) Used(ctx context.Context, id string, at time.Time) error {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	s.uses = append(s.uses, id)
	s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return s.Store.Used(ctx, id, at)
}

func (s *slow) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uses)
}

func use(t *testing.T, ring *apikey.Ring, key string) {
	t.Helper()
	if _, err := ring.Authenticate(request("X-API-Key", key)); err != nil {
		t.Fatal(err)
	}
}

// The last use is recorded at most every five minutes, off the request's path.
func TestLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: apikey.NewMemory(nil), takes: time.Second}
		ring, _ := newRing(t, apikey.RingOptions{Store: store, Now: time.Now})
		key, rec := issue(t, ring, apikey.Grant{})
		start := time.Now()
		for range 100 {
			use(t, ring, key)
		}
		if time.Now() != start {
			t.Error("a request waited for the store")
		}
		time.Sleep(2 * time.Second) // the bubble's clock
		synctest.Wait()
		if n := store.count(); n != 1 {
			t.Errorf("%d writes for 100 uses", n)
		}
		if got, _, _ := ring.Load(t.Context(), rec.ID); !got.LastUsedAt.Equal(start.Truncate(time.Millisecond)) {
			t.Errorf("last use %v, want %v", got.LastUsedAt, start)
		}
		time.Sleep(5*time.Minute - 3*time.Second)
		use(t, ring, key)
		synctest.Wait()
		time.Sleep(time.Minute)
		if n := store.count(); n != 1 {
			t.Errorf("%d writes within five minutes", n)
		}
		time.Sleep(time.Minute)
		use(t, ring, key)
		if err := ring.Close(t.Context()); err != nil { // drains
			t.Error(err)
		}
		if n := store.count(); n != 2 {
			t.Errorf("%d writes after Close, want 2", n)
		}
		time.Sleep(time.Hour)
		use(t, ring, key) // still authenticates
		synctest.Wait()
		if n := store.count(); n != 2 {
			t.Error("a use was recorded after Close")
		}
	})
}

// A store that hangs or fails to record delays Close only as long as its caller
// lets it, and no request.
func TestLastUseOfABadStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: apikey.NewMemory(nil), takes: time.Hour}
		ring, _ := newRing(t, apikey.RingOptions{Store: store, Now: time.Now})
		for range 2000 {
			key, _ := issue(t, ring, apikey.Grant{})
			use(t, ring, key)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		if err := ring.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v", err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait() // the worker stops once its last write timed out
		if err := ring.Close(t.Context()); err != nil {
			t.Errorf("Close again = %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: apikey.NewMemory(nil), err: errDown}
		ring, _ := newRing(t, apikey.RingOptions{Store: store, Now: time.Now})
		key, _ := issue(t, ring, apikey.Grant{})
		for range 3 {
			use(t, ring, key)
			synctest.Wait()
		}
		if n := store.count(); n != 1 {
			t.Errorf("%d tries at once", n)
		}
		time.Sleep(5 * time.Minute)
		use(t, ring, key)
		if err := ring.Close(t.Context()); err != nil || store.count() != 2 {
			t.Errorf("Close = %v after %d tries", err, store.count())
		}
	})
}

// What is kept about uses is bounded, and room comes back with time.
func TestLastUseIsBounded(t *testing.T) {
	if race.Enabled {
		t.Skip("counts only, and slow under the race detector")
	}
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: apikey.NewMemory(nil)}
		ring, _ := newRing(t, apikey.RingOptions{Store: store, Now: time.Now})
		keys := make([]string, 17_000)
		for i := range keys {
			keys[i], _ = issue(t, ring, apikey.Grant{Subject: fmt.Sprint(i)})
		}
		for i, key := range keys {
			use(t, ring, key)
			if i%500 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if n := store.count(); n != 16384 {
			t.Errorf("%d uses are kept", n)
		}
		before := store.count()
		time.Sleep(6 * time.Minute)
		use(t, ring, keys[16_999])
		synctest.Wait()
		if store.count() != before+1 {
			t.Error("no room came back")
		}
	})
}

// Parallel requests with one key record one use.
func TestLastUseInParallel(t *testing.T) {
	store := &slow{Store: apikey.NewMemory(nil)}
	ring, _ := newRing(t, apikey.RingOptions{Store: store, Now: time.Now})
	key, _ := issue(t, ring, apikey.Grant{})
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() { _, _ = ring.Authenticate(request("X-API-Key", key)) })
	}
	wg.Wait()
	if err := ring.Close(t.Context()); err != nil || store.count() != 1 {
		t.Errorf("%d writes, %v", store.count(), err)
	}
}
