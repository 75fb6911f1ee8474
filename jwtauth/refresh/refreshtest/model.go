package refreshtest

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// A twin is a family, implemented word by word as refresh.Rotation defines it.
type twin struct {
	login
	alive      bool
	generation int64
	made       time.Time
}

func (w *twin) rotate(r refresh.Rotation) refresh.Result {
	if !w.alive {
		return refresh.FamilyUnknown
	}
	if r.Now.Compare(w.Expires) >= 0 || r.Now.Sub(w.made) >= r.Idle {
		w.alive = false
		return refresh.FamilyUnknown
	}
	if r.Generation >= w.generation {
		w.generation, w.made = r.Generation+1, r.Now
		return refresh.Rotated
	}
	if r.Generation+1 == w.generation && r.Now.Sub(w.made).Abs() < r.Grace {
		return refresh.Repeated
	}
	w.alive = false
	return refresh.Reused
}

// model compares a store with twins in random steps. A failure names the seed
// that reproduces it.
func model(t *testing.T, s refresh.Store) {
	seed := mathrand.Uint64()
	rnd := mathrand.New(mathrand.NewPCG(seed, 1))
	subjects := []string{rand.Text(), rand.Text()}
	var twins []*twin
	now := time.Duration(0)
	for i := range 400 {
		if len(twins) < 4 || rnd.IntN(20) == 0 {
			l := start(t, s, subjects[rnd.IntN(2)])
			twins = append(twins, &twin{login: l, alive: true, generation: 1, made: l.Started})
			now = 0 // the time goes back: families are independent of each other
		}
		w := twins[rnd.IntN(len(twins))]
		switch n := rnd.IntN(40); n {
		case 0:
			if err := s.Revoke(t.Context(), w.Subject, w.ID); err != nil {
				t.Fatalf("Revoke: %v", err)
			}
			w.alive = false
		case 1:
			ids, err := s.List(t.Context(), w.Subject)
			if err == nil {
				err = s.Revoke(t.Context(), w.Subject, ids...)
			}
			if err != nil {
				t.Fatalf("List, Revoke: %v", err)
			}
			for _, o := range twins {
				o.alive = o.alive && o.Subject != w.Subject
			}
		default:
			now += []time.Duration{0, time.Millisecond, grace / 2, grace, time.Hour, idle / 2}[min(rnd.IntN(16), 5)]
			r := w.rotation(max(1, w.generation-int64(rnd.IntN(8)/3)), now)
			want := w.rotate(r)
			if got := w.login.rotate(t, r); got != want {
				t.Fatalf("seed %d, step %d: generation %d of %d after %v: %s, want %s",
					seed, i, r.Generation, w.generation, now, name(got), name(want))
			}
		}
	}
}
