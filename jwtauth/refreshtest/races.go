package refreshtest

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth"
)

// together runs f 64 times at once and counts its results.
func together(t *testing.T, f func() (jwtauth.RotationResult, error)) map[jwtauth.RotationResult]int {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	begin := make(chan struct{})
	counts := map[jwtauth.RotationResult]int{}
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

// atOnce: of many uses at once, one is the first and all have one successor.
func atOnce(t *testing.T, s jwtauth.RefreshStore) {
	l := start(t, s, rand.Text())
	for generation := range int64(3) {
		r := l.rotation(generation+1, time.Duration(generation)*time.Minute)
		got := together(t, func() (jwtauth.RotationResult, error) { return s.Rotate(t.Context(), r) })
		if got[jwtauth.Rotated] != 1 || got[jwtauth.Repeated] != 63 {
			t.Errorf("generation %d: %d rotated, %d repeated; want 1, 63: %v", generation+1, got[jwtauth.Rotated], got[jwtauth.Repeated], got)
		}
	}
}

// atOnceWithoutGrace: one is the first, the second ends the family, and the
// others find none.
func atOnceWithoutGrace(t *testing.T, s jwtauth.RefreshStore) {
	l := start(t, s, rand.Text())
	r := l.rotation(1, time.Second)
	r.Grace = 0
	got := together(t, func() (jwtauth.RotationResult, error) { return s.Rotate(t.Context(), r) })
	if got[jwtauth.Rotated] != 1 || got[jwtauth.Reused] != 1 || got[jwtauth.FamilyUnknown] != 62 {
		t.Errorf("%d rotated, %d reused, %d unknown; want 1, 1, 62: %v",
			got[jwtauth.Rotated], got[jwtauth.Reused], got[jwtauth.FamilyUnknown], got)
	}
	l.want(t, 2, time.Second, jwtauth.FamilyUnknown)
}

// revokeWins: what a revocation met does not come back.
func revokeWins(t *testing.T, s jwtauth.RefreshStore) {
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
			var err error
			if i%2 == 0 {
				err = s.Revoke(t.Context(), l.Subject, l.ID)
			} else {
				var ids []string
				if ids, err = s.Families(t.Context(), l.Subject); err == nil {
					err = s.Revoke(t.Context(), l.Subject, ids...)
				}
			}
			if err != nil {
				t.Errorf("revoking: %v", err)
			}
		})
		wg.Wait()
		l.want(t, 100, time.Second, jwtauth.FamilyUnknown)
	}
}
