package apikey

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/wiring"
)

const (
	recordUseEvery   = 5 * time.Minute // per key
	recordUseTimeout = time.Second     // for one write: the request waits for it
)

// unknownEntry is compared with the key where the id is unknown, so that a miss
// takes as long as a wrong secret. No key has its digest.
var unknownEntry = Entry{}

// Authenticate implements [guard.Authenticator]. The Code of a refusal is
// key_invalid, key_expired, key_not_yet_valid, key_used_up, address_not_allowed
// (403), address_unknown (400), invalid_request for more than one key or a malformed
// query (400), or cross_origin (403). In the challenge of a source.Authorization for
// Bearer, the error is invalid_token (RFC 6750, section 3.1).
func (k *Ring) Authenticate(r *http.Request) (*Record, error) {
	if k.store == nil {
		return nil, errZeroValue
	}
	refusals := &k.scheme.refusals
	c, err := k.scheme.find(r, k.format.head)
	switch {
	case err != nil:
		return nil, err
	case c.State == field.Absent && c.Foreign():
		return nil, refuse(refusals.unrecognized, false)
	case c.State == field.Absent:
		return nil, guard.ErrNoCredentials
	}
	id, ok := k.format.parse(c.Text)
	if !ok {
		return nil, refuse(refusals.malformed, c.Ambient())
	}
	now := k.now()
	e, key, err := k.find(r.Context(), id, c.Text, now)
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, refuse(refusals.unknown, c.Ambient())
	case key == nil:
		return nil, refuse(refusals.wrongSecret, c.Ambient())
	}
	if bad := k.checkLife(&e.Record, now); bad != nil {
		return nil, refuse(bad, c.Ambient())
	}
	if err := k.checkNetwork(r, &e.Record); err != nil {
		return nil, err
	}
	if e.MaxUses == 0 {
		k.recordUse(r.Context(), e, key, now)
		return &e.Record, nil
	}
	// The last check: a request that is refused for another reason spends nothing.
	switch spent, err := k.store.Spend(r.Context(), &e.Record, *key, toMillis(now)); {
	case err != nil:
		return nil, unavailable(err)
	case !spent:
		return nil, refuse(refusals.usedUp, c.Ambient())
	}
	return &e.Record, nil
}

// find returns the entry under id, nil if there is none, and the digest in it that
// text has, nil if the secret is wrong. Both take the same time.
func (k *Ring) find(ctx context.Context, id, text string, now time.Time) (e *Entry, key *Digest, err error) {
	e, err = k.load(ctx, id)
	switch {
	case err != nil:
		return nil, nil, err
	case e == nil:
		k.digests.match(text, &unknownEntry, now)
		return nil, nil, nil
	}
	return e, k.digests.match(text, e, now), nil
}

// Verify returns the record of a key, for a secret scanner's report that it leaked: an
// id alone is no proof. found is false unless text is a whole key of this ring, the
// current one of a record or a previous one in its overlap, whose record may have
// ended ([Record.Ended]). Verify is no use of the key, and checks no network. A
// route that calls it needs a rate limit: guesses can be tried there, too.
func (k *Ring) Verify(ctx context.Context, text string) (rec *Record, found bool, err error) {
	if k.store == nil {
		return nil, false, errZeroValue
	}
	id, ok := k.format.parse(text)
	if !ok {
		return nil, false, nil
	}
	e, key, err := k.find(ctx, id, text, k.now())
	if err != nil || key == nil {
		return nil, false, err
	}
	return &e.Record, true, nil
}

// checkLife returns the refusal of a right key that has ended or has not begun, nil for a valid one.
func (k *Ring) checkLife(rec *Record, now time.Time) *guard.Error {
	refusals := &k.scheme.refusals
	switch {
	case !rec.RevokedAt.IsZero():
		return refusals.revoked
	case rec.expired(now):
		return refusals.expired
	case rec.usedUp():
		return refusals.usedUp
	case now.Before(rec.NotBefore):
		return refusals.notYetValid
	}
	return nil
}

// checkNetwork refuses a right key that is used from outside of its networks.
func (k *Ring) checkNetwork(r *http.Request, rec *Record) error {
	if len(rec.Networks) == 0 {
		return nil
	}
	addr, err := k.address(r)
	if err != nil {
		return addressRefusal(err)
	}
	addr = addr.Unmap().WithZone("")
	if !slices.ContainsFunc(rec.Networks, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return refuse(k.scheme.refusals.wrongNetwork, false)
	}
	return nil
}

// addressRefusal is 400 for a client whose address is unknown, unless
// RingOptions.Address returned a refusal. The key is right, and never dead.
func addressRefusal(err error) error {
	if refusal, _ := errors.AsType[*guard.Error](err); refusal != nil {
		return notDead(err)
	}
	return &guard.Error{Status: http.StatusBadRequest, Code: "address_unknown", Message: "The client's address is not clear", Err: err}
}

// recordUse records the use of a key, at most every five minutes and when the key of a
// rotation is used first, and attempts it at most once a minute: while a store fails
// to write, few requests wait for it. It is best effort: the request is
// authenticated whether or not the store records it, and a client that disconnects
// does not cancel the write.
func (k *Ring) recordUse(ctx context.Context, e *Entry, key *Digest, now time.Time) {
	attempt := e.ID
	if !e.InUse && key == &e.Digest {
		attempt = string(key[:])
	} else if now.Sub(e.LastUsedAt) < recordUseEvery {
		return
	}
	if !k.attempts.Due(attempt, now) {
		return
	}
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordUseTimeout)
	defer cancel()
	err := wiring.Recovered("apikey", "the store", func() error { return k.store.Used(write, e.ID, *key, toMillis(now)) })
	if err != nil {
		guard.Decision{Package: "apikey", Guard: "last use", Outcome: guard.Failed, Reason: err.Error(), Err: err}.ReportTo(ctx)
	}
}
