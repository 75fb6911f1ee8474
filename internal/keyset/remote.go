package keyset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/internal/flight"
	"github.com/go-guard/guard/internal/httpsurl"
	"github.com/go-guard/guard/internal/wiring"
)

// A Remote is the key set of an authorization server. It is fetched when it is
// first needed and again before it expires, by one fetch at a time. A fetched
// set replaces the previous one, even if it is empty. A Remote is safe for
// concurrent use.
type Remote struct {
	name   string   // in errors
	issuer string   // of Discover, or empty: its metadata has the location of the keys
	names  []string // of Discover: what the metadata may call the issuer
	opts   RemoteOptions
	client http.Client
	read   func(context.Context) (document, error)
	reads  *flight.Group[struct{}, document]

	latest atomic.Pointer[snapshot] // nil until a fetch succeeds

	mu       sync.Mutex // guards the fields below
	inFlight *fetch
	started  time.Time                      // start of the last fetch
	failures int                            // since the last success
	err      error                          // of the last fetch
	location location                       // of the last successful fetch
	reported map[[sha256.Size]byte]struct{} // the keys that OnError received
}

// A document is a key set as it was read.
type document struct {
	keys     []PublicKey
	skipped  []*SkippedKey
	ttl      time.Duration
	location location
}

// A snapshot is the result of a successful fetch and the times that end its use.
type snapshot struct {
	set       *Set
	keys      []PublicKey
	metadata  []byte // of Discover
	fetchedAt time.Time
	refreshAt time.Time // a fetch starts in the background
	expiresAt time.Time // used only if that fetch fails
	staleAt   time.Time // no longer used
}

// fresh reports whether no fetch is due. One is after the clock was set back, too.
func (s *snapshot) fresh(now time.Time) bool {
	return now.Before(s.refreshAt) && !now.Before(s.fetchedAt)
}

// maxHanging is how many fetches that ignore their Timeout run at once. Beyond it a
// fetch starts every 15 seconds at most: see package flight.
const maxHanging = 16

// NewRemote returns the key set at an https URL.
func NewRemote(jwksURL string, opts *RemoteOptions) (*Remote, error) {
	r := newRemote("the keys of "+jwksURL, opts)
	r.read, r.location.jwksURL = r.fetchKeys, jwksURL
	_, err := r.parseURL(jwksURL)
	if err = errors.Join(err, r.check()); err != nil {
		return nil, err
	}
	return r, nil
}

// Discover returns the key set of an issuer, whose URL is in the issuer's
// metadata (OpenID Connect Discovery 1.0, section 4; RFC 8414, section 3).
func Discover(issuer string, opts *RemoteOptions) (*Remote, error) {
	return DiscoverAt(issuer, []string{issuer}, opts)
}

// DiscoverAt is Discover for metadata that is found as that of the issuer, and has
// another name for it: one of names.
func DiscoverAt(issuer string, names []string, opts *RemoteOptions) (*Remote, error) {
	r := newRemote("the keys of "+issuer, opts)
	r.read, r.issuer, r.names = r.fetchKeys, issuer, names
	u, err := r.parseURL(issuer)
	if err == nil && (u.RawQuery != "" || u.Fragment != "" || u.ForceQuery) {
		err = fmt.Errorf("the issuer %q has a query or fragment", issuer)
	}
	if err = errors.Join(err, r.check()); err != nil {
		return nil, err
	}
	return r, nil
}

// NewLoaded returns the key set whose text load returns. It is loaded again after
// a minute.
func NewLoaded(load func(context.Context) ([]byte, error), opts *RemoteOptions) (*Remote, error) {
	if load == nil {
		return nil, errors.New("the function that loads keys is nil")
	}
	if opts != nil && (opts.Client != nil || opts.InsecureHTTP) {
		return nil, errors.New("the options Client and InsecureHTTP are for keys that are fetched from a URL")
	}
	r := newRemote("the loaded keys", opts)
	r.read = func(ctx context.Context) (document, error) {
		text, err := load(ctx)
		if err != nil {
			return document{}, err
		}
		if len(text) > maxDocument {
			return document{}, fmt.Errorf("more than %d bytes", maxDocument)
		}
		return parseDocument(text, minTTL, location{})
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

func newRemote(name string, opts *RemoteOptions) *Remote {
	r := &Remote{name: name, opts: opts.withDefaults(), reported: map[[sha256.Size]byte]struct{}{}}
	r.reads = flight.New[struct{}, document](flight.Options{
		Name: "the fetch", Timeout: r.opts.Timeout, Max: maxHanging, Alone: true,
	})
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

// check returns the mistakes in the options.
func (r *Remote) check() error {
	var errs []error
	if t := r.client.Transport; t != nil && wiring.IsNil(t) {
		errs = append(errs, fmt.Errorf("the Client's Transport is a nil %T", t))
	}
	if r.opts.Timeout < 0 || r.opts.Refetch < 0 {
		errs = append(errs, fmt.Errorf("option Timeout %v or Refetch %v is negative", r.opts.Timeout, r.opts.Refetch))
	}
	return errors.Join(errs...)
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
	if latest != nil && latest.fresh(now) {
		return latest, nil
	}
	f, lastErr := r.startFetch(now, true, latest)
	latest = r.latest.Load()
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
func (r *Remote) LoadNewer(ctx context.Context, old *Set) (set *Set, fresh bool, err error) {
	if latest := r.latest.Load(); latest != nil && latest.set != old {
		return latest.set, false, nil
	}
	now := r.opts.Now()
	f, err := r.startFetch(now, false, nil)
	if f != nil {
		err = f.wait(ctx)
	}
	if err != nil {
		return nil, false, r.unavailable(err)
	}
	return r.latest.Load().set, f != nil && !f.started.Before(now), nil // an earlier fetch may have missed a newer key
}

func (r *Remote) unavailable(err error) error {
	if err == nil {
		err = errors.New("they have expired")
	}
	return fmt.Errorf("%s cannot be fetched: %w", r.name, err)
}

// store makes d the latest snapshot. An unchanged list keeps its Set, as caches of
// verified tokens compare Sets.
func (r *Remote) store(d document) {
	now := r.opts.Now()
	next := &snapshot{keys: d.keys, metadata: d.location.metadata, fetchedAt: now, refreshAt: now.Add(d.ttl * 4 / 5), expiresAt: now.Add(d.ttl)}
	next.staleAt = next.expiresAt.Add(r.opts.Stale)
	if latest := r.latest.Load(); latest != nil && reflect.DeepEqual(latest.keys, d.keys) {
		next.set = latest.set
	} else {
		next.set = NewSet(d.keys)
	}
	r.latest.Store(next)
}
