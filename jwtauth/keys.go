package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/refusal"
)

// A KeySource holds the keys that verify an issuer's tokens: a [Key], [Keys],
// [RemoteKeys], [Discover], [LoadKeys] or [JWKS].
type KeySource interface {
	source() (sourceKeys, error)
}

// sourceKeys is what a KeySource stands for. With an error, keys may be nil, and
// the rest is valid, so that further mistakes can be reported.
type sourceKeys struct {
	keys        keyset.Source
	remote      bool   // the keys are those of an authorization server
	discovered  bool   // by Discover
	issuer      string // of Discover, or empty
	issuerOwned bool   // the keys are those of an Issuer of this program
}

// Keys is several keys, such as an issuer's old and new one. Keys without an ID
// are tried in turn for tokens without a kid, or with a kid that no key has. At
// most four keys of an algorithm may have no ID.
func Keys(keys ...Key) KeySource { return staticKeys(keys) }

type staticKeys []Key

func (k Key) source() (sourceKeys, error) { return staticKeys{k}.source() }

func (k staticKeys) source() (sourceKeys, error) {
	set, err := k.set()
	return sourceKeys{keys: set}, err
}

func (k staticKeys) set() (*keyset.Set, error) {
	var errs []error
	if len(k) == 0 {
		errs = append(errs, errors.New("jwtauth: no keys"))
	}
	var list []keyset.PublicKey
	for _, key := range k {
		if err := key.check(); err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, keyset.PublicKey{ID: key.id, Algorithms: key.alg.Names(), Key: key.public()})
	}
	set := keyset.NewSet(list)
	errs = append(errs, withPrefix(set.Check()))
	return set, errors.Join(errs...)
}

// RemoteOptions holds what has a safe default for the keys of an authorization
// server. A fetched set replaces the previous one even if it is empty, as the
// server may withdraw all of its keys. One of more than 1 MiB is a failed fetch.
type RemoteOptions struct {
	// Client fetches the keys, without following redirects. If nil, it uses
	// http.DefaultTransport. LoadKeys has none.
	Client *http.Client
	// Timeout bounds one fetch, also one that ignores its context. If 0, it is
	// 5 seconds.
	Timeout time.Duration
	// Refetch is the minimum time between two fetches for tokens that no key
	// verifies: those of an unknown kid, and those with a bad signature, as the
	// key of a known kid may have been replaced. A new key is accepted after
	// this time at the latest, and no number of such tokens causes more
	// fetches. While fetches fail it doubles, up to six times Refetch. If 0, it
	// is 10 seconds.
	Refetch time.Duration
	// Stale is how long keys are used after their expiry while fetches fail.
	// If 0, it is an hour; if negative, they are not used.
	Stale time.Duration
	// InsecureHTTP allows http to hosts other than this one: an attacker on
	// the network can then sign tokens. LoadKeys has none.
	InsecureHTTP bool
	// OnError receives the error of each failed fetch, also while the previous
	// keys are still used. It also receives an error for each key of the set
	// that is not used, with its kid and the reason: once, and for at most 256
	// keys. No request waits for it. It may be called concurrently, and a panic
	// in it is ignored. May be nil.
	OnError func(error)
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// RemoteKeys is the key set (RFC 7517, section 5) at an https URL. It is fetched
// when it is first needed, and again before it expires: after the max-age of its
// Cache-Control, limited to between 1 and 60 minutes, or after 15 minutes if
// there is none. Keys that are not public keys for signatures are not used, see
// RemoteOptions.OnError. Several verifiers may share it.
func RemoteKeys(url string, opts *RemoteOptions) KeySource {
	r, err := keyset.NewRemote(url, opts.engine())
	return &remoteKeys{url: url, keys: r, err: withPrefix(err)}
}

// Discover is [RemoteKeys] of an issuer whose metadata has their URL (OpenID
// Connect Discovery 1.0, section 4; RFC 8414, section 3). The metadata must name
// that issuer.
func Discover(issuer string, opts *RemoteOptions) KeySource {
	r, err := keyset.Discover(issuer, opts.engine())
	return &remoteKeys{discovered: true, issuer: issuer, keys: r, err: withPrefix(err)}
}

// LoadKeys is [RemoteKeys] of a key set whose text load returns, such as that of a
// file. load is called when the keys are first needed, again a minute later, and
// for tokens that no key verifies as RemoteOptions.Refetch allows. Calls do not
// overlap, and a panic of load is a failed fetch.
func LoadKeys(load func(context.Context) ([]byte, error), opts *RemoteOptions) KeySource {
	r, err := keyset.NewLoaded(load, opts.engine())
	return &remoteKeys{keys: r, err: withPrefix(err)}
}

// JWKS is the key set of an authorization server with this text (RFC 7517, section
// 5). Its keys do not change. A key that cannot be used, such as a secret, is an
// error of the constructor that gets the KeySource.
func JWKS(text []byte) KeySource {
	set, errs := keyset.ParseSet(text)
	for i, err := range errs {
		errs[i] = fmt.Errorf("jwtauth: JWKS: %w", err)
	}
	return &fixedKeys{set, errors.Join(errs...)}
}

type fixedKeys struct {
	set *keyset.Set
	err error
}

func (k *fixedKeys) source() (sourceKeys, error) { return sourceKeys{keys: k.set, remote: true}, k.err }

type remoteKeys struct {
	discovered bool   // by Discover
	issuer     string // of Discover, or empty
	url        string // of RemoteKeys, or empty
	keys       *keyset.Remote
	err        error // of the configuration
}

func (r *remoteKeys) source() (sourceKeys, error) {
	return sourceKeys{keys: r.keys, remote: true, discovered: r.discovered, issuer: r.issuer}, r.err
}

// fetchedKeys returns last in place of next if both are the keys at one URL: those
// that were fetched stay.
func fetchedKeys(last, next KeySource) KeySource {
	l, ok := last.(*remoteKeys)
	n, ok2 := next.(*remoteKeys)
	if ok && ok2 && n != nil && l.err == nil && n.err == nil && l.url+l.issuer != "" && l.url == n.url && l.issuer == n.issuer {
		return last
	}
	return next
}

// engine returns the options of internal/keyset.
func (o *RemoteOptions) engine() *keyset.RemoteOptions {
	if o == nil {
		return nil
	}
	c := keyset.RemoteOptions(*o)
	if report := o.OnError; report != nil {
		c.OnError = func(err error) { report(withPrefix(err)) }
	}
	return &c
}

// withPrefix marks an error of internal/keyset as one of this package.
func withPrefix(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("jwtauth: %w", err)
}

// keyRefusal is the reason of a refusal of keyset.Verify. It is nil for an error
// that is our own failure.
func keyRefusal(err error) *reason {
	switch err {
	case keyset.ErrAlgorithm:
		return errAlgorithm
	case keyset.ErrUnknownKey:
		return errUnknownKey
	case keyset.ErrAmbiguousKey:
		return errAmbiguousKey
	case keyset.ErrSignature:
		return errSignature
	}
	return nil
}

// JWKS serves the Issuer's public keys, those of IssuerOptions.Previous included
// (RFC 7517, section 5), which caches may keep for five minutes. Secrets are never
// among them. The path is commonly /.well-known/jwks.json.
func (i *Issuer[C]) JWKS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			guard.Decision{Package: "jwtauth", Guard: "JWKS"}.Refuse(w, r, refusal.MethodNotAllowed("GET, HEAD"))
			return
		}
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(slices.Clone(i.keys.active.Load().jwks)) // the client may have left
	})
}
