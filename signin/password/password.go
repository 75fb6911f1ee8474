// Package password hashes the passwords of users.
//
//	encoded, err := password.Hash(ctx, pw)               // a user sets a password
//	ok, rehash, err := password.Verify(ctx, encoded, pw) // a user logs in
//
// New hashes are argon2id in the PHC format, with the 19 MiB, 2 passes and one
// lane that OWASP recommends. A [Hasher] can have other parameters, or bcrypt.
// Both verify each other's hashes and report when to hash again.
//
// # Guarantees
//
// Unknown users take as long as known ones: Verify an empty encoding, which does
// the same work and returns false. Memory is bounded: by default one hash per
// processor runs at a time. Other calls wait for up to a second and then return
// [ErrBusy], which [guard.Refuse] answers with 503. rehash is never true without
// ok, so that a program that swaps the two grants no access. An encoding that
// cannot be parsed is an error, never a match.
//
// # Not covered
//
// A hash of another algorithm or other parameters takes another time than the
// dummy until it is replaced. This reveals that the account exists and is old.
//
// Package ratelimit limits guessing. The application decides which passwords are
// good: this package refuses only empty ones and those of more than 1024 bytes.
// Passwords are compared byte by byte: an application that accepts more than
// ASCII may want to normalize them first (RFC 8265).
package password

import (
	"context"
	"errors"
	"sync"
)

// MaxLength is the maximum length of a password in bytes. With bcrypt it is 72.
const MaxLength = 1024

var (
	// ErrBusy is wrapped by the error of a call that did not get its turn in time.
	// guard.Refuse answers it with 503 and the code "busy".
	ErrBusy = errors.New("password: too many hashes at once")
	// ErrLength is returned by Hash for a password that is empty, longer than
	// MaxLength, or longer than 72 bytes with bcrypt. A handler checks for it with
	// errors.Is and answers 400 or 422: guard.Refuse would answer 500. Verify does
	// not return it: such a password is wrong, (false, false, nil).
	ErrLength = errors.New("password: empty or too long")
)

// standard is the Hasher of Hash and Verify.
var standard = sync.OnceValue(func() *Hasher {
	h, err := New(nil)
	if err != nil {
		panic(err)
	}
	return h
})

// Hash calls [Hasher.Hash] of a Hasher with default options. The whole process
// shares it, and so its limit.
func Hash(ctx context.Context, pw string) (string, error) { return standard().Hash(ctx, pw) }

// Verify calls [Hasher.Verify] of the Hasher that [Hash] uses.
func Verify(ctx context.Context, encoded, pw string) (ok, rehash bool, err error) {
	return standard().Verify(ctx, encoded, pw)
}
