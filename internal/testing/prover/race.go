package prover

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/once"
)

// Race replays one proof 64 times at once, in three processes with a store each, which
// share what they remember. One passes, in each of several rounds.
func Race(t *testing.T, stores [3]once.Store) {
	t.Helper()
	nonceKey := guard.Secret(strings.Repeat("n", 32))
	var processes [3]*dpop.Proofs
	for i, s := range stores {
		processes[i] = guard.Must(dpop.New("https://api.example.com", &dpop.Options{Once: s, NonceKey: nonceKey}))
	}
	key := NewKey("ES256", 0)
	cnf := `{"jkt":"` + key.Thumbprint() + `"}`
	for range 5 {
		fields := map[string][]string{}
		processes[0].Accepted(fields)
		r := key.Request("POST", "/transfer", "token", fields["Dpop-Nonce"][0], time.Now())
		var passed, used atomic.Int32
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range 64 {
			wg.Go(func() {
				<-start
				err := processes[i%3].Confirm(r.Clone(t.Context()), "DPoP", "token", cnf)
				e, _ := errors.AsType[*guard.Error](err)
				switch {
				case err == nil:
					passed.Add(1)
				case e != nil && e.Status == 401 && e.Code == "invalid_dpop_proof" && strings.Contains(e.Err.Error(), "used before"):
					used.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		close(start)
		wg.Wait()
		if passed.Load() != 1 || used.Load() != 63 {
			t.Errorf("%d passed, and %d were used before", passed.Load(), used.Load())
		}
	}
}
