package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard"
)

// Options holds what has a safe default. The zero value is the strictest.
type Options struct {
	// Store keeps the sessions. If nil, a [Memory] of the manager's own. Managers
	// that share one, or a prefix or table of one, take each other's sessions:
	// give each user base a store of its own.
	Store Store

	// Name is the cookie's name behind its prefix. If empty, "session": the
	// cookie is __Host-session.
	Name string
	// Domain makes the cookie valid on subdomains too. All of them can then
	// read and replace it. The prefix is __Secure- instead.
	Domain string
	// SameSite is Lax if zero. Strict also withholds the cookie when a link on
	// another site is followed. Any other, None too, is an error.
	SameSite http.SameSite

	// Lifetime is how long a session lasts at most, a second or more; nothing
	// extends it. If zero, 12 hours.
	Lifetime time.Duration
	// IdleTimeout ends a session that was not used for so long, from a second
	// to Lifetime, which turns it off. If zero, 30 minutes, or Lifetime where
	// that is shorter.
	IdleTimeout time.Duration
	// TouchEvery is how precisely the last use is kept: it is written when it
	// is older. It must be below IdleTimeout. If zero, a tenth of IdleTimeout, at
	// least a minute, but no more than half of IdleTimeout.
	TouchEvery time.Duration

	// MaxData is the size of a session's data, as JSON, in bytes; Create and
	// Update of more is an error. If zero, 4096.
	MaxData int
	// Timeout limits each call of a Store; a [Memory] needs none. If zero, 5
	// seconds.
	Timeout time.Duration

	// TrustedOrigins may send unsafe requests from elsewhere, each written as
	// "https://app.example.com". SameSite keeps the cookie from requests of
	// another site all the same. A proxy that changes Host makes the public
	// origin one of these, for browsers from before 2023.
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

// A Manager creates, finds and ends sessions that hold a D. It is safe for use
// by several goroutines.
type Manager[D any] struct {
	store      Store
	remote     bool // whether reads need a time limit
	cookie     http.Cookie
	lifetime   time.Duration
	idle       time.Duration
	touchEvery time.Duration
	timeout    time.Duration
	maxData    int
	origins    *http.CrossOriginProtection // nil where the check is off
	missing    error
	now        func() time.Time
	flat       bool // whether a D can be shared
	cache      *[cached]atomic.Pointer[Session[D]]
}

// New returns a manager of sessions whose data is a D, kept as JSON. struct{}
// is for none. opts may be nil. It reports every mistake in opts at once.
func New[D any](opts *Options) (*Manager[D], error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.setDefaults()
	m := &Manager[D]{
		store: o.Store, lifetime: o.Lifetime, idle: o.IdleTimeout, touchEvery: o.TouchEvery,
		timeout: o.Timeout, maxData: o.MaxData, now: o.Now, cookie: o.cookie(),
		missing: refusal(o.Missing, guard.ErrNoCredentials),
		flat:    isFlat[D](),
		cache:   new([cached]atomic.Pointer[Session[D]]),
	}
	_, local := o.Store.(*Memory)
	m.remote = !local
	errs := o.check(&m.cookie)
	if !o.InsecureNoCrossOriginCheck {
		m.origins = http.NewCrossOriginProtection()
		for _, origin := range o.TrustedOrigins {
			if err := m.origins.AddTrustedOrigin(origin); err != nil {
				errs = append(errs, fmt.Errorf("session: trusted origin: %w", err))
			} else if origin != strings.ToLower(origin) {
				errs = append(errs, fmt.Errorf("session: trusted origin %q: browsers write it in lower case", origin))
			}
		}
	}
	if _, err := m.encode(*new(D)); err != nil && m.maxData > 0 {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return m, nil
}

func (o *Options) setDefaults() {
	def(&o.Name, "session")
	def(&o.SameSite, http.SameSiteLaxMode)
	// NIST SP 800-63B, section 4.2.3: 12 hours, and 30 minutes of inactivity.
	def(&o.Lifetime, 12*time.Hour)
	def(&o.IdleTimeout, min(30*time.Minute, max(o.Lifetime, time.Second)))
	idle := max(o.IdleTimeout, time.Second)
	def(&o.TouchEvery, min(max(idle/10, time.Minute), idle/2))
	def(&o.MaxData, 4096)
	def(&o.Timeout, 5*time.Second)
	def(&o.Missing, "Not authenticated")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Store == nil {
		o.Store = NewMemory(&MemoryOptions{Now: o.Now})
	}
}

func def[T comparable](v *T, d T) {
	if *v == *new(T) {
		*v = d
	}
}

// cookie is the cookie without a value. The browser itself enforces what its
// prefix promises (RFC 6265bis, section 4.1.3).
func (o *Options) cookie() http.Cookie {
	c := http.Cookie{
		Name: "__Host-" + o.Name, Path: "/", Domain: o.Domain,
		Secure: true, HttpOnly: true, SameSite: o.SameSite,
	}
	switch {
	case o.InsecureCookie:
		c.Name, c.Secure = o.Name, false
	case o.Domain != "":
		c.Name = "__Secure-" + o.Name
	}
	return c
}

func (o *Options) check(c *http.Cookie) (errs []error) {
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("session: "+format, args...)) }
	if err := c.Valid(); err != nil {
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

// reading limits a load. A Memory answers at once, and a limit costs memory.
func (m *Manager[D]) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	if !m.remote {
		return ctx, nothing // a literal would be allocated
	}
	return context.WithTimeout(ctx, m.timeout)
}

func nothing() {}

// writing goes on when the client leaves, so that what was begun is done.
func (m *Manager[D]) writing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), m.timeout)
}
