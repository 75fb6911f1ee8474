// Package password hashes the passwords of people.
//
//	encoded, err := password.Hash(ctx, pw)           // when it is set
//	ok, rehash, err := password.Verify(ctx, encoded, pw) // when it is sent
//
// New hashes are argon2id in the PHC format, with 19 MiB, 2 passes and one
// lane, which OWASP recommends; a [Hasher] may have other parameters, or
// bcrypt. Either verifies the other's hashes and says when to hash again.
//
// # Guarantees
//
// An unknown user costs what a known one costs: Verify an empty encoding, and
// the same work is done before the answer, false. Memory is bounded: as many
// hashes as there are processors run at once, others wait for a second and are
// then refused with [ErrBusy], which [guard.Refuse] answers with 503. rehash is
// never true without ok, so that whoever swaps the two lets nobody in. An
// encoding that cannot be read is an error, never a match.
//
// # Not covered
//
// A hash of another algorithm or other parameters takes another time than the
// dummy, until it is replaced: that tells an account as an old one.
//
// Guessing is limited by package ratelimit. Whether a password is a good one
// is the application's matter; only an empty one, and one of more than 1024
// bytes, is refused. Passwords are compared byte by byte: an application that
// accepts more than ASCII may want to normalize them (RFC 8265) first.
package password

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// MaxLength is the length of the longest password, in bytes. bcrypt takes no
// more than 72.
const MaxLength = 1024

var (
	// ErrBusy is wrapped by the error of a call that found no room in time. It
	// is answered with 503.
	ErrBusy = errors.New("password: too many hashes at once")
	// ErrLength is Hash's answer to a password that is empty or longer than
	// MaxLength, or than 72 bytes for bcrypt. A handler asks errors.Is and
	// answers 400 or 422 itself: guard.Refuse would take it for a failure of
	// ours. Verify has no such error: to it a password of which there can be no
	// hash is a wrong one, (false, false, nil).
	ErrLength = errors.New("password: empty or too long")
)

// Options holds what has a safe default.
type Options struct {
	// Memory is what one argon2id hash takes, in KiB. If zero, 19456 (19 MiB).
	// No less than 7168 is accepted, and no more than 65536.
	Memory uint32
	// Time is the number of passes over it, up to 16. If zero, 2. With a
	// Memory below 19 MiB, more: see OWASP's table.
	Time uint32
	// Threads is the number of lanes, up to 16. If zero, 1.
	Threads uint8
	// BcryptCost makes new hashes bcrypt of that cost, 10 to 16. If zero, they
	// are argon2id.
	BcryptCost int
	// Parallel is how many hashes run at once. If zero, as many as there are
	// processors.
	Parallel int
	// Wait is how long a call waits for its turn. If zero, one second.
	Wait time.Duration
}

// A Hasher hashes and verifies passwords. It is safe for use by several
// goroutines; all of them share its bound.
type Hasher struct {
	argon  argon
	bcrypt int // cost; 0 for argon2id
	slots  chan struct{}
	wait   time.Duration
	dummy  func() string
}

// New returns a Hasher; opts may be nil. It reports every mistake at once.
func New(opts *Options) (*Hasher, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	def(&o.Memory, 19*1024)
	def(&o.Time, 2)
	def(&o.Threads, 1)
	def(&o.Parallel, runtime.GOMAXPROCS(0))
	def(&o.Wait, time.Second)
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("password: "+format, args...)) }
	if o.Memory < 7*1024 || o.Memory > maxMemory {
		mistake("%d KiB of memory are not between 7168 and %d", o.Memory, maxMemory)
	}
	if o.Time > maxTime {
		mistake("%d passes are more than %d", o.Time, maxTime)
	}
	if o.Threads > maxThreads {
		mistake("%d threads are more than %d", o.Threads, maxThreads)
	}
	if o.BcryptCost != 0 && (o.BcryptCost < bcrypt.DefaultCost || o.BcryptCost > maxCost) {
		mistake("bcrypt cost %d is not between %d and %d", o.BcryptCost, bcrypt.DefaultCost, maxCost)
	}
	if o.Parallel < 0 || o.Wait < 0 {
		mistake("Parallel and Wait must not be negative")
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	h := &Hasher{
		argon:  argon{memory: o.Memory, time: o.Time, threads: o.Threads},
		bcrypt: o.BcryptCost,
		slots:  make(chan struct{}, o.Parallel),
		wait:   o.Wait,
	}
	h.dummy = sync.OnceValue(h.makeDummy)
	return h, nil
}

func def[T comparable](v *T, d T) {
	if *v == *new(T) {
		*v = d
	}
}

// standard is the Hasher of the package's own functions. Its bound is that of
// the process.
var standard = sync.OnceValue(func() *Hasher {
	h, err := New(nil)
	if err != nil {
		panic(err)
	}
	return h
})

// Hash is Hash of a Hasher with default options, which the process shares.
func Hash(ctx context.Context, pw string) (string, error) { return standard().Hash(ctx, pw) }

// Verify is Verify of a Hasher with default options, which the process shares.
func Verify(ctx context.Context, encoded, pw string) (ok, rehash bool, err error) {
	return standard().Verify(ctx, encoded, pw)
}

// Hash returns the encoding of pw to be stored. The error is ErrLength for a
// password that is empty or too long, and wraps ErrBusy where there was no room
// or ctx was done.
func (h *Hasher) Hash(ctx context.Context, pw string) (string, error) {
	if pw == "" || len(pw) > h.maxLength() {
		return "", ErrLength
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return h.hash(pw)
}

func (h *Hasher) maxLength() int {
	if h.bcrypt != 0 {
		return maxBcrypt
	}
	return MaxLength
}

func (h *Hasher) hash(pw string) (string, error) {
	if h.bcrypt == 0 {
		return h.argon.hash(pw), nil
	}
	b, err := bcrypt.GenerateFromPassword([]byte(pw), h.bcrypt)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	return string(b), nil
}

// Verify reports whether pw is the password that was hashed as encoded. rehash
// is true where it is, and Hash would now do it in another way: store a new
// hash then. An empty encoding stands for an unknown user: ok is false after
// the work of a known one. The error wraps ErrBusy where there was no room or
// ctx was done; any other says that the encoding cannot be read.
func (h *Hasher) Verify(ctx context.Context, encoded, pw string) (ok, rehash bool, err error) {
	unknown := encoded == ""
	if unknown {
		encoded = h.dummy()
	}
	v, err := parse(encoded)
	if err != nil {
		return false, false, err
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	// The work is done also where the answer is known, as it would tell who
	// is known and by which algorithm.
	ok = v.matches(cut(pw)) && !unknown && pw != "" && len(pw) <= v.maxLength()
	return ok, ok && !h.current(v), nil
}

// cut bounds the work for a password that is too long to be right.
func cut(pw string) string { return pw[:min(len(pw), MaxLength)] }

// current reports whether Hash would make such an encoding.
func (h *Hasher) current(v verifier) bool {
	if h.bcrypt != 0 {
		b, ok := v.(bcrypted)
		return ok && b.cost == h.bcrypt
	}
	a, ok := v.(argoned)
	return ok && a.argon == h.argon && len(a.salt) == saltLen && len(a.sum) == sumLen
}

// A verifier is an encoding that was read.
type verifier interface {
	matches(pw string) bool
	maxLength() int
}

// makeDummy is an encoding of a password that nobody knows. It costs no hash:
// nothing has to match it.
func (h *Hasher) makeDummy() string {
	if h.bcrypt != 0 {
		return dummyBcrypt(h.bcrypt)
	}
	return argoned{argon: h.argon, salt: make([]byte, saltLen), sum: make([]byte, sumLen)}.String()
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
