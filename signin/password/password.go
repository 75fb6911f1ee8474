// Package password hashes the passwords of users, and signs them in.
//
//	encoded, err := password.Hash(ctx, pw) // a user sets a password
//	u, err := logins.Check(r, email, pw)   // a user logs in: see NewLogin
//
// New hashes are argon2id in the PHC format, with the 19 MiB, 2 passes and one
// lane that OWASP recommends. A [Hasher] can have other parameters, or bcrypt.
//
// # Hashes of other programs
//
// Verify accepts the hashes that other programs stored, unchanged. Its result rehash
// reports that the hash should be replaced by the result of [Rehash]:
//
//   - argon2id and argon2i as PHC strings: PHP, passlib, argon2-cffi, libsodium
//   - bcrypt ($2a$, $2b$, $2y$): PHP, Devise, Node
//   - Django: pbkdf2_sha256$, pbkdf2_sha1$, scrypt$, argon2$, bcrypt$, bcrypt_sha256$
//   - ASP.NET Identity, versions 2 and 3
//   - werkzeug: scrypt:N:r:p$, pbkdf2:sha256:iterations$
//   - passlib: $pbkdf2$, $pbkdf2-sha256$, $pbkdf2-sha512$, $scrypt$, $bcrypt-sha256$
//
// A hash with parameters above Options.MaxMemory, MaxMemoryTime or MaxIterations is an
// error, before memory is allocated. So are argon2d, argon2 version 16, $2$ and $2x$
// of bcrypt, and plain digests such as MD5: reset the passwords of such users.
//
// A bcrypt hash matches a password of more than 72 bytes by the first 72, since the
// programs that made it ignored the rest. Until the hash is replaced, the rest can be
// anything, and the new hash covers all that was entered.
//
// # Guarantees
//
// A [Login] counts an attempt before it looks the account up, answers a wrong
// password and an unknown account alike, and replaces old hashes without undoing a
// change of the password. [Devices] keep its limit from locking an owner out.
//
// For an unknown user, Verify an empty encoding: it takes as long as a current hash,
// and returns false. So does an unusable hash, which begins with "!" or "*". An old
// hash takes at least as long, since the work of a current one follows. Memory is
// bounded: by default one hash per processor runs at a time. Other calls wait for up
// to a second and then return [ErrBusy], which [guard.Refuse] answers with 503. rehash
// is never true without ok, so that a program that swaps the two grants no access. A
// broken encoding is an error, never a match.
//
// Hash refuses passwords of less than 8 characters and more than 1024 bytes, and those
// on the list of Options.Refuse. Verify accepts shorter ones: old ones still work.
//
// # Not covered
//
// An old hash takes more time than the dummy until it is replaced. This reveals that
// the account exists and is old. A database may find a row faster or slower than none.
//
// No list of passwords is included, and the network is not used. Passwords are
// compared byte by byte: an application that accepts more than ASCII may want to
// normalize them first, with Unicode's NFC (RFC 8265, section 4.2).
package password

import (
	"context"
	"errors"
	"sync"
)

// MaxLength is the maximum length of a password in bytes. With Options.BcryptCost,
// Hash refuses more than 72.
const MaxLength = 1024

var (
	// ErrBusy is wrapped by the error of a call that did not get its turn in time.
	// guard.Refuse answers it with 503 and the code "busy".
	ErrBusy = errors.New("password: too many hashes at once")
	// ErrLength is wrapped by the refusal of a password that is too short, or longer
	// than MaxLength, or longer than 72 bytes with bcrypt. guard.Refuse answers it with
	// 422 and the code "password_too_short" or "password_too_long". Verify does not
	// return it: such a password is wrong, (false, false, nil).
	ErrLength = errors.New("password: too short or too long")
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

// Rehash calls [Hasher.Rehash] of the Hasher that [Hash] uses.
func Rehash(ctx context.Context, pw string) (string, error) { return standard().Rehash(ctx, pw) }

// Verify calls [Hasher.Verify] of the Hasher that [Hash] uses.
func Verify(ctx context.Context, encoded, pw string) (ok, rehash bool, err error) {
	return standard().Verify(ctx, encoded, pw)
}
