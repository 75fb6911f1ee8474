package apikey

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/go-guard/guard"
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
	// Store keeps the records. If nil, it is NewMemory().
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
// authenticator is asked about it.
type Ring struct {
	reader
	format  format
	digests digester
	store   Store
	address func(*http.Request) (netip.Addr, error)
	now     func() time.Time
	uses    uses
}

// NewRing returns a Ring. Its error names all mistakes in opts.
func NewRing(opts *RingOptions) (*Ring, error) {
	if opts == nil {
		opts = &RingOptions{}
	}
	k := &Ring{store: opts.Store, address: opts.Address, now: opts.Now}
	if k.now == nil {
		k.now = time.Now
	}
	if k.store == nil {
		m := NewMemory()
		m.now = k.now
		k.store = m
	}
	if k.address == nil {
		k.address = direct
	}
	var errs [3]error
	k.format, errs[0] = newFormat(opts.Prefix, opts.Env)
	k.digests, errs[1] = newDigester(opts.Pepper, opts.OldPeppers)
	errs[2] = k.init(opts.Sources, opts.Realm, opts.Missing)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
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
	f, err := k.find(r, k.format.ours)
	switch {
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
		return err
	}
	addr = addr.Unmap().WithZone("")
	if !slices.ContainsFunc(rec.Nets, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return k.elsewhere
	}
	return nil
}

// direct is the address of the connection.
func direct(r *http.Request) (netip.Addr, error) {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr(), err
}

// A Grant is what a new key is for.
type Grant struct {
	// Subject is whose key it is. It must not be empty.
	Subject string
	// Name is what the subject calls it, up to 200 bytes. May be empty.
	Name string
	// Scopes narrow what the principal may do, and never add; see package rbac.
	Scopes []string
	// NotBefore and ExpiresAt bound the key's life; zero is no bound.
	NotBefore, ExpiresAt time.Time
	// Nets are the networks that the key works from. If empty, any.
	Nets []netip.Prefix
}

func (g Grant) validate(now time.Time) error {
	var errs []error
	if g.Subject == "" {
		errs = append(errs, errors.New("apikey: a grant without a subject"))
	}
	if len(g.Name) > 200 {
		errs = append(errs, errors.New("apikey: a name of more than 200 bytes"))
	}
	if len(g.Scopes) > 100 || len(g.Nets) > 100 {
		errs = append(errs, errors.New("apikey: more than 100 scopes or networks"))
	}
	if slices.Contains(g.Scopes, "") {
		errs = append(errs, errors.New("apikey: an empty scope"))
	}
	for _, p := range g.Nets {
		if !p.IsValid() {
			errs = append(errs, errors.New("apikey: an invalid network"))
		}
	}
	if !g.ExpiresAt.IsZero() && (!g.ExpiresAt.After(now) || !g.ExpiresAt.After(g.NotBefore)) {
		errs = append(errs, errors.New("apikey: a grant that is over before it starts"))
	}
	return errors.Join(errs...)
}

// Issue makes a key. This is the only time that the key is at hand: show it
// once, by its Reveal method. A mistake in g is an error, and so is a store that
// fails; the latter wraps to 503.
func (k *Ring) Issue(ctx context.Context, g Grant) (Key, *Record, error) {
	now := stamp(k.now())
	if err := g.validate(now); err != nil {
		return Key{}, nil, err
	}
	for range 3 { // a taken id is a matter of 71 bits of luck
		id := random(idLen)
		key := k.format.key(id)
		e := Entry{
			Record: Record{
				ID: id, Subject: g.Subject, Name: g.Name, Scopes: slices.Clone(g.Scopes), Nets: masked(g.Nets),
				Last4: key.last4(), CreatedAt: now, NotBefore: stamp(g.NotBefore), ExpiresAt: stamp(g.ExpiresAt),
			},
			Digest: k.digests.of(key.secret),
		}
		inserted, err := k.store.Insert(ctx, e)
		if err != nil {
			return Key{}, nil, guard.Unavailable(fmt.Errorf("apikey: %w", err))
		}
		if inserted {
			return key, &e.Record, nil
		}
	}
	return Key{}, nil, errors.New("apikey: no free id was found")
}

// Rotate gives the record another key; its id, subject and limits stay. The key
// before works for overlap longer, so that clients can be changed over one by
// one; the one before that is dead at once. found is false where there is no
// such key, and where it is revoked or expired.
//
// Rotate does not ask whose key it is: see [Ring.Load].
func (k *Ring) Rotate(ctx context.Context, id string, overlap time.Duration) (key Key, found bool, err error) {
	if overlap < 0 {
		return Key{}, false, errors.New("apikey: a negative overlap")
	}
	for range 3 { // another rotation may come between
		e, found, err := k.store.Load(ctx, id)
		if err != nil {
			return Key{}, false, guard.Unavailable(fmt.Errorf("apikey: %w", err))
		}
		now := stamp(k.now())
		if !found || !e.RevokedAt.IsZero() || !e.ExpiresAt.IsZero() && !now.Before(e.ExpiresAt) {
			return Key{}, false, nil
		}
		key := k.format.key(id)
		rotated, err := k.store.Rotate(ctx, id, Rotation{
			From: e.Digest, To: k.digests.of(key.secret), Last4: key.last4(), At: now, Until: stamp(now.Add(overlap)),
		})
		if err != nil {
			return Key{}, false, guard.Unavailable(fmt.Errorf("apikey: %w", err))
		}
		if rotated {
			return key, true, nil
		}
	}
	return Key{}, false, guard.Unavailable(errors.New("apikey: the key is being rotated by others"))
}

// Revoke kills a key, and the one it replaced, for good. found is false where
// there is no such key. It does not ask whose key it is: see [Ring.Load].
func (k *Ring) Revoke(ctx context.Context, id string) (found bool, err error) {
	found, err = k.store.Revoke(ctx, id, stamp(k.now()))
	if err != nil {
		return false, guard.Unavailable(fmt.Errorf("apikey: %w", err))
	}
	return found, nil
}

// Load returns the record under id. Rotate and Revoke trust their caller: a
// route that lets users do so checks the record's Subject first, for which
// package owner has the loader's shape.
func (k *Ring) Load(ctx context.Context, id string) (*Record, bool, error) {
	e, found, err := k.store.Load(ctx, id)
	if err != nil {
		return nil, false, guard.Unavailable(fmt.Errorf("apikey: %w", err))
	}
	if !found {
		return nil, false, nil
	}
	return &e.Record, true, nil
}

// MaxList is how many records List returns at most.
const MaxList = 1000

// List returns the records of a subject, the newest first, revoked and expired
// ones too for [Retention].
func (k *Ring) List(ctx context.Context, subject string) ([]Record, error) {
	list, err := k.store.List(ctx, subject, MaxList)
	if err != nil {
		return nil, guard.Unavailable(fmt.Errorf("apikey: %w", err))
	}
	return list, nil
}

// stamp is t as every store keeps it.
func stamp(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

func masked(nets []netip.Prefix) (list []netip.Prefix) {
	for _, p := range nets {
		list = append(list, p.Masked())
	}
	return list
}

func equal(a, b *Digest) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
