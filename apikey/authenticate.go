package apikey

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/go-guard/guard"
)

const (
	recordUseEvery   = 5 * time.Minute // per key
	recordUseTimeout = time.Second     // for one write: the request waits for it
)

// unknownEntry is compared with the key where the id is unknown, so that a miss
// takes as long as a wrong secret. No key has its digest.
var unknownEntry = Entry{}

// Authenticate implements [guard.Authenticator]. The Code of a refusal is
// key_invalid, key_expired, key_not_yet_valid, address_not_allowed (403),
// address_unknown (400), invalid_request for more than one key (400) or
// cross_origin (403). In the challenge of an [Authorization] source for Bearer, the
// error is invalid_token (RFC 6750, section 3.1).
func (k *Ring) Authenticate(r *http.Request) (*Record, error) {
	if k.store == nil {
		return nil, errZeroValue
	}
	refusals := &k.scheme.refusals
	result, err := k.scheme.sources.find(r, k.format.head)
	switch {
	case err != nil:
		return nil, err
	case result.key == "" && result.unrecognized:
		return nil, refuse(refusals.unrecognized, false)
	case result.key == "":
		return nil, guard.ErrNoCredentials
	}
	id, ok := k.format.parse(result.key)
	if !ok {
		return nil, refuse(refusals.malformed, result.ambient)
	}
	e, found, err := k.store.Load(r.Context(), id)
	if err != nil {
		return nil, unavailable(err)
	}
	if found && e == nil {
		return nil, errors.New("apikey: the store returned a nil entry as found")
	}
	now := k.now()
	if !found {
		k.digests.matches(result.key, &unknownEntry, now)
		return nil, refuse(refusals.unknown, result.ambient)
	}
	if !k.digests.matches(result.key, e, now) {
		return nil, refuse(refusals.wrongSecret, result.ambient)
	}
	if bad := k.checkLife(&e.Record, now); bad != nil {
		return nil, refuse(bad, result.ambient)
	}
	if err := k.checkNetwork(r, &e.Record); err != nil {
		return nil, err
	}
	k.recordUse(r.Context(), &e.Record, now)
	return &e.Record, nil
}

// checkLife returns the refusal of a right key that is revoked or outside of its
// life, nil for a valid one.
func (k *Ring) checkLife(rec *Record, now time.Time) *guard.Error {
	refusals := &k.scheme.refusals
	switch {
	case !rec.RevokedAt.IsZero():
		return refusals.revoked
	case rec.ended(now):
		return refusals.expired
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

// recordUse records the use of a key, at most every five minutes, and attempts it
// at most once a minute: while a store fails to write, few requests wait for it. It
// is best effort: the request is authenticated whether or not the store records
// it, and a client that disconnects does not cancel the write.
func (k *Ring) recordUse(ctx context.Context, rec *Record, now time.Time) {
	if now.Sub(rec.LastUsedAt) < recordUseEvery || !k.attempts.Claim(rec.ID, now) {
		return
	}
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordUseTimeout)
	defer cancel()
	if err := k.store.Used(write, rec.ID, toMillis(now)); err != nil {
		guard.Decision{Package: "apikey", Guard: "last use", Outcome: guard.Failed, Reason: err.Error(), Err: err}.ReportTo(ctx)
	}
}
