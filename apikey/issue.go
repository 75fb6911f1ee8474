package apikey

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-guard/guard"
)

// A Grant is what a new key is for.
type Grant struct {
	// Subject is whose key it is, 1 to 255 bytes.
	Subject string
	// Name is what the subject calls it, up to 200 bytes. May be empty.
	Name string
	// Scopes, up to 100, narrow what the principal may do where a guard asks: a
	// policy of package rbac or bearer.Scopes. If nil, a key may do all that its
	// subject's roles allow, and nothing that bearer.Scopes guards. An empty list
	// is an error: what came out empty shall not make a key for everything.
	Scopes []string
	// NotBefore and ExpiresAt bound the key's life; zero is no bound. An
	// ExpiresAt that is past, or not after NotBefore, is an error.
	NotBefore, ExpiresAt time.Time
	// Nets are the networks that the key works from, up to 100. If nil, any; an
	// empty list is an error.
	Nets []netip.Prefix
}

func (g Grant) validate(now time.Time) error {
	var errs []error
	if g.Subject == "" {
		errs = append(errs, errors.New("apikey: a grant without a subject"))
	}
	if len(g.Subject) > 255 {
		errs = append(errs, errors.New("apikey: a subject of more than 255 bytes"))
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
	if g.Scopes != nil && len(g.Scopes) == 0 || g.Nets != nil && len(g.Nets) == 0 {
		errs = append(errs, errors.New("apikey: an empty list of scopes or networks; a nil one is for a key without such bounds"))
	}
	for _, s := range append([]string{g.Subject, g.Name}, g.Scopes...) {
		if !utf8.ValidString(s) { // stores keep JSON
			errs = append(errs, fmt.Errorf("apikey: %q is not UTF-8", s))
		}
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
			Digest: k.digests.of(key.Reveal()),
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
			From: e.Digest, To: k.digests.of(key.Reveal()), Last4: key.last4(), At: now, Until: stamp(now.Add(overlap)),
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

// masked is nets as they are compared: networks alone, and IPv4 as IPv4.
func masked(nets []netip.Prefix) (list []netip.Prefix) {
	for _, p := range nets {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		list = append(list, p.Masked())
	}
	return list
}
