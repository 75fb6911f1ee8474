package expiring_test

import (
	"math/rand/v2"
	"testing"

	"github.com/go-guard/guard/internal/expiring"
)

// TestMap compares with a plain map over random steps.
func TestMap(t *testing.T) {
	type value struct{ n, deadline int64 }
	var m expiring.Map[int, int64]
	plain := map[int]value{}
	rnd := rand.New(rand.NewPCG(1, 2))
	for now := range int64(20_000) {
		key := rnd.IntN(50)
		switch rnd.IntN(3) {
		case 0:
			deadline := now + rnd.Int64N(100)
			m.Put(key, now, deadline)
			plain[key] = value{now, deadline}
		case 1:
			v, ok := m.Sweep(now)
			expired := 0
			for key, p := range plain {
				if p.deadline > now {
					continue
				}
				if expired++; ok && p.n == v {
					delete(plain, key)
				}
			}
			if ok != (expired > 0) || m.Len() != len(plain) {
				t.Fatalf("swept %d, %t; %d items of %d, %d expired", v, ok, m.Len(), len(plain), expired)
			}
		default:
			v, ok := m.Get(key, now)
			want, wanted := plain[key]
			if wanted = wanted && want.deadline > now; ok != wanted || ok && v != want.n {
				t.Fatalf("%d, %t; want %d, %t", v, ok, want.n, wanted)
			}
		}
	}
}
