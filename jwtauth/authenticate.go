package jwtauth

import (
	"context"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/refusal"
)

// Authenticate implements guard.Authenticator. The Code of a refusal is one of
// token_invalid, token_expired, token_not_yet_valid, token_type_invalid,
// token_issuer_invalid, token_audience_invalid, token_revoked, insufficient_scope,
// invalid_request (400, more than one token) and cross_origin (403). The error in
// the challenge is the word of RFC 6750, section 3.1: invalid_token for every 401.
func (v *Verifier[C]) Authenticate(r *http.Request) (*Token[C], error) {
	token, inCookie, state := field.RawBearerOrCookie(r, v.opts.Cookie, v.opts.MaxTokenBytes, v.crossSite)
	switch state {
	case field.Absent:
		return nil, guard.ErrNoCredentials
	case field.Repeated:
		return nil, refusal.Repeated("jwtauth")
	case field.CrossSite:
		return nil, refusal.CrossSite("jwtauth")
	}
	var t *Token[C]
	var err error
	if state == field.Malformed {
		err = errMalformed
	} else {
		t, err = v.check(r.Context(), token)
	}
	if err != nil {
		return nil, v.refused(err, inCookie)
	}
	return t, nil
}

// Verify is Authenticate for a token that was received by other means, such as in
// the first message of a WebSocket. Its errors are those of Authenticate.
func (v *Verifier[C]) Verify(ctx context.Context, token string) (*Token[C], error) {
	if len(token) > v.opts.MaxTokenBytes {
		return nil, v.refuse(errTooLong)
	}
	t, err := v.check(ctx, token)
	if err != nil {
		return nil, v.refused(err, false)
	}
	return t, nil
}

// check verifies a token. Its error may be a *reason.
func (v *Verifier[C]) check(ctx context.Context, token string) (*Token[C], error) {
	t, err := v.verify(ctx, token, clock{v.opts.Now(), v.opts.Leeway})
	if err == nil {
		err = v.authorize(ctx, t)
	}
	return t, err
}

// refused returns the refusal for a *reason, and other errors as they are. A token
// in a cookie is dead if no later request can use it.
func (v *Verifier[C]) refused(err error, inCookie bool) error {
	r, ok := err.(*reason)
	if !ok {
		return err
	}
	e := v.refuse(r)
	e.Dead = inCookie && v.isFinal(r)
	return e
}

// isFinal reports whether a token that is refused for r remains refused. A token
// that is early does not, and neither does one that no key verifies if the keys are
// fetched: its key may be new, also under the ID of an old one.
func (v *Verifier[C]) isFinal(r *reason) bool {
	switch r {
	case errNotBefore, errIssuedLater:
		return false
	case errUnknownKey, errAmbiguousKey, errSignature, errAlgorithm:
		return !slices.ContainsFunc(v.issuers, func(i *issuerConfig) bool {
			_, remote := i.keys.(*keyset.Remote)
			return remote
		})
	}
	return true
}

// verify is parse with the cache.
func (v *Verifier[C]) verify(ctx context.Context, token string, now clock) (*Token[C], error) {
	if v.cache == nil {
		t, _, err := v.parse(ctx, token, now)
		return t, err
	}
	if t := v.cache.load(ctx, token, now); t != nil {
		return t, nil
	}
	t, by, err := v.parse(ctx, token, now)
	if err != nil {
		return nil, err
	}
	v.cache.add(token, newCacheEntry(t, by, now, v.opts.CacheTTL))
	return t, nil
}

// authorize checks what may change while a token is cached: the scopes that every
// token must grant, and the denylist.
func (v *Verifier[C]) authorize(ctx context.Context, t *Token[C]) error {
	for _, s := range v.opts.Scopes {
		if !slices.Contains(t.scopes, s) {
			return v.insufficient.Clone()
		}
	}
	if len(t.deniable) == 0 {
		return nil
	}
	denied, err := v.opts.Denylist.Denied(ctx, t.deniable...)
	switch {
	case err != nil:
		return guard.Unavailable(err)
	case denied:
		return errDenied
	}
	return nil
}
