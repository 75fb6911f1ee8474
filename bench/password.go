package main

import (
	"math"
	"slices"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/password"
)

// passwords compares with argon2id alone, and asks whether the time of a login
// tells an unknown user from a wrong password.
func passwords(set settings) (rows, error) {
	encoded := guard.Must(password.Hash(ctx, "correct horse"))
	clock := func() time.Duration { return time.Since(start) }
	if set.cpu {
		clock = cpuTime
	}
	verify := func(encoded string) time.Duration {
		before := clock()
		right, _, err := password.Verify(ctx, encoded, "battery staple")
		check(err == nil && !right, "Verify")
		return clock() - before
	}
	var unknown, wrong []float64
	for i := range set.tries { // interleaved, each first as often as second
		if i%2 == 0 {
			unknown = append(unknown, float64(verify("")))
			wrong = append(wrong, float64(verify(encoded)))
		} else {
			wrong = append(wrong, float64(verify(encoded)))
			unknown = append(unknown, float64(verify("")))
		}
	}
	slices.Sort(unknown)
	slices.Sort(wrong)
	return rows{
		work: []work{
			{"guard: Verify, argon2id", ours, func(n int) {
				for range n {
					verify(encoded)
				}
			}},
			{"bare argon2id of 19 MiB, 2 passes", limit, func(n int) {
				for range n {
					argon2.IDKey([]byte("battery staple"), secret[:16], 2, 19456, 1, 32)
				}
			}},
		},
		facts: []Fact{
			{"guard: unknown user, median", middle(unknown) / 1e6, "ms"},
			{"guard: wrong password, median", middle(wrong) / 1e6, "ms"},
			{"guard: how far the two differ", math.Abs(middle(unknown)/middle(wrong) - 1), ""},
		},
		bars: []bar{factAtMost("guard: how far the two differ", 0.05)},
	}, nil
}
