package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-guard/guard/internal/httpsurl"
)

// RemoteOptions has what has a safe default for the keys of an authorization
// server. A set that is fetched replaces the one before, also where it holds no
// keys: whoever withdraws all of them means it.
type RemoteOptions struct {
	// Client fetches. If nil, it is one over http.DefaultTransport. Its
	// redirects are not followed.
	Client *http.Client
	// Timeout bounds one fetch. If 0, it is 5 seconds.
	Timeout time.Duration
	// Refetch is the least time between two fetches: how soon a new key is
	// found when a token names it, and how often tokens that name keys there
	// are none of can cause a fetch. Where fetches fail it doubles, up to six
	// times Refetch. If 0, it is 10 seconds.
	Refetch time.Duration
	// Stale is how long keys serve beyond their expiry while fetches fail. If
	// 0, it is an hour; if negative, not at all.
	Stale time.Duration
	// InsecureHTTP allows http to other hosts than this one: whoever is on
	// the way can then sign tokens.
	InsecureHTTP bool
	// OnError is told of each fetch that failed, also where the last keys
	// still serve. No request waits for it. It may be called by several
	// goroutines, and a panic in it is ignored. May be nil.
	OnError func(error)
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// RemoteKeys is the key set (RFC 7517, section 5) behind an https URL. It is
// fetched when it is first needed, and again before it expires: after the
// max-age of its Cache-Control, but between 1 and 60 minutes, 15 if it has
// none. Keys that are not public keys for signatures are skipped. Several
// verifiers may share it.
func RemoteKeys(url string, opts *RemoteOptions) KeySource {
	r := newRemote(opts)
	r.jwksURL, r.name = url, url
	_, r.err = r.checkURL(url)
	return r
}

// Discover is [RemoteKeys] of an issuer whose metadata tells where they are
// (OpenID Connect Discovery 1.0, section 4; RFC 8414, section 3). The metadata
// must be that issuer's own.
func Discover(issuer string, opts *RemoteOptions) KeySource {
	r := newRemote(opts)
	r.issuer, r.name = issuer, issuer
	u, err := r.checkURL(issuer)
	if err == nil && (u.RawQuery != "" || u.Fragment != "" || u.ForceQuery) {
		err = fmt.Errorf("jwtauth: the issuer %q has a query or fragment", issuer)
	}
	r.err = err
	return r
}

// remoteKeys is a source whose set is replaced, never appended to.
type remoteKeys struct {
	issuer string // of Discover; else empty
	name   string // for errors
	opts   RemoteOptions
	client http.Client
	err    error // of the configuration

	last atomic.Pointer[fetched]

	mu         sync.Mutex
	running    *fetch
	started    time.Time // of the last fetch
	failures   int       // since the last success
	failure    error     // of the last fetch
	jwksURL    string    // with Discover, from the metadata
	discovered time.Time
}

// fetched is the last set, and how long it is good.
type fetched struct {
	set                      *keySet
	list                     []publicKey
	refresh, expires, buried time.Time
}

// A fetch is under way until done is closed.
type fetch struct {
	done chan struct{}
	err  error
}

func newRemote(opts *RemoteOptions) *remoteKeys {
	r := &remoteKeys{}
	if opts != nil {
		r.opts = *opts
	}
	o := &r.opts
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Refetch <= 0 {
		o.Refetch = 10 * time.Second
	}
	if o.Stale == 0 {
		o.Stale = time.Hour
	}
	o.Stale = max(o.Stale, 0)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client != nil {
		r.client = *o.Client
	}
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return r
}

func (r *remoteKeys) checkURL(s string) (*url.URL, error) {
	u, err := httpsurl.Parse(s, r.opts.InsecureHTTP)
	if err != nil {
		return nil, fmt.Errorf("jwtauth: the URL of a key set or issuer: %w", err)
	}
	return u, nil
}

func (r *remoteKeys) source() (source, error) { return r, r.err }
func (r *remoteKeys) remote() *remoteKeys     { return r }

// current is the keys of now. Ahead of their expiry, and while fetches fail,
// the last ones serve, and a fetch runs beside.
func (r *remoteKeys) current(ctx context.Context) (*keySet, error) {
	last, now := r.last.Load(), r.opts.Now()
	if last != nil && now.Before(last.refresh) {
		return last.set, nil
	}
	f, failure := r.start(now, true)
	if last != nil && (now.Before(last.expires) || failure != nil && now.Before(last.buried)) {
		return last.set, nil
	}
	if f == nil {
		return nil, r.unreachable(failure)
	}
	err := f.wait(ctx)
	if last = r.last.Load(); last != nil && r.opts.Now().Before(last.buried) {
		return last.set, nil
	}
	return nil, r.unreachable(err)
}

// newer fetches where that may be done already, for a token of an unknown key.
// After a failed fetch nobody knows whether there is such a key.
func (r *remoteKeys) newer(ctx context.Context, have *keySet) (*keySet, error) {
	if last := r.last.Load(); last.set != have {
		return last.set, nil
	}
	f, failure := r.start(r.opts.Now(), false)
	if f != nil {
		failure = f.wait(ctx)
	}
	if failure != nil {
		return nil, r.unreachable(failure)
	}
	return r.last.Load().set, nil
}

func (r *remoteKeys) unreachable(err error) error {
	if err == nil {
		err = errors.New("they have expired")
	}
	return fmt.Errorf("jwtauth: the keys of %s cannot be had: %w", r.name, err)
}

// start is the fetch under way, or a new one where one may be made: at most one
// in Refetch, whoever asks, but that keys which have become old (due) wait for
// failed fetches alone. It also tells how the last one failed.
func (r *remoteKeys) start(now time.Time, due bool) (*fetch, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running != nil {
		return r.running, r.failure
	}
	if !r.started.IsZero() && now.Sub(r.started) < r.pause() && !(due && r.failures == 0) {
		return nil, r.failure
	}
	r.started = now
	r.running = &fetch{done: make(chan struct{})}
	go r.run(r.running)
	return r.running, r.failure
}

func (r *remoteKeys) pause() time.Duration {
	return r.opts.Refetch * time.Duration(min(1<<max(min(r.failures, 4)-1, 0), 6))
}

func (f *fetch) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is not bound to the request that caused it: others wait for it too. It
// ends by its timeout.
func (r *remoteKeys) run(f *fetch) {
	ctx, cancel := context.WithTimeout(context.Background(), r.opts.Timeout)
	defer cancel()
	list, ttl, err := r.load(ctx)
	if err == nil {
		r.keep(list, ttl)
	}
	r.mu.Lock()
	r.running, r.failure, f.err = nil, err, err
	r.failures++
	if err == nil {
		r.failures = 0
	}
	close(f.done)
	r.mu.Unlock()
	if err != nil && r.opts.OnError != nil {
		r.tell(err)
	}
}

// tell calls OnError when nobody waits any more. In this goroutine nobody else
// recovers: its panic would end the process.
func (r *remoteKeys) tell(err error) {
	defer func() { _ = recover() }()
	r.opts.OnError(r.unreachable(err))
}

// keep makes list the set. One that did not change stays the same set, so that
// tokens in a cache stay, too.
func (r *remoteKeys) keep(list []publicKey, ttl time.Duration) {
	now := r.opts.Now()
	next := &fetched{list: list, refresh: now.Add(ttl * 4 / 5), expires: now.Add(ttl)}
	next.buried = next.expires.Add(r.opts.Stale)
	if last := r.last.Load(); last != nil && reflect.DeepEqual(last.list, list) {
		next.set = last.set
	} else {
		next.set = newKeySet(list)
	}
	r.last.Store(next)
}
