package totp

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/sealed"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/ratelimit"
)

// Options holds what has a safe default.
type Options struct {
	// OldKeys open records that were sealed before the key was replaced. A right code
	// seals the record with the key, and so does [Factors.Reseal]: once all accounts are
	// resealed, drop them.
	OldKeys []guard.Secret
	// Steps remembers which codes were used, over all processes that share it. If nil, it
	// is a once.Memory of this process: with several, each accepts a code once.
	Steps once.Store
	// Attempts limits wrong codes. Processes that share a Store also need its Secret. The
	// zero value allows five failures of an account and 20 of an address in 15 minutes,
	// in this process's memory. Limits are named "totp-account", "totp-address" and
	// "totp-network". DeviceOf, Device, Normalize and Subjects must be zero.
	Attempts ratelimit.LoginOptions
	// Digits is how many digits the codes of new enrollments have: 6 or 8. If 0, 6.
	// Several authenticators show 6 whatever the URI says.
	Digits int
	// RecoveryAlone allows recovery codes for accounts without an authenticator, whose
	// second factor is another one, such as a passkey: NewRecoveryCodes makes them, and
	// Verify accepts them. Status.Enabled is false for such an account.
	RecoveryAlone bool
	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// Factors are the second factors of all accounts. It is safe for use by several
// goroutines. Use [New].
type Factors struct {
	issuer string
	store  Store
	opts   Options // without keys and Attempts
	// newest opens what the key sealed, and seals; old opens what OldKeys sealed.
	newest, old sealed.Box
	// codes limits all tries, recovery all but one-time codes: it shares the counts, and
	// has no lock.
	codes, recovery *ratelimit.Login
}

// The lock of a factor. ratelimit's longest window is a year.
const (
	lockName   = "totp-lock"
	lockAfter  = 100
	lockWindow = 366 * 24 * time.Hour
)

// New returns the factors of all accounts. issuer is the name of the application, which
// authenticators show beside the codes: 1 to 64 bytes without a colon. key has 32 random
// bytes or more, the same in all processes, and seals the records of store. ip is a function
// of package clientip. opts may be nil. The error lists every mistake.
func New(issuer string, key guard.Secret, store Store, ip func(*http.Request) (netip.Addr, error), opts *Options) (*Factors, error) {
	f := &Factors{issuer: issuer, store: store}
	if opts != nil {
		f.opts = *opts
	}
	o := &f.opts
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("totp: "+format, args...)) }
	if !isLabel(issuer, 64) || strings.Contains(issuer, ":") {
		mistake("the issuer %q is not 1 to 64 bytes of text without a colon", issuer)
	}
	if wiring.IsNil(store) {
		mistake("the Store is nil")
	}
	if o.Digits == 0 {
		o.Digits = 6
	}
	if o.Digits != 6 && o.Digits != 8 {
		mistake("Digits is %d, want 6 or 8", o.Digits)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	var err error
	if f.newest, err = sealed.New(sealPurpose, key); err != nil {
		mistake("the key: %w", err)
	}
	if len(o.OldKeys) > 0 {
		if f.old, err = sealed.New(sealPurpose, o.OldKeys...); err != nil {
			mistake("OldKeys: %w", err)
		}
	}
	errs = append(errs, wiring.TypedNil("totp", "Steps", o.Steps))
	if o.Steps == nil {
		memory, err := once.NewMemory(&once.MemoryOptions{Now: o.Now})
		o.Steps, errs = memory, append(errs, err)
	}
	errs = append(errs, f.limit(ip))
	o.OldKeys, o.Attempts = nil, ratelimit.LoginOptions{}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return f, nil
}

// limit makes the limiters.
func (f *Factors) limit(ip func(*http.Request) (netip.Addr, error)) error {
	a := f.opts.Attempts
	if a.DeviceOf != nil || a.Device != (ratelimit.Limit{}) || a.Normalize != nil || a.Subjects {
		return errors.New("totp: Attempts: DeviceOf, Device, Normalize and Subjects must be zero: subjects are compared as they are")
	}
	a.Subjects = true
	a.Normalize = func(subject string) string { return subject }
	name := func(l *ratelimit.Limit, name string) {
		if l.Name == "" {
			l.Name = name
		}
	}
	if a.Account == (ratelimit.Limit{Name: a.Account.Name}) {
		a.Account.Quota, a.Account.Window = 5, 15*time.Minute
	}
	name(&a.Account, "totp-account")
	name(&a.Address, "totp-address")
	name(&a.Network, "totp-network")
	if a.Message == "" {
		a.Message = "Too many wrong codes. Try again later."
	}
	if a.Now == nil {
		a.Now = f.opts.Now
	}
	memory := func() *ratelimit.Memory {
		return guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Now: a.Now})) // no option of it can be wrong
	}
	if a.Store == nil {
		a.Store = memory()
	}
	if a.OnFailure == (ratelimit.Failure{}) {
		a.OnFailure = ratelimit.Fallback(memory()) // of both limiters
	}
	var errs [2]error
	f.recovery, errs[0] = ratelimit.NewLogin(ip, &a)
	if errs[0] != nil {
		return fmt.Errorf("totp: Attempts: %w", errs[0])
	}
	a.Strikes = append(a.Strikes[:len(a.Strikes):len(a.Strikes)], ratelimit.Limit{Name: lockName, Quota: lockAfter, Window: lockWindow})
	if f.codes, errs[1] = ratelimit.NewLogin(ip, &a); errs[1] != nil {
		return fmt.Errorf("totp: Attempts: %w", errs[1])
	}
	return nil
}

// isLabel reports whether s is 1 to most bytes of printable text.
func isLabel(s string, most int) bool {
	return s != "" && len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func checkSubject(subject string) error {
	if subject == "" || len(subject) > 255 {
		return fmt.Errorf("totp: a subject of %d bytes, want 1 to 255", len(subject))
	}
	return nil
}
