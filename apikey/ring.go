package apikey

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/attempt"
	"github.com/go-guard/guard/internal/wiring"
	"github.com/go-guard/guard/source"
)

const (
	defaultPerSubject = 100
	maxPerSubject     = 1000 // so that the list of a subject is short
)

// RingOptions holds what has a safe default. The zero value is the strictest.
type RingOptions struct {
	// Prefix names the issuer of the keys: 2 to 16 lower-case letters and digits,
	// a letter first. If empty, it is "ak". Choose a prefix of your own, so that
	// secret scanners can tell your keys from those of others.
	Prefix string
	// Env names the deployment: 1 to 16 lower-case letters and digits. If empty,
	// it is "live".
	Env string
	// Store holds the records. If nil, it is a [Memory] with default options. Rings with
	// another Prefix or Env may share it: none accepts, lists, counts or changes the keys
	// of another. Rings with the same ones are one ring, in several processes.
	Store Store
	// MaxPerSubject is how many valid keys a subject may have, up to 1000. If zero, it
	// is 100. Where keys that have ended make that many, the one that ended first is
	// removed for a new one; where all are valid, Issue returns [ErrTooMany].
	MaxPerSubject int
	// Pepper, 32 bytes or more, is a secret that goes into the digests: write
	// access to the store is then not enough to make a key. If nil, none; one that is
	// empty but not nil is an error, as an unset environment variable is.
	Pepper guard.Secret
	// OldPeppers verify keys that were issued with them; a nil one is for keys
	// that were issued without a pepper. Rotation moves a key to Pepper.
	OldPeppers []guard.Secret
	// Sources are where a key may be. A request must have one key in all of them
	// together. If empty, it is source.Header(DefaultHeader).
	Sources []source.Source
	// TrustedOrigins may send unsafe requests with the key in a source.Cookie or
	// ProxyHeader, each written as "https://app.example.com". If empty, only this
	// origin may.
	TrustedOrigins []string
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// Missing is the message for a request without a key. If empty, it is
	// "API key required".
	Missing string
	// Address returns the client's address, for keys that are limited to
	// networks. If nil, it is clientip.Direct().
	Address func(*http.Request) (netip.Addr, error)
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// A Ring issues keys and authenticates by them. The principal is the key's
// [Record], which guard.BySubject turns into a user. It is safe for use by
// several goroutines.
//
// A credential without the ring's prefix does not belong to the ring: the next
// authenticator is asked about it. Under guard.Optional a ring without a further
// authenticator treats such a request as anonymous; add an application's own
// [Keys] to refuse it. A request that also has a bad key of the ring is refused.
type Ring struct {
	scheme  scheme
	format  format
	digests digester
	store   Store
	max     int // per subject
	address func(*http.Request) (netip.Addr, error)
	now     func() time.Time

	attempts *attempt.Table // to record a last use
}

// NewRing returns a Ring; opts may be nil. Its error names all mistakes in opts.
func NewRing(opts *RingOptions) (*Ring, error) {
	if opts == nil {
		opts = &RingOptions{}
	}
	k := &Ring{store: opts.Store, max: opts.MaxPerSubject, address: opts.Address, now: opts.Now, attempts: attempt.New(time.Minute)}
	if k.now == nil {
		k.now = time.Now
	}
	if k.address == nil {
		k.address = clientip.Direct()
	}
	var errs [6]error
	if k.max < 0 || k.max > maxPerSubject {
		errs[5] = fmt.Errorf("apikey: RingOptions.MaxPerSubject is %d: 1 to %d are allowed, and 0 for %d", k.max, maxPerSubject, defaultPerSubject)
	}
	if k.max == 0 {
		k.max = defaultPerSubject
	}
	errs[4] = wiring.TypedNil("apikey", "RingOptions.Store", k.store)
	if k.store == nil {
		k.store, errs[0] = NewMemory(&MemoryOptions{Now: k.now})
	}
	k.format, errs[1] = newFormat(opts.Prefix, opts.Env)
	k.digests, errs[2] = newDigester(opts.Pepper, opts.OldPeppers)
	k.scheme, errs[3] = newScheme(opts.Sources, opts.TrustedOrigins, opts.Realm, opts.Missing)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return k, nil
}

// Pattern is a regular expression (RE2) for this ring's keys alone, for secret
// scanners; see also [Pattern].
func (k *Ring) Pattern() string { return k.format.pattern() }

// Scheme implements [guard.Authenticator].
func (k *Ring) Scheme() guard.Scheme { return k.scheme.describe() }

// Wrap is guard.Require of this ring alone.
func (k *Ring) Wrap(next http.Handler) http.Handler { return guard.Require(k)(next) }
