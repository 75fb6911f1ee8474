package keyset

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/internal/httpsurl"
)

// RemoteOptions configures a [Remote]. The zero value has the defaults.
type RemoteOptions struct {
	// Client fetches, without following redirects. If nil, it uses
	// http.DefaultTransport.
	Client *http.Client
	// Timeout bounds one fetch. If 0, it is 5 seconds.
	Timeout time.Duration
	// Refetch is the minimum time between two fetches for unknown keys and
	// after the first failure. It doubles with each further failure, up to six
	// times Refetch. If 0, it is 10 seconds.
	Refetch time.Duration
	// Stale is how long keys are used after their expiry while fetches fail.
	// If 0, it is an hour; if negative, they are not used.
	Stale time.Duration
	// InsecureHTTP allows http to hosts other than this one. An attacker on
	// the network can then replace the keys.
	InsecureHTTP bool
	// OnError receives the error of each failed fetch. May be nil.
	OnError func(error)
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// withDefaults returns a copy of o, which may be nil, with every default set.
func (o *RemoteOptions) withDefaults() RemoteOptions {
	var c RemoteOptions
	if o != nil {
		c = *o
	}
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Refetch <= 0 {
		c.Refetch = 10 * time.Second
	}
	if c.Stale == 0 {
		c.Stale = time.Hour
	}
	c.Stale = max(c.Stale, 0)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// A Remote is the key set of an authorization server. It is fetched when it is
// first needed and again before it expires, by one fetch at a time. A fetched
// set replaces the previous one, even if it is empty. A Remote is safe for
// concurrent use.
type Remote struct {
	issuer string // of Discover, or empty
	name   string // in errors: the URL or the issuer
	opts   RemoteOptions
	client http.Client

	latest atomic.Pointer[snapshot] // nil until a fetch succeeds

	mu       sync.Mutex // guards the fields below
	inFlight *fetch
	started  time.Time // start of the last fetch
	failures int       // since the last success
	err      error     // of the last fetch
	location location
}

// A snapshot is the result of a successful fetch and the times that end its use.
type snapshot struct {
	set       *Set
	keys      []PublicKey
	metadata  []byte    // of Discover
	refreshAt time.Time // a fetch starts in the background
	expiresAt time.Time // used only if that fetch fails
	staleAt   time.Time // no longer used
}

// NewRemote returns the key set at an https URL.
func NewRemote(jwksURL string, opts *RemoteOptions) (*Remote, error) {
	r := newRemote(jwksURL, opts)
	r.location.jwksURL = jwksURL
	if _, err := r.parseURL(jwksURL); err != nil {
		return nil, err
	}
	return r, nil
}

// Discover returns the key set of an issuer, whose URL is in the issuer's
// metadata (OpenID Connect Discovery 1.0, section 4; RFC 8414, section 3).
func Discover(issuer string, opts *RemoteOptions) (*Remote, error) {
	r := newRemote(issuer, opts)
	r.issuer = issuer
	u, err := r.parseURL(issuer)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return nil, fmt.Errorf("the issuer %q has a query or fragment", issuer)
	}
	return r, nil
}

func newRemote(name string, opts *RemoteOptions) *Remote {
	r := &Remote{name: name, opts: opts.withDefaults()}
	if c := r.opts.Client; c != nil {
		r.client = *c
	}
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return r
}

func (r *Remote) parseURL(s string) (*url.URL, error) {
	u, err := httpsurl.Parse(s, r.opts.InsecureHTTP)
	if err != nil {
		return nil, fmt.Errorf("the URL of a key set or issuer: %w", err)
	}
	return u, nil
}

// Load implements [Source].
func (r *Remote) Load(ctx context.Context) (*Set, error) {
	s, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	return s.set, nil
}

// Metadata returns the issuer's metadata document, which names the issuer. It is
// fetched together with the keys. It is nil for a Remote of NewRemote.
func (r *Remote) Metadata(ctx context.Context) ([]byte, error) {
	s, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.metadata), nil
}

// load returns the snapshot in force. Shortly before the keys expire, and while
// fetches fail, it returns the latest one and a fetch runs in the background.
func (r *Remote) load(ctx context.Context) (*snapshot, error) {
	latest, now := r.latest.Load(), r.opts.Now()
	if latest != nil && now.Before(latest.refreshAt) {
		return latest, nil
	}
	f, lastErr := r.startFetch(now, true)
	if latest != nil && (now.Before(latest.expiresAt) || lastErr != nil && now.Before(latest.staleAt)) {
		return latest, nil
	}
	if f == nil {
		return nil, r.unavailable(lastErr)
	}
	err := f.wait(ctx)
	if latest = r.latest.Load(); latest != nil && r.opts.Now().Before(latest.staleAt) {
		return latest, nil
	}
	return nil, r.unavailable(err)
}

// LoadNewer implements [Source]: it fetches, unless the last fetch was less than
// Refetch ago. If the last fetch failed it returns that error.
func (r *Remote) LoadNewer(ctx context.Context, old *Set) (*Set, error) {
	if latest := r.latest.Load(); latest != nil && latest.set != old {
		return latest.set, nil
	}
	f, err := r.startFetch(r.opts.Now(), false)
	if f != nil {
		err = f.wait(ctx)
	}
	if err != nil {
		return nil, r.unavailable(err)
	}
	return r.latest.Load().set, nil
}

func (r *Remote) unavailable(err error) error {
	if err == nil {
		err = errors.New("they have expired")
	}
	return fmt.Errorf("the keys of %s cannot be fetched: %w", r.name, err)
}

// store makes keys the latest snapshot. An unchanged list keeps its Set, as
// caches of verified tokens compare Sets.
func (r *Remote) store(keys []PublicKey, metadata []byte, ttl time.Duration) {
	now := r.opts.Now()
	next := &snapshot{keys: keys, metadata: metadata, refreshAt: now.Add(ttl * 4 / 5), expiresAt: now.Add(ttl)}
	next.staleAt = next.expiresAt.Add(r.opts.Stale)
	if latest := r.latest.Load(); latest != nil && reflect.DeepEqual(latest.keys, keys) {
		next.set = latest.set
	} else {
		next.set = NewSet(keys)
	}
	r.latest.Store(next)
}
