package main

import (
	"golang.org/x/crypto/argon2"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

// passwords compares with bare argon2id, and measures whether the time of a login
// reveals whether a user exists.
func passwords(set settings) (comparison, error) {
	encoded := guard.Must(password.Hash(ctx, "correct horse"))
	verifying := func(encoded string) func(n int) {
		return func(n int) {
			for range n {
				right, _, err := password.Verify(ctx, encoded, "battery staple")
				check(err == nil && !right, "Verify")
			}
		}
	}
	unknown, wrong, difference := compareTimes(set, set.tries, 1, verifying(""), verifying(encoded))
	return comparison{
		benchmarks: []benchmark{
			{"guard: Verify, argon2id", ours, verifying(encoded)},
			{"bare argon2id of 19 MiB, 2 passes", lowerBound, func(n int) {
				for range n {
					argon2.IDKey([]byte("battery staple"), secret[:16], 2, 19456, 1, 32)
				}
			}},
		},
		facts: []Fact{
			{"guard: unknown user, median", unknown / 1e6, "ms"},
			{"guard: wrong password, median", wrong / 1e6, "ms"},
			{"guard: relative difference of the two", difference, ""},
		},
		bars: []bar{factAtMost("guard: relative difference of the two", 0.05)},
	}, nil
}
