package apikey

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
)

// RingOptions holds what has a safe default. The zero value is the strictest.
type RingOptions struct {
	// Prefix says whose keys these are: 2 to 16 lower-case letters and digits,
	// a letter first. If empty, it is "ak". Take one of your own, so that
	// secret scanners tell your keys from others'.
	Prefix string
	// Env says which deployment's: 1 to 16 lower-case letters and digits. If
	// empty, it is "live".
	Env string
	// Store keeps the records. If nil, it is NewMemory(nil).
	Store Store
	// Pepper, 32 bytes or more, is a secret that digests are made with: with it,
	// who can write to the store still cannot make a key. If nil, none.
	Pepper []byte
	// OldPeppers still verify keys that were issued with them; an empty one is
	// for keys that were issued without any. Rotation moves a key to Pepper.
	OldPeppers [][]byte
	// Sources are where a key may be; there must be one key in all of them
	// together. If empty, it is Header(DefaultHeader).
	Sources []Source
	// Realm names the protection space in the challenge. If empty, none is sent.
	Realm string
	// Missing is the message for a request without a key. If empty, it is
	// "API key required".
	Missing string
	// Address finds the client's address for keys that are bound to networks.
	// If nil, it is clientip.Direct().
	Address func(*http.Request) (netip.Addr, error)
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
}

// A Ring issues keys and authenticates by them; the principal is the key's
// [Record], which guard.BySubject turns into a user. It is safe for use by
// several goroutines.
//
// A credential without the ring's prefix is none of its own: the next
// authenticator is asked about it. Behind guard.Optional a ring that is alone
// takes it for no credential, so give it company: an application's own [Keys].
type Ring struct {
	reader
	format  format
	ours    func(string) bool // format.ours, bound once
	digests digester
	store   Store
	address func(*http.Request) (netip.Addr, error)
	now     func() time.Time
	uses    uses
}

// NewRing returns a Ring; opts may be nil. Its error names all mistakes in opts.
// A program that ends calls [Ring.Close].
func NewRing(opts *RingOptions) (*Ring, error) {
	if opts == nil {
		opts = &RingOptions{}
	}
	k := &Ring{store: opts.Store, address: opts.Address, now: opts.Now}
	if k.now == nil {
		k.now = time.Now
	}
	if k.store == nil {
		m := NewMemory(nil)
		m.now = k.now
		k.store = m
	}
	if k.address == nil {
		k.address = clientip.Direct()
	}
	var errs [3]error
	k.format, errs[0] = newFormat(opts.Prefix, opts.Env)
	k.digests, errs[1] = newDigester(opts.Pepper, opts.OldPeppers)
	errs[2] = k.init(opts.Sources, opts.Realm, opts.Missing)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	k.ours = k.format.ours
	k.uses.store = k.store
	return k, nil
}

// Pattern is a regular expression (RE2) for this ring's keys alone, for secret
// scanners; see also [Pattern].
func (k *Ring) Pattern() string { return k.format.pattern() }

// Wrap is guard.Require of this ring alone.
func (k *Ring) Wrap(next http.Handler) http.Handler { return guard.Require(k)(next) }

// Authenticate implements [guard.Authenticator].
func (k *Ring) Authenticate(r *http.Request) (*Record, error) {
	f, err := k.find(r, k.ours)
	switch {
	case k.store == nil:
		return nil, errNotNew
	case err != nil:
		return nil, err
	case f.key == "" && f.foreign:
		return nil, k.foreign
	case f.key == "":
		return nil, k.missing
	}
	id, ok := k.format.parse(f.key)
	if !ok {
		return nil, k.malformed
	}
	e, found, err := k.store.Load(r.Context(), id)
	if err != nil {
		return nil, guard.Unavailable(fmt.Errorf("apikey: %w", err))
	}
	if found && e == nil {
		return nil, errors.New("apikey: the store found a nil entry")
	}
	now := k.now()
	if !found { // a miss takes as long as a wrong secret
		k.digests.match(f.key, &nobody, now)
		return nil, k.unknown
	}
	if !k.digests.match(f.key, e, now) {
		return nil, k.wrong
	}
	if err := k.admit(r, &e.Record, now); err != nil {
		return nil, err
	}
	k.uses.note(&e.Record, now)
	return &e.Record, nil
}

// nobody is compared with where an id is unknown. No key has this digest.
var nobody = Entry{}

// unclear is 400 for an address that cannot be told, unless the caller's own way
// to tell it says otherwise.
func unclear(err error) error {
	if refusal, _ := errors.AsType[*guard.Error](err); refusal != nil {
		return err
	}
	return &guard.Error{Status: http.StatusBadRequest, Message: "The client's address is not clear", Err: err}
}

// admit applies the limits of a key to who proved to hold it.
func (k *Ring) admit(r *http.Request, rec *Record, now time.Time) error {
	switch {
	case !rec.RevokedAt.IsZero():
		return k.revoked
	case !rec.ExpiresAt.IsZero() && !now.Before(rec.ExpiresAt):
		return k.expired
	case now.Before(rec.NotBefore):
		return k.early
	case len(rec.Nets) == 0:
		return nil
	}
	addr, err := k.address(r)
	if err != nil {
		return unclear(err)
	}
	addr = addr.Unmap().WithZone("")
	if !slices.ContainsFunc(rec.Nets, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return k.elsewhere
	}
	return nil
}
