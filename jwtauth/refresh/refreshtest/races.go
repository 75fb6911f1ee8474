package refreshtest

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// together runs f 64 times in parallel and counts its results.
func together(t *testing.T, f func() (refresh.Result, error)) map[refresh.Result]int {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	begin := make(chan struct{})
	counts := map[refresh.Result]int{}
	for range 64 {
		wg.Go(func() {
			<-begin
			result, err := f()
			mu.Lock()
			defer mu.Unlock()
			if counts[result]++; err != nil {
				t.Errorf("Rotate: %v", err)
			}
		})
	}
	close(begin)
	wg.Wait()
	return counts
}

// atOnce: of many parallel uses, one rotates and the others repeat it.
func atOnce(t *testing.T, s refresh.Store) {
	l := start(t, s, rand.Text())
	for generation := range int64(3) {
		r := l.rotation(generation+1, time.Duration(generation)*time.Minute)
		got := together(t, func() (refresh.Result, error) { return s.Rotate(t.Context(), r) })
		if got[refresh.Rotated] != 1 || got[refresh.Repeated] != 63 {
			t.Errorf("generation %d: %d rotated, %d repeated; want 1, 63: %v", generation+1, got[refresh.Rotated], got[refresh.Repeated], got)
		}
	}
}

// atOnceWithoutGrace: one use rotates, the next one ends the family, and no
// family exists for the others.
func atOnceWithoutGrace(t *testing.T, s refresh.Store) {
	l := start(t, s, rand.Text())
	r := l.rotation(1, time.Second)
	r.Grace = 0
	got := together(t, func() (refresh.Result, error) { return s.Rotate(t.Context(), r) })
	if got[refresh.Rotated] != 1 || got[refresh.Reused] != 1 || got[refresh.FamilyUnknown] != 62 {
		t.Errorf("%d rotated, %d reused, %d unknown; want 1, 1, 62: %v",
			got[refresh.Rotated], got[refresh.Reused], got[refresh.FamilyUnknown], got)
	}
	l.want(t, 2, time.Second, refresh.FamilyUnknown)
}

// revokeWins: a family that was revoked stays revoked beside parallel uses.
func revokeWins(t *testing.T, s refresh.Store) {
	for i := range 8 {
		l := start(t, s, rand.Text())
		var wg sync.WaitGroup
		for generation := range int64(8) {
			wg.Go(func() {
				if _, err := s.Rotate(t.Context(), l.rotation(generation+1, time.Second)); err != nil {
					t.Errorf("Rotate: %v", err)
				}
			})
		}
		wg.Go(func() {
			if i%2 == 0 {
				l.revoke(t, l.ID)
			} else {
				l.revoke(t, l.list(t)...)
			}
		})
		wg.Wait()
		l.want(t, 100, time.Second, refresh.FamilyUnknown)
	}
}
