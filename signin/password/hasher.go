package password

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Options holds what has a safe default.
type Options struct {
	// Memory is the memory of one argon2id hash in KiB, from 7168 to 65536. If
	// zero, 19456 (19 MiB).
	Memory uint32
	// Time is the number of passes over Memory, up to 16. If zero, 2. With a
	// Memory below 19 MiB, set more: see OWASP's table.
	Time uint32
	// Threads is the number of lanes, up to 16. If zero, 1.
	Threads uint8
	// BcryptCost, from 10 to 16, makes new hashes bcrypt of this cost. If zero,
	// they are argon2id.
	BcryptCost int
	// MinLength is the minimum length of a new password in characters (Unicode code
	// points), up to 64. If zero, 8. NIST SP 800-63B-4 asks for 15 where no other factor
	// follows. Stored hashes of shorter ones are verified.
	MinLength int
	// Refuse reports whether a new password is too easy to guess: see [ReadList] and
	// [SearchPwned]. It must not retain or log the password. Its error is a failure of
	// ours, unless it is a *guard.Error. If nil, no password is refused by it.
	Refuse List
	// MaxMemory is the maximum memory in KiB of a stored hash: m of argon2, and 128·r·N
	// bytes of scrypt. If zero, 131072 (128 MiB). At most 1 GiB.
	MaxMemory uint32
	// MaxMemoryTime is the maximum of memory times passes, in KiB, of a stored hash: m·t
	// of argon2, and 128·r·N·p bytes of scrypt. If zero, 1048576: 8 passes over 128 MiB.
	MaxMemoryTime uint32
	// MaxIterations is the maximum number of iterations of a stored hash by PBKDF2, for
	// each block of its length. If zero, 2,000,000.
	MaxIterations uint32
	// Parallel is the maximum number of hashes that run concurrently. If zero, the
	// number of processors. Each takes Memory, and an old one up to MaxMemory before it.
	Parallel int
	// Wait is how long a call waits for its turn. If zero, one second.
	Wait time.Duration
}

// A Hasher hashes and verifies passwords. It is safe for use by several
// goroutines, which share its limit.
type Hasher struct {
	argon2     argon2Params
	bcryptCost int // 0 for argon2id
	minLength  int
	refuse     List
	ceiling    ceiling
	slots      chan struct{}
	wait       time.Duration
	dummy      func() encodedHash // a function, so that no verb of fmt prints a hash
}

// New returns a Hasher. opts may be nil. New reports every mistake in opts at
// once.
func New(opts *Options) (*Hasher, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	setDefault(&o.Memory, 19*1024)
	setDefault(&o.Time, 2)
	setDefault(&o.Threads, 1)
	setDefault(&o.MinLength, 8)
	setDefault(&o.MaxMemory, 128*1024)
	setDefault(&o.MaxMemoryTime, 8*128*1024)
	setDefault(&o.MaxIterations, 2_000_000)
	setDefault(&o.Parallel, runtime.GOMAXPROCS(0))
	setDefault(&o.Wait, time.Second)
	if err := o.check(); err != nil {
		return nil, err
	}
	h := &Hasher{
		argon2:     argon2Params{memory: o.Memory, time: o.Time, threads: o.Threads},
		bcryptCost: o.BcryptCost,
		minLength:  o.MinLength,
		refuse:     o.Refuse,
		ceiling:    ceiling{memory: o.MaxMemory, memoryTime: o.MaxMemoryTime, iterations: o.MaxIterations},
		slots:      make(chan struct{}, o.Parallel),
		wait:       o.Wait,
	}
	h.dummy = sync.OnceValue(h.makeDummy)
	return h, nil
}

func setDefault[T comparable](v *T, value T) {
	if *v == *new(T) {
		*v = value
	}
}

func (o *Options) check() error {
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
	if o.MinLength < 1 || o.MinLength > 64 {
		mistake("a minimum length of %d characters is not between 1 and 64", o.MinLength)
	}
	if o.MaxMemory < o.Memory || o.MaxMemory > 1024*1024 {
		mistake("a maximum of %d KiB is not between Memory and 1048576", o.MaxMemory)
	}
	if uint64(o.MaxMemoryTime) < uint64(o.Memory)*uint64(o.Time) {
		mistake("a maximum of %d for memory times passes is less than Memory times Time", o.MaxMemoryTime)
	}
	if o.MaxIterations > math.MaxInt32 {
		mistake("a maximum of %d iterations is more than %d", o.MaxIterations, math.MaxInt32)
	}
	if o.Parallel < 0 || o.Wait < 0 {
		mistake("Parallel and Wait must not be negative")
	}
	return errors.Join(errs...)
}

// Hash returns the encoding of a new password for storage. Its refusals are each a
// *guard.Error of 422, whose Message a form can show in place: "password_too_short"
// and "password_too_long", which wrap ErrLength, and "password_refused" of
// Options.Refuse. The error wraps ErrBusy if the call did not get its turn in time or
// ctx was done.
func (h *Hasher) Hash(ctx context.Context, pw string) (string, error) {
	if err := h.check(ctx, pw); err != nil {
		return "", err
	}
	return h.Rehash(ctx, pw)
}

// Rehash is Hash for a password that Verify accepted with rehash. MinLength and Refuse do
// not apply, since a short password is no reason to keep a weaker hash.
func (h *Hasher) Rehash(ctx context.Context, pw string) (string, error) {
	if pw == "" || len(pw) > h.maxLength() {
		return "", h.lengthError(pw)
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	if h.bcryptCost != 0 {
		return hashBcrypt(pw, h.bcryptCost)
	}
	return h.argon2.hash(pw), nil
}

// Verify reports whether encoded is the encoding of pw, in one of the forms that the
// package documentation lists. rehash is true if it is, and if Hash would now use
// another algorithm or other parameters: store the result of Rehash then. It is false
// for a password of more than 72 bytes if new hashes are bcrypt, which cannot hold it.
//
// Pass an empty encoding for an unknown user: ok is false, after the time a known user
// takes. That of an unusable hash, "!" or "*" and what follows, likewise. The error
// wraps ErrBusy if the call did not get its turn in time or ctx was done. Any other
// error means that encoded is broken, of an unknown kind, or beyond Options.MaxMemory,
// MaxMemoryTime or MaxIterations.
func (h *Hasher) Verify(ctx context.Context, encoded, pw string) (ok, rehash bool, err error) {
	stored, unusable := h.dummy(), isUnusable(encoded)
	if !unusable {
		if stored, err = h.ceiling.parse(encoded); err != nil {
			return false, false, err
		}
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	// Always hash, even if the answer is certain: otherwise the time would reveal
	// unknown users. For the same reason an old hash, which may take less time than a
	// new one, is followed by a new one.
	matches, err := stored.matches(pw[:min(len(pw), MaxLength)])
	isCurrent := h.isCurrent(stored)
	if !isCurrent {
		_, _ = h.dummy().matches(pw[:min(len(pw), MaxLength)])
	}
	if err != nil {
		return false, false, err
	}
	ok = matches && !unusable && pw != "" && len(pw) <= MaxLength
	return ok, ok && !isCurrent && len(pw) <= h.maxLength(), nil
}
