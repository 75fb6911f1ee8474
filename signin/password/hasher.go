package password

import (
	"context"
	"errors"
	"fmt"
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
	// Parallel is the maximum number of hashes that run concurrently. If zero, the
	// number of processors.
	Parallel int
	// Wait is how long a call waits for its turn. If zero, one second.
	Wait time.Duration
}

// A Hasher hashes and verifies passwords. It is safe for use by several
// goroutines, which share its limit.
type Hasher struct {
	argon2     argon2Params
	bcryptCost int // 0 for argon2id
	slots      chan struct{}
	wait       time.Duration
	dummy      func() string
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
	setDefault(&o.Parallel, runtime.GOMAXPROCS(0))
	setDefault(&o.Wait, time.Second)
	if err := o.check(); err != nil {
		return nil, err
	}
	h := &Hasher{
		argon2:     argon2Params{memory: o.Memory, time: o.Time, threads: o.Threads},
		bcryptCost: o.BcryptCost,
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
	if o.Parallel < 0 || o.Wait < 0 {
		mistake("Parallel and Wait must not be negative")
	}
	return errors.Join(errs...)
}

// Hash returns the encoding of pw for storage. The error is ErrLength if the
// password is empty or too long. It wraps ErrBusy if the call did not get its
// turn in time or ctx was done.
func (h *Hasher) Hash(ctx context.Context, pw string) (string, error) {
	if pw == "" || len(pw) > h.maxLength() {
		return "", ErrLength
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

func (h *Hasher) maxLength() int {
	if h.bcryptCost != 0 {
		return maxBcryptLength
	}
	return MaxLength
}

// Verify reports whether encoded is the encoding of pw. rehash is true if it is,
// and if Hash would now use another algorithm or other parameters: store a new
// hash then. Pass an empty encoding for an unknown user: ok is false, after the
// time a known user takes. The error wraps ErrBusy if the call did not get its
// turn in time or ctx was done. Any other error means that encoded cannot be
// parsed.
func (h *Hasher) Verify(ctx context.Context, encoded, pw string) (ok, rehash bool, err error) {
	unknown := encoded == ""
	if unknown {
		encoded = h.dummy()
	}
	stored, err := parse(encoded)
	if err != nil {
		return false, false, err
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	// Always hash, even if the answer is certain: otherwise the time would reveal
	// unknown users.
	matches := stored.matches(pw[:min(len(pw), MaxLength)])
	ok = matches && !unknown && pw != "" && len(pw) <= stored.maxLength()
	return ok, ok && !h.isCurrent(stored), nil
}
