package refresh

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/wiring"
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
	// Grace is the grace period: for this long after its first use, a token yields the
	// same successor again if the successor is unused; if it was used, the
	// repetition is refused, and nothing ends. Pages refresh twice, and responses
	// get lost. A thief has this long to use a stolen token unnoticed. If 0, it is 10
	// seconds; it is at least a millisecond and at most MaxGrace.
	//
	// A token whose refresh this Refresher answered with 503, because the Store
	// failed, has MaxGrace: the Store may have used it. Other processes do not know
	// of that answer.
	Grace time.Duration
	// NoGrace disables the grace period: the second use of a token always ends
	// the login, even if a client or the driver of a store lost a response and
	// tries again.
	NoGrace bool
	// Store holds the token families. If nil, it is a [Memory]. Refreshers of
	// different Issuers may share a Store: their subjects differ there. Processes that
	// share a Store must share the Denylist of their Issuers as well.
	Store Store
	// Key authenticates refresh tokens: at least 32 random bytes. It is required if the
	// Issuer signs with a jwtauth.Signer, and for SetKeys with one or with a public
	// key. If nil, it is derived from the Issuer's key, and refresh tokens survive a
	// change of that key only if the Issuer has the previous one with its private
	// half. Refresh tokens are bound to the Issuer's name, audiences and type claim as
	// well: a change of one of them ends all logins.
	Key guard.Secret
	// PreviousKeys are former values of Key. Tokens that were made with them are
	// accepted.
	PreviousKeys []guard.Secret

	// Epoch returns the credential epoch of a subject: a number that the application
	// raises before it calls RevokeSubject, when a password is changed or reset, a
	// factor removed or an account disabled. session.Manager.Epoch is one. Start
	// refuses a login whose password was verified before that: it compares the epoch
	// with StartOptions.Epoch, which is then required. So no login that was under way
	// survives. Epoch must return what was written last, not what a replica has. If it
	// fails, Start fails with 503. If nil, Start does not check that.
	//
	// An access token that the Issuer alone issues has no such check.
	Epoch func(ctx context.Context, subject string) (int64, error)

	// Proofs check the proof of a request with the token of a bound login, see
	// StartOptions.JKT: a *dpop.Proofs for the origin of this server. If nil, such tokens
	// are refused.
	Proofs Proofs

	// Cookie puts refresh tokens into a cookie, for browsers, where no script can read
	// them: __Host-refresh, HttpOnly, Secure, SameSite=Strict, until the login's end.
	// Responses and bodies then have none, and the handlers read the cookie alone, in
	// POST requests from the same origin: others are refused with 403. A host has one
	// Refresher with Cookie.
	//
	// Start sees no request. If another user logs in while a refresh of the former one
	// is under way, its response may come last and put the former cookie back. A page
	// that changes users logs out first: the former login has ended then.
	Cookie bool
	// TrustedOrigins may send requests with the Cookie from elsewhere, each written as
	// "https://app.example.com". SameSite still withholds the cookie from requests of
	// other sites.
	TrustedOrigins []string
	// InsecureCookie is for plain http on localhost: the Cookie is called refresh, and
	// has neither Secure nor a prefix. Anyone on the network path can read and replace
	// it.
	InsecureCookie bool
}

// MaxGrace is the maximum of Options.Grace, and the grace period after an outage of
// the Store.
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
	case o.Grace < 0 || 0 < o.Grace && o.Grace < time.Millisecond || o.Grace > MaxGrace:
		mistake("Grace %v is not between 1ms and %v", o.Grace, MaxGrace)
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
	if !o.Cookie && (o.InsecureCookie || len(o.TrustedOrigins) > 0) {
		mistake("InsecureCookie or TrustedOrigins without Cookie")
	}
	_, originErrs := o.origins()
	errs = append(errs, originErrs...)
	o.Grace, o.Idle = o.Grace.Truncate(time.Millisecond), o.Idle.Truncate(time.Millisecond)
	if err := errors.Join(wiring.TypedNil("refresh", "Options.Store", o.Store), wiring.TypedNil("refresh", "Options.Proofs", o.Proofs)); err != nil {
		errs = append(errs, err)
	}
	if o.Store == nil {
		o.Store = guard.Must(NewMemory(nil))
	}
	return errors.Join(errs...)
}

// origins returns the check of requests with the Cookie, nil without one.
func (o *Options) origins() (*http.CrossOriginProtection, []error) {
	if !o.Cookie {
		return nil, nil
	}
	return field.Origins("refresh", o.TrustedOrigins)
}
