package refresh

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-guard/guard"
)

// Options holds what has a safe default. The zero value is strict, except that
// it allows the short grace period that browsers need: see NoGrace.
type Options struct {
	// Lifetime is the absolute timeout of a login, at most ten years. No access
	// token of the login is valid for longer. If 0, it is 30 days.
	Lifetime time.Duration
	// Idle is the idle timeout: a login that is not refreshed for this long has
	// ended. It is at least the lifetime of an access token and at most Lifetime.
	// If 0, it is 14 days or Lifetime, whichever is shorter.
	Idle time.Duration
	// Grace is the grace period: for this long after its use, a token yields the
	// same successor again if the successor is unused. Pages refresh twice, and
	// responses get lost. A thief has this long to use a stolen token unnoticed.
	// If 0, it is 10 seconds; it is at most MaxGrace.
	Grace time.Duration
	// NoGrace disables the grace period: the second use of a token always ends
	// the login, even if a client or the driver of a store lost a response and
	// tries again.
	NoGrace bool
	// Store holds the token families. If nil, it is a [Memory]. Processes that
	// share a Store must share the Denylist of their Issuers as well.
	Store Store
	// Key authenticates refresh tokens: at least 32 random bytes. If nil, it is
	// derived from the Issuer's key, and refresh tokens survive a change of that
	// key only if the Issuer has the previous one with its private half. Refresh
	// tokens are bound to the Issuer's name, audiences and type claim as well: a
	// change of one of them ends all logins.
	Key []byte
	// PreviousKeys are former values of Key. Tokens that were made with them are
	// accepted.
	PreviousKeys [][]byte
}

// MaxGrace is the maximum of Options.Grace.
const MaxGrace = time.Minute

const maxLifetime = 10 * 366 * 24 * time.Hour

// complete sets the defaults and reports every mistake. Access tokens are valid
// for accessLifetime.
func (o *Options) complete(accessLifetime time.Duration) error {
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("refresh: "+format, args...)) }
	if o.Lifetime == 0 {
		o.Lifetime = 30 * 24 * time.Hour
	}
	if o.Idle == 0 {
		o.Idle = min(14*24*time.Hour, o.Lifetime)
	}
	switch {
	case o.Grace != 0 && o.NoGrace:
		mistake("both Grace and NoGrace are set")
	case o.Grace < 0 || o.Grace > MaxGrace:
		mistake("Grace %v is not between 0 and %v", o.Grace, MaxGrace)
	case o.Grace == 0 && !o.NoGrace:
		o.Grace = 10 * time.Second
	}
	if o.Idle < accessLifetime {
		mistake("Idle %v is shorter than the lifetime of access tokens, %v", o.Idle, accessLifetime)
	}
	if o.Lifetime < o.Idle {
		mistake("Idle %v is longer than Lifetime %v", o.Idle, o.Lifetime)
	}
	if o.Lifetime > maxLifetime {
		mistake("Lifetime %v is longer than ten years", o.Lifetime)
	}
	o.Grace, o.Idle = o.Grace.Truncate(time.Millisecond), o.Idle.Truncate(time.Millisecond)
	if o.Store == nil {
		o.Store = guard.Must(NewMemory(nil))
	}
	return errors.Join(errs...)
}
