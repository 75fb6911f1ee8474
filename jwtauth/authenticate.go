package jwtauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
)

// Authenticate implements guard.Authenticator. A refusal is a *guard.Error, whose Code
// is one of token_invalid, token_expired, token_not_yet_valid, token_type_invalid,
// token_issuer_invalid, token_audience_invalid, token_revoked, insufficient_scope,
// invalid_request (400, more than one token or a malformed query) and cross_origin
// (403). The error in a challenge for Bearer is the word of RFC 6750, section 3.1:
// invalid_token for every 401. The refusals of VerifierOptions.Bound are its own.
func (v *Verifier[C]) Authenticate(r *http.Request) (*Token[C], error) {
	c := v.sources.Find(r, "")
	switch c.State {
	case field.Absent:
		return nil, guard.ErrNoCredentials
	case field.Repeated, field.Unclear, field.CrossSite:
		return nil, refusal.Sources("jwtauth", c.State)
	}
	var t *Token[C]
	var err error
	scheme := ""
	if !v.bound.IsZero() {
		scheme = v.sources.SchemeOf(r, c)
	}
	if c.State == field.Malformed && len(c.Text) <= v.opts.MaxTokenBytes {
		err = errMalformed
	} else {
		t, err = v.check(r.Context(), c.Text)
	}
	if err == nil && !v.bound.IsZero() { // also where the token is cached
		err = v.bound.Confirm(r, scheme, c.Text, t.confirmation)
	}
	if err != nil {
		return nil, v.refused(err, c.Ambient(), scheme)
	}
	return t, nil
}

// Verify is Authenticate for a token that was received by other means, such as in
// the first message of a WebSocket. Its errors are those of Authenticate. With
// VerifierOptions.Bound, it refuses tokens that are bound: nothing proves their key.
func (v *Verifier[C]) Verify(ctx context.Context, token string) (*Token[C], error) {
	t, err := v.check(ctx, token)
	switch {
	case err != nil || v.bound.IsZero():
	case t.confirmation != "":
		err = errBound
	default: // an empty request: only what the Binding accepts without a proof passes
		err = v.bound.Confirm((&http.Request{URL: new(url.URL)}).WithContext(ctx), "", token, "")
	}
	if err != nil {
		return nil, v.refused(err, false, "")
	}
	return t, nil
}

// check verifies a token. Its error may be a *reason.
func (v *Verifier[C]) check(ctx context.Context, token string) (*Token[C], error) {
	if len(token) > v.opts.MaxTokenBytes {
		return nil, errTooLong
	}
	t, err := v.verify(ctx, token, v.opts.Now())
	if err == nil {
		err = v.authorize(ctx, t)
	}
	return t, err
}

// refused returns the refusal for a *reason or pending, and other errors as they
// are. A token that is in cookies alone is dead if no later request can use it. The
// scheme is that of the request, for Bound.
func (v *Verifier[C]) refused(err error, ambient bool, scheme string) error {
	var e *guard.Error
	switch r := err.(type) {
	case *reason:
		e = v.refuse(r)
		e.Dead = ambient && r != errNotBefore && r != errIssuedLater
	case pending:
		e = v.refuse(r.reason)
	default:
		return err
	}
	if scheme != "" {
		e.Challenges = v.bound.WithError(scheme, "invalid_token")
	}
	return e
}

// verify is parse with the cache.
func (v *Verifier[C]) verify(ctx context.Context, token string, now time.Time) (*Token[C], error) {
	cache := v.cache.Reveal()
	if cache == nil {
		t, _, err := v.parse(ctx, token, now)
		return t, err
	}
	if t := cache.load(ctx, token, now); t != nil {
		return t, nil
	}
	t, set, err := v.parse(ctx, token, now)
	if err != nil {
		return nil, err
	}
	ttl, by := v.opts.CacheTTL, t.by
	if by.found { // it may be withdrawn
		ttl = min(ttl, foundFresh)
	}
	if by.MaxAge > 0 {
		ttl = min(ttl, t.IssuedAt.Add(by.MaxAge).Add(by.Leeway).Sub(now))
	}
	cache.add(newCacheEntry(token, t, set, now, ttl))
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
	if len(t.deniable.ids) == 0 {
		return nil
	}
	denied, err := t.by.Denylist.Denied(ctx, t.IssuedAt, t.deniable.subject, t.deniable.ids...)
	switch {
	case err != nil:
		return guard.Unavailable(err)
	case denied:
		return errDenied
	}
	return nil
}
