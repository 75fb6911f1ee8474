package session

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/wiring"
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
	// Domain makes the cookie valid on subdomains too, and its prefix is __Secure-
	// instead. That costs: every subdomain can read the cookie, and any of them, taken
	// over or of a customer, can plant another. A planted cookie signs a person in as
	// the attacker until the next login, and next to the person's own it ends both
	// sessions; more than four keep the person out. Without Domain no other host can
	// set the cookie.
	Domain string
	// SameSite is Lax if zero. Strict also withholds the cookie when the user
	// follows a link on another site.
	//
	// None is for an application in a frame of another site. It costs: every site's
	// requests then carry the session. Unsafe ones are refused by the check of their
	// origin alone, and any page can load or frame what GET answers, with the user's
	// session, and measure it: limit that by frame-ancestors (Content-Security-Policy)
	// and Cross-Origin-Resource-Policy. Browsers that block third-party cookies need
	// Partitioned as well.
	SameSite http.SameSite
	// Partitioned gives each site that frames the application a session of its own
	// (CHIPS), which is the only one that most browsers send there. It needs SameSite
	// None. A user who is signed in at the application's own site is not signed in
	// within the frame, and List shows both sessions. A browser can hold a partitioned
	// and another cookie of one name: a change of Partitioned needs another Name, too.
	Partitioned bool

	// Lifetime is the absolute timeout: use does not extend it. It is at least a
	// second and at most 400 days, the longest that browsers keep a cookie (RFC
	// 6265bis, section 5.5). If zero, 12 hours.
	Lifetime time.Duration
	// MaxLifetime bounds what [For] gives a login. It is at least Lifetime and at most
	// 400 days. If zero, 30 days, or Lifetime if that is longer.
	MaxLifetime time.Duration
	// IdleTimeout ends a session that is not used for this long. It is at least
	// a second and at most Lifetime, which turns it off. If zero, 30 minutes, or
	// Lifetime if that is shorter.
	IdleTimeout time.Duration
	// TouchEvery is the precision of the last use: a request writes it if the
	// stored one is older than this. It must be below IdleTimeout. If zero, a tenth
	// of IdleTimeout, but at least a minute and at most half of IdleTimeout.
	TouchEvery time.Duration

	// MaxData is the maximum size of a session's data, as JSON, in bytes. Create
	// and Update return an error for more, which is a 500: truncate what clients send,
	// such as a User-Agent, before it becomes data. It is at most 1 MiB. If zero, 4096.
	MaxData int
	// AcceptUndecodable accepts a session whose data cannot be decoded into a D, such as
	// one that the next version of the program wrote, with a zero D; its Update replaces
	// what D declares. Set it if a zero D grants nothing. If false, its requests are
	// answered with 500. Either way the failure is reported, and no session ends.
	AcceptUndecodable bool
	// Timeout limits each call of the Store, and a fifth of it the write of the last
	// use. A [Memory] needs no limit. It is a millisecond to a minute. If zero, 5
	// seconds.
	Timeout time.Duration

	// TrustedOrigins may send unsafe requests from elsewhere, each written as
	// "https://app.example.com". SameSite still withholds the cookie from requests
	// of other sites. If a proxy changes Host, add the public origin, for browsers
	// from before 2023.
	TrustedOrigins []string

	// ExperimentalDevice binds sessions to the device, where the browser can. The zero value
	// binds none.
	ExperimentalDevice DeviceOptions

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

	// Now is the clock. If nil, time.Now. For a Manager it never goes back: a clock that
	// is set back brings no session back, unless the monotonic clock shows that it was
	// fast and is right again.
	Now func() time.Time
}

const (
	maxLifetime = 400 * 24 * time.Hour // how long browsers keep a cookie
	maxMaxData  = 1 << 20
)

// setDefaults leaves mistakes for check.
func (o *Options) setDefaults() {
	setDefault(&o.Name, "session")
	setDefault(&o.SameSite, http.SameSiteLaxMode)
	// NIST SP 800-63B, section 4.2.3: 12 hours, and 30 minutes of inactivity.
	setDefault(&o.Lifetime, 12*time.Hour)
	setDefault(&o.MaxLifetime, max(30*24*time.Hour, o.Lifetime))
	setDefault(&o.IdleTimeout, min(30*time.Minute, max(o.Lifetime, time.Second)))
	idle := max(o.IdleTimeout, time.Second)
	setDefault(&o.TouchEvery, min(max(idle/10, time.Minute), idle/2))
	setDefault(&o.MaxData, 4096)
	setDefault(&o.Timeout, 5*time.Second)
	setDefault(&o.Missing, "Not authenticated")
	o.ExperimentalDevice.setDefaults()
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
		mistake("cookie with Name %q and Domain %q: %w", o.Name, o.Domain, err)
	}
	if field.HasCookiePrefix(o.Name) {
		mistake("cookie name %q: the prefix is added", o.Name)
	}
	if err := wiring.TypedNil("session", "Options.Store", o.Store); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, o.checkSite()...)
	errs = append(errs, o.checkDevice()...)
	if o.Lifetime < time.Second || o.Lifetime > maxLifetime {
		mistake("lifetime %v is not between a second and 400 days: write at most 400*24*time.Hour", o.Lifetime)
	}
	if o.MaxLifetime != o.Lifetime && (o.MaxLifetime < o.Lifetime || o.MaxLifetime > maxLifetime) {
		mistake("MaxLifetime %v is not between the lifetime, %v, and 400 days", o.MaxLifetime, o.Lifetime)
	}
	if o.IdleTimeout < time.Second || o.Lifetime >= time.Second && o.IdleTimeout > o.Lifetime {
		mistake("idle timeout %v is not between a second and the lifetime, %v", o.IdleTimeout, o.Lifetime)
	}
	if o.TouchEvery < 0 || o.IdleTimeout >= time.Second && o.TouchEvery >= o.IdleTimeout {
		mistake("TouchEvery %v is not below the idle timeout, %v", o.TouchEvery, o.IdleTimeout)
	}
	if o.MaxData < 0 || o.MaxData > maxMaxData {
		mistake("MaxData %d is not between 0 and %d: keep more in a table of your own, by the subject or Session.ID", o.MaxData, maxMaxData)
	}
	if o.Timeout < time.Millisecond || o.Timeout > time.Minute {
		mistake("timeout %v is not between a millisecond and a minute: write it as 5*time.Second", o.Timeout)
	}
	if o.InsecureNoCrossOriginCheck && len(o.TrustedOrigins) > 0 {
		mistake("trusted origins without a cross-origin check")
	}
	return errs
}

// checkSite returns the mistakes in what other sites may do.
func (o *Options) checkSite() (errs []error) {
	none := o.SameSite == http.SameSiteNoneMode
	if o.SameSite != http.SameSiteLaxMode && o.SameSite != http.SameSiteStrictMode && !none {
		errs = append(errs, errors.New("session: SameSite must be Lax, Strict or None: leave it out for Lax"))
	}
	if none && o.InsecureCookie {
		errs = append(errs, errors.New("session: SameSite None with InsecureCookie: browsers drop such a cookie; leave out one of them"))
	}
	if o.Partitioned && !none {
		errs = append(errs, errors.New("session: Partitioned without SameSite None: no frame of another site would get the cookie; write SameSite: http.SameSiteNoneMode"))
	}
	return errs
}
