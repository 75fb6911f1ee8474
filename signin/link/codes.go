package link

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
)

// CodeOptions holds what has a safe default.
type CodeOptions struct {
	// OldKeys verify codes that were issued before the key was replaced.
	OldKeys []guard.Secret
	// Once decides which request redeems, as that of [Options].
	Once once.Store
	// Limits counts the attempts, over all processes that share it. If nil, each process
	// counts by itself. While it is down, no code is accepted (503).
	Limits ratelimit.Store

	// Digits is the length of a code, 6 to 10. If 0, it is 6.
	Digits int
	// Attempts is how many wrong codes of a subject may be tried within Lifetime, and so of
	// one code: 1 to 10. If 0, it is 5.
	Attempts int
	// AttemptsPerDay is how many wrong codes of a subject may be tried in 24 hours, over
	// all its codes: Attempts to 100. If 0, it is 20. With 6 digits, a day of guessing at
	// one subject then has a chance of one in 25,000.
	AttemptsPerDay int
	// Lifetime is how long a code works at most, from a minute to an hour. It works for at
	// least half of that. If 0, it is 10 minutes.
	Lifetime time.Duration
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// Codes are the codes of one purpose: a few digits to type in, where a link cannot be
// followed, such as in a text message. They never change, and are safe for use by several
// goroutines. Use [NewCodes].
//
// A code is computed from the key, the subject, its state and the time, and is not stored.
// Within half a Lifetime Issue returns the same code again, so that a second message does
// not make the first one invalid. Two codes of a subject are accepted at a time, or three
// while the clocks of processes may differ.
type Codes struct {
	purpose
	keys   keys
	limit  *ratelimit.Limiter
	digits int
}

// codeLeeway is how far the clocks of two processes may differ: a longer one would more
// often accept three codes.
const codeLeeway = 10 * time.Second

// NewCodes returns the codes of a purpose. See [New] for purpose, key and state; opts may
// be nil. The error lists every mistake.
func NewCodes(purpose string, key guard.Secret, state func(ctx context.Context, subject string) (boundTo string, found bool, err error), opts *CodeOptions) (*Codes, error) {
	var o CodeOptions
	if opts != nil {
		o = *opts
	}
	errs := []error{o.complete()}
	c := &Codes{digits: o.Digits}
	var err error
	c.purpose, err = newPurpose(purpose, "code", state, o.Once, o.Lifetime, o.Now)
	errs = append(errs, err)
	c.refuse = invalidCode
	c.keys, err = newKeys(c.scope, append([]guard.Secret{key}, o.OldKeys...))
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if c.limit, err = c.limiter(&o, key); err != nil {
		return nil, err
	}
	return c, nil
}

// complete fills in what is zero. The error lists every mistake.
func (o *CodeOptions) complete() error {
	setDefault(&o.Digits, 6)
	setDefault(&o.Attempts, 5)
	setDefault(&o.AttemptsPerDay, 20)
	setDefault(&o.Lifetime, 10*time.Minute)
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("link: "+format, args...)) }
	if o.Digits < 6 || o.Digits > 10 {
		mistake("%d Digits, want 6 to 10", o.Digits)
	}
	if o.Attempts < 1 || o.Attempts > 10 {
		mistake("%d Attempts, want 1 to 10", o.Attempts)
	}
	if o.AttemptsPerDay < max(o.Attempts, 1) || o.AttemptsPerDay > 100 {
		mistake("%d AttemptsPerDay, want Attempts to 100", o.AttemptsPerDay)
	}
	if o.Lifetime < time.Minute || o.Lifetime > time.Hour {
		mistake("a Lifetime of codes of %v, want %v to %v", o.Lifetime, time.Minute, time.Hour)
	}
	return errors.Join(append(errs, wiring.TypedNil("link", "Limits", o.Limits))...)
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// keyOfLimit has the key of the limiter in the context.
type keyOfLimit struct{}

// limiter returns the limits of wrong codes.
func (c *Codes) limiter(o *CodeOptions, key guard.Secret) (*ratelimit.Limiter, error) {
	secret, err := hkdf.Key(sha256.New, key, nil, "guard signin/link: the subjects of limits", sha256.Size)
	if err != nil {
		return nil, err
	}
	return ratelimit.New(
		ratelimit.Limit{Name: "link-code", Quota: o.Attempts, Window: o.Lifetime + 2*codeLeeway},
		func(r *http.Request) (string, error) { return r.Context().Value(keyOfLimit{}).(string), nil },
		&ratelimit.Options{
			Also:  []ratelimit.Limit{{Name: "link-code-day", Quota: o.AttemptsPerDay, Window: 24 * time.Hour}},
			Store: o.Limits, Secret: secret, Timeout: storeTime,
			Message: "Too many wrong codes. Try again later", Now: o.Now,
		})
}
