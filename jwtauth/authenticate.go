package jwtauth

import (
	"context"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
)

// Authenticate implements guard.Authenticator.
func (v *Verifier[C]) Authenticate(r *http.Request) (*Token[C], error) {
	token, state := field.RawBearerOrCookie(r, v.opts.Cookie, v.opts.MaxTokenBytes, v.crossSite)
	switch state {
	case field.Absent:
		return nil, guard.ErrNoCredentials
	case field.Repeated:
		return nil, refusal.Repeated("jwtauth")
	case field.CrossSite:
		return nil, refusal.CrossSite("jwtauth")
	case field.Malformed:
		return nil, v.refuse(errMalformed)
	}
	return v.Verify(r.Context(), token)
}

// Verify is Authenticate for a token that was received by other means, such as in
// the first message of a WebSocket. Its errors are those of Authenticate.
func (v *Verifier[C]) Verify(ctx context.Context, token string) (*Token[C], error) {
	if len(token) > v.opts.MaxTokenBytes {
		return nil, v.refuse(errTooLong)
	}
	t, err := v.verify(ctx, token, clock{v.opts.Now(), v.opts.Leeway})
	if err == nil {
		err = v.authorize(ctx, t)
	}
	if r, ok := err.(*reason); ok {
		return nil, v.refuse(r)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
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
