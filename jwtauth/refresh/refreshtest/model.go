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
	made       map[int64]time.Time // as far as they are kept
}

func (w *twin) rotate(r refresh.Rotation) refresh.Result {
	if !w.alive {
		return refresh.FamilyUnknown
	}
	made := w.made[w.generation]
	near := func(t time.Time) bool { return r.Now.Sub(t).Abs() < r.Grace }
	if r.Now.Compare(w.Expires) >= 0 || r.Now.Sub(made) >= r.Idle {
		w.alive = false
		return refresh.FamilyUnknown
	}
	if r.Generation >= w.generation {
		if r.Generation > w.generation || !near(made) {
			clear(w.made)
		}
		delete(w.made, w.generation-15)
		w.generation = r.Generation + 1
		w.made[w.generation] = r.Now
		return refresh.Rotated
	}
	if used, known := w.made[r.Generation+1]; known && near(used) {
		if r.Generation+1 == w.generation {
			return refresh.Repeated
		}
		return refresh.Superseded
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
			twins = append(twins, &twin{login: l, alive: true, generation: 1, made: map[int64]time.Time{1: l.Started}})
			now = 0 // the time goes back: families are independent of each other
		}
		w := twins[rnd.IntN(len(twins))]
		switch n := rnd.IntN(40); n {
		case 0:
			l := w.login
			l.revoke(t, l.ID)
			w.alive = false
		case 1:
			want := map[string]bool{}
			for _, o := range twins {
				if o.Subject == w.Subject {
					want[o.ID] = true
				}
			}
			ids := w.list(t)
			for _, id := range ids {
				delete(want, id)
			}
			if len(want) > 0 {
				t.Fatalf("seed %d, step %d: List without %d families", seed, i, len(want))
			}
			w.revoke(t, ids...)
			for _, o := range twins {
				o.alive = o.alive && o.Subject != w.Subject
			}
		default:
			now += []time.Duration{0, time.Millisecond, grace / 2, grace, time.Hour, idle / 2, 0, time.Millisecond}[rnd.IntN(8)]
			r := w.rotation(max(1, w.generation-int64(max(0, rnd.IntN(8)-4))), now)
			want := w.rotate(r)
			if got := w.login.rotate(t, r); got != want {
				t.Fatalf("seed %d, step %d: generation %d of %d after %v: %s, want %s",
					seed, i, r.Generation, w.generation, now, name(got), name(want))
			}
		}
	}
}
