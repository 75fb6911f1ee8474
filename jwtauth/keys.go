package jwtauth

import (
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
// [RemoteKeys] or [Discover].
type KeySource interface {
	source() (source, error)
}

// A source is what a KeySource stands for. With an error, keys may be nil, and
// the rest is valid, so that further mistakes can be reported.
type source struct {
	keys   keyset.Source
	remote bool   // the keys are those of an authorization server
	issuer string // of Discover, or empty
}

// Keys is several keys, such as an issuer's old and new one. Keys without an ID
// are tried in turn for tokens without a kid, or with a kid that no key has. At
// most four keys of an algorithm may have no ID.
func Keys(keys ...Key) KeySource { return staticKeys(keys) }

type staticKeys []Key

func (k Key) source() (source, error) { return staticKeys{k}.source() }

func (k staticKeys) source() (source, error) {
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
	return source{keys: set}, errors.Join(errs...)
}

// RemoteOptions holds what has a safe default for the keys of an authorization
// server. A fetched set replaces the previous one even if it is empty, as the
// server may withdraw all of its keys.
type RemoteOptions struct {
	// Client fetches the keys, without following redirects. If nil, it uses
	// http.DefaultTransport.
	Client *http.Client
	// Timeout bounds one fetch. If 0, it is 5 seconds.
	Timeout time.Duration
	// Refetch is the minimum time between two fetches for tokens that name an
	// unknown key. A new key is accepted after this time at the latest. While
	// fetches fail it doubles, up to six times Refetch. If 0, it is 10 seconds.
	Refetch time.Duration
	// Stale is how long keys are used after their expiry while fetches fail.
	// If 0, it is an hour; if negative, they are not used.
	Stale time.Duration
	// InsecureHTTP allows http to hosts other than this one: an attacker on
	// the network can then sign tokens.
	InsecureHTTP bool
	// OnError receives the error of each failed fetch, also while the previous
	// keys are still used. No request waits for it. It may be called
	// concurrently, and a panic in it is ignored. May be nil.
	OnError func(error)
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// RemoteKeys is the key set (RFC 7517, section 5) at an https URL. It is fetched
// when it is first needed, and again before it expires: after the max-age of its
// Cache-Control, limited to between 1 and 60 minutes, or after 15 minutes if
// there is none. Keys that are not public keys for signatures are skipped.
// Several verifiers may share it.
func RemoteKeys(url string, opts *RemoteOptions) KeySource {
	r, err := keyset.NewRemote(url, opts.engine())
	return &remoteKeys{"", r, withPrefix(err)}
}

// Discover is [RemoteKeys] of an issuer whose metadata has their URL (OpenID
// Connect Discovery 1.0, section 4; RFC 8414, section 3). The metadata must name
// that issuer.
func Discover(issuer string, opts *RemoteOptions) KeySource {
	r, err := keyset.Discover(issuer, opts.engine())
	return &remoteKeys{issuer, r, withPrefix(err)}
}

type remoteKeys struct {
	issuer string // of Discover, or empty
	keys   *keyset.Remote
	err    error // of the configuration
}

func (r *remoteKeys) source() (source, error) {
	return source{keys: r.keys, remote: true, issuer: r.issuer}, r.err
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
// (RFC 7517, section 5). Secrets are never among them. The path is commonly
// /.well-known/jwks.json.
func (i *Issuer[C]) JWKS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			guard.Decision{Package: "jwtauth", Guard: "JWKS"}.Refuse(w, r, refusal.MethodNotAllowed("GET, HEAD"))
			return
		}
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(slices.Clone(i.jwks)) // the client may have left
	})
}

// jwkSet is the key set of the public keys.
func jwkSet(keys []Key) []byte {
	var list []keyset.JWK
	for _, k := range keys {
		if j, ok := keyset.NewJWK(k.public()); ok {
			j.Alg, j.Kid, j.Use = k.alg.Name, k.kid(), "sig"
			list = append(list, j)
		}
	}
	return keyset.EncodeJWKS(list)
}
