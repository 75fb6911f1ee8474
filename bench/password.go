package main

import (
	"context"
	"errors"

	"golang.org/x/crypto/argon2"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
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
	// A whole login, without the lookup of a database.
	lookup := func(_ context.Context, email string) (string, string, bool, error) {
		if email != admin.Email {
			return "", "", false, nil
		}
		return email, encoded, true, nil
	}
	attempts := guard.Must(ratelimit.NewLogin(clientip.Direct(), nil))
	limited := guard.Must(password.NewLogin(lookup, &password.LoginOptions[string]{Attempts: attempts}))
	unlimited := guard.Must(password.NewLogin(lookup, &password.LoginOptions[string]{InsecureUnlimited: true}))
	r := request("/login")
	checking := func(logins *password.Login[string], email, pw string, right bool) func(n int) {
		return func(n int) {
			for range n {
				_, err := logins.Check(r, email, pw)
				check((err == nil) == right && (right || errors.Is(err, password.ErrCredentials)), "Check")
			}
		}
	}
	unknown, wrong, difference := compareTimes(set, set.tries, 1,
		checking(unlimited, "mallory@example.com", "battery staple", false), checking(unlimited, admin.Email, "battery staple", false))
	return comparison{
		benchmarks: []benchmark{
			{"guard: Verify, argon2id", ours, verifying(encoded)},
			{"guard: Check, a limited login", ours, checking(limited, admin.Email, "correct horse", true)},
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
		bars: []bar{
			factAtMost("guard: relative difference of the two", 0.05),
			ratio("guard: Check, a limited login", "guard: Verify, argon2id", 1.1),
		},
	}, nil
}
