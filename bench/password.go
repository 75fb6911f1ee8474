package main

import (
	"golang.org/x/crypto/argon2"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/password"
)

// passwords compares with argon2id alone, and asks whether the time of a login
// tells an unknown user from a wrong password.
func passwords(set settings) (rows, error) {
	encoded := guard.Must(password.Hash(ctx, "correct horse"))
	verifying := func(encoded string) func(n int) {
		return func(n int) {
			for range n {
				right, _, err := password.Verify(ctx, encoded, "battery staple")
				check(err == nil && !right, "Verify")
			}
		}
	}
	unknown, wrong, gap := differ(set, set.tries, 1, verifying(""), verifying(encoded))
	return rows{
		work: []work{
			{"guard: Verify, argon2id", ours, verifying(encoded)},
			{"bare argon2id of 19 MiB, 2 passes", limit, func(n int) {
				for range n {
					argon2.IDKey([]byte("battery staple"), secret[:16], 2, 19456, 1, 32)
				}
			}},
		},
		facts: []Fact{
			{"guard: unknown user, median", unknown / 1e6, "ms"},
			{"guard: wrong password, median", wrong / 1e6, "ms"},
			{"guard: how far the two differ", gap, ""},
		},
		bars: []bar{factAtMost("guard: how far the two differ", 0.05)},
	}, nil
}
