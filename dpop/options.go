package dpop

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/httpsurl"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/once"
)

// Options holds what has a safe default. The zero value is strict, but for nonces: see
// NonceKey.
type Options struct {
	// Once remembers the proofs that were used, for about two minutes. Processes that
	// serve one origin must share it. If nil, it is a [once.Memory] of this process.
	Once once.Store
	// NonceKey makes the nonces that every proof must have if it is set: at least 32 random
	// bytes, the same in each process. A nonce lives for five minutes, which limits how long
	// in advance a proof can be signed. If nil, proofs need no nonce: an attacker who uses
	// the key for a moment can sign proofs for any later time. An empty key is an error.
	NonceKey guard.Secret
	// OldNonceKeys are former or coming values of NonceKey, whose nonces are accepted. To
	// replace a key, first add the new one here in every process.
	OldNonceKeys []guard.Secret
	// Algorithms are the values of alg that proofs may have: those of package jwtauth but
	// HMAC and ML-DSA. If empty, they are ES256, ES384, EdDSA, Ed25519, PS256 and RS256. RSA
	// keys have 2048 to 8192 bits.
	Algorithms []string
	// MaxPerKey is how many proofs of one key are accepted in a minute, by each process;
	// further ones are 429. It bounds what one key can fill of Once. If 0, it is 10,000. A
	// user has as many keys as logins: a once.Memory is full with 13 keys at that rate, so
	// limit the requests of a user as well (package ratelimit).
	MaxPerKey int
	// TLS accepts tokens that are bound to a client certificate, too (x5t#S256), in the
	// scheme Bearer. If nil, they are refused.
	TLS *Certificates
	// Prefix is the beginning of the path that a proxy removes from requests, such as
	// "/v1": the client's URL has it. If empty, the proxy leaves paths as they are.
	Prefix string
	// InsecureUnbound accepts tokens that are not bound, in the scheme Bearer, while
	// clients move to DPoP: a stolen one can be used. Bound tokens still need their proof.
	InsecureUnbound bool
	// InsecureHTTP allows an origin of http on other hosts than this one (loopback).
	// Tokens and proofs can be read on the network, and a proof can be used by another
	// client that is faster.
	InsecureHTTP bool
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

const defaultPerKey = 10_000

// New returns the Proofs for requests to an origin: the scheme, the host and the port
// under which clients reach this server, such as "https://api.example.com". opts may be
// nil. Its error lists every mistake.
func New(origin string, opts *Options) (*Proofs, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Proofs{now: o.Now, store: o.Once, tls: o.TLS, unbound: o.InsecureUnbound}
	errs := []error{
		p.setTarget(origin, &o), p.setAlgorithms(o.Algorithms), p.setNonces(&o),
		wiring.TypedNil("dpop", "Once", o.Once),
	}
	if o.MaxPerKey < 0 {
		errs = append(errs, fmt.Errorf("dpop: MaxPerKey %d is negative", o.MaxPerKey))
	}
	if p.store == nil {
		memory, err := once.NewMemory(&once.MemoryOptions{Now: o.Now})
		p.store, errs = memory, append(errs, err)
	}
	if o.TLS != nil && o.TLS.unbound {
		errs = append(errs, errors.New("dpop: TLS has InsecureUnbound: set that of Options"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.MaxPerKey == 0 {
		o.MaxPerKey = defaultPerKey
	}
	p.shares = &shares{max: o.MaxPerKey}
	if p.unbound || p.tls != nil { // RFC 9449, section 7.2
		p.others = []string{"Bearer"}
	}
	return p, nil
}

func (p *Proofs) setTarget(origin string, o *Options) error {
	u, err := httpsurl.Parse(origin, o.InsecureHTTP)
	if err != nil {
		return fmt.Errorf("dpop: the origin: %w", err)
	}
	if u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.ContainsAny(u.Host, "%, ") {
		return fmt.Errorf("dpop: %q is no origin: a scheme, a host and a port alone", origin)
	}
	prefix, err := url.Parse(o.Prefix)
	if o.Prefix != "" && (err != nil || !strings.HasPrefix(o.Prefix, "/") || strings.HasSuffix(o.Prefix, "/") || prefix.EscapedPath() != o.Prefix) {
		return fmt.Errorf("dpop: Prefix %q is no path that begins with a slash and ends without one", o.Prefix)
	}
	p.target = target{scheme: u.Scheme, host: lower(withoutPort(u.Scheme, u.Host)), prefix: o.Prefix}
	return nil
}

func (p *Proofs) setAlgorithms(names []string) error {
	if len(names) == 0 {
		names = []string{"ES256", "ES384", "EdDSA", "Ed25519", "PS256", "RS256"}
	}
	var errs []error
	for _, name := range names {
		// Of an AKP, key and signature are longer than a proof may be.
		a := keyset.AlgorithmByName(name)
		if a == nil || a.Type == keyset.Symmetric || a.Type == keyset.AKP {
			errs = append(errs, fmt.Errorf("dpop: %q is not an algorithm for proofs", name))
			continue
		}
		if !slices.Contains(p.algorithms, a) {
			p.algorithms = append(p.algorithms, a)
		}
	}
	p.challenge = `DPoP algs="` + strings.Join(names, " ") + `"`
	return errors.Join(errs...)
}

func (p *Proofs) setNonces(o *Options) error {
	keys := slices.Concat([]guard.Secret{o.NonceKey}, o.OldNonceKeys)
	if o.NonceKey == nil { // an unset environment variable is empty, not nil
		if len(o.OldNonceKeys) > 0 {
			return errors.New("dpop: OldNonceKeys without NonceKey")
		}
		return nil
	}
	for i, key := range keys {
		if len(key) < minNonceKey || wiring.IsZero(key) {
			return fmt.Errorf("dpop: nonce key %d has %d bytes, or only zeros: it needs %d random ones", i+1, len(key), minNonceKey)
		}
	}
	p.nonces = newNonces(keys, p.target.scheme+"://"+p.target.host)
	return nil
}
