package session

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Store keeps the sessions. If nil, a new [Memory]. Managers that share a
	// store, or its prefix or table, accept each other's sessions: give each user
	// base its own.
	Store Store

	// Name is the cookie's name after its prefix. If empty, "session": the
	// cookie is __Host-session.
	Name string
	// Domain makes the cookie valid on subdomains too. All of them can then
	// read and replace it. The prefix is __Secure- instead.
	Domain string
	// SameSite is Lax if zero. Strict also withholds the cookie when the user
	// follows a link on another site. Any other value, None too, is an error.
	SameSite http.SameSite

	// Lifetime is the absolute timeout: use does not extend it. It is at least a
	// second. If zero, 12 hours.
	Lifetime time.Duration
	// IdleTimeout ends a session that is not used for this long. It is at least
	// a second and at most Lifetime, which turns it off. If zero, 30 minutes, or
	// Lifetime if that is shorter.
	IdleTimeout time.Duration
	// TouchEvery is the precision of the last use: a request writes it if the
	// stored one is older than this. It must be below IdleTimeout. If zero, a tenth
	// of IdleTimeout, but at least a minute and at most half of IdleTimeout.
	TouchEvery time.Duration

	// MaxData is the maximum size of a session's data, as JSON, in bytes. Create
	// and Update return an error for more. If zero, 4096.
	MaxData int
	// Timeout limits each call of the Store, and a fifth of it the write of the last
	// use. A [Memory] needs no limit. If zero, 5 seconds.
	Timeout time.Duration

	// TrustedOrigins may send unsafe requests from elsewhere, each written as
	// "https://app.example.com". SameSite still withholds the cookie from requests
	// of other sites. If a proxy changes Host, add the public origin, for browsers
	// from before 2023.
	TrustedOrigins []string

	// Missing is the message of the 401 for a request without a session cookie.
	// If empty, "Not authenticated".
	Missing string

	// InsecureCookie is for plain http on localhost: the cookie has neither
	// Secure nor a prefix. Anyone on the network path can read and replace it.
	InsecureCookie bool
	// InsecureNoCrossOriginCheck lets every website send unsafe requests, as
	// far as SameSite does not withhold the cookie. Something else must refuse
	// them.
	InsecureNoCrossOriginCheck bool

	// Now is the clock. If nil, time.Now.
	Now func() time.Time
}

// setDefaults leaves mistakes for check.
func (o *Options) setDefaults() {
	setDefault(&o.Name, "session")
	setDefault(&o.SameSite, http.SameSiteLaxMode)
	// NIST SP 800-63B, section 4.2.3: 12 hours, and 30 minutes of inactivity.
	setDefault(&o.Lifetime, 12*time.Hour)
	setDefault(&o.IdleTimeout, min(30*time.Minute, max(o.Lifetime, time.Second)))
	idle := max(o.IdleTimeout, time.Second)
	setDefault(&o.TouchEvery, min(max(idle/10, time.Minute), idle/2))
	setDefault(&o.MaxData, 4096)
	setDefault(&o.Timeout, 5*time.Second)
	setDefault(&o.Missing, "Not authenticated")
	if o.Now == nil {
		o.Now = time.Now
	}
}

func setDefault[T comparable](v *T, value T) {
	if *v == *new(T) {
		*v = value
	}
}

// check returns the mistakes in o.
func (o *Options) check() (errs []error) {
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("session: "+format, args...)) }
	cookie := newCookie(o)
	if err := cookie.Valid(); err != nil {
		mistake("cookie: %w", err)
	}
	if low := strings.ToLower(o.Name); strings.HasPrefix(low, "__host-") || strings.HasPrefix(low, "__secure-") {
		mistake("cookie name %q: the prefix is added", o.Name)
	}
	if v := reflect.ValueOf(o.Store); v.Kind() == reflect.Pointer && v.IsNil() {
		mistake("the store is a nil %T", o.Store)
	}
	if o.SameSite != http.SameSiteLaxMode && o.SameSite != http.SameSiteStrictMode {
		mistake("SameSite must be Lax or Strict")
	}
	if o.Lifetime < time.Second {
		mistake("lifetime %v is less than a second", o.Lifetime)
	}
	if o.IdleTimeout < time.Second || o.Lifetime >= time.Second && o.IdleTimeout > o.Lifetime {
		mistake("idle timeout %v is not between a second and the lifetime, %v", o.IdleTimeout, o.Lifetime)
	}
	if o.TouchEvery < 0 || o.IdleTimeout >= time.Second && o.TouchEvery >= o.IdleTimeout {
		mistake("TouchEvery %v is not below the idle timeout, %v", o.TouchEvery, o.IdleTimeout)
	}
	if o.MaxData < 0 {
		mistake("MaxData is negative")
	}
	if o.Timeout < 0 {
		mistake("Timeout is negative")
	}
	if o.InsecureNoCrossOriginCheck && len(o.TrustedOrigins) > 0 {
		mistake("trusted origins without a cross-origin check")
	}
	return errs
}
