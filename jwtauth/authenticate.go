package jwtauth

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/credential"
)

// Authenticate implements guard.Authenticator.
func (v *Verifier[C]) Authenticate(r *http.Request) (*Token[C], error) {
	token, state := credential.Authorization(r.Header, "Bearer", v.opts.MaxTokenBytes)
	if v.crossSite != nil {
		var err error
		if token, state, err = v.withCookie(r, token, state); err != nil {
			return nil, err
		}
	}
	switch state {
	case credential.Absent:
		return nil, v.missing
	case credential.Repeated:
		return nil, credential.ErrRepeated
	case credential.Malformed:
		return nil, v.refuse(errMalformed)
	}
	return v.Verify(r.Context(), token)
}

// withCookie looks for the token in the cookie, too.
func (v *Verifier[C]) withCookie(r *http.Request, token string, s credential.State) (string, credential.State, error) {
	cookies := r.CookiesNamed(v.opts.Cookie)
	switch {
	case len(cookies) == 0:
		return token, s, nil
	case len(cookies) > 1 || s != credential.Absent:
		return "", credential.Repeated, nil
	}
	if err := v.crossSite.Check(r); err != nil {
		return "", s, &guard.Error{Status: http.StatusForbidden, Message: "Cross-site request refused", Err: err}
	}
	return cookies[0].Value, credential.Present, nil
}

// Verify is Authenticate for a token that came by other means, such as the
// first message of a WebSocket. Its errors are those of Authenticate.
func (v *Verifier[C]) Verify(ctx context.Context, token string) (*Token[C], error) {
	t, err := v.verify(ctx, token)
	if r, ok := err.(*refusal); ok {
		return nil, v.refuse(r)
	}
	return t, err
}

// refuse is the answer that was prepared for a reason.
func (v *Verifier[C]) refuse(r *refusal) error {
	if e, ok := v.refusals[r]; ok {
		return e
	}
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: "invalid_token", Message: r.message,
		Challenges: []string{v.refused}, Err: r,
	}
}

func (v *Verifier[C]) verify(ctx context.Context, token string) (*Token[C], error) {
	if len(token) > v.opts.MaxTokenBytes {
		return nil, errTooLong
	}
	var t *Token[C]
	var err error
	k := clock{v.opts.Now(), v.opts.Leeway}
	if v.remembered == nil {
		t, _, err = v.parse(ctx, token, k)
	} else {
		t, err = v.cached(ctx, token, k)
	}
	if err != nil {
		return nil, err
	}
	for _, s := range v.opts.Scopes {
		if !slices.Contains(t.scopes, s) {
			return nil, v.scopeless
		}
	}
	if len(t.deniable) > 0 {
		denied, err := v.opts.Denylist.Denied(ctx, t.deniable...)
		if err != nil {
			return nil, guard.Unavailable(err)
		}
		if denied {
			return nil, errDenied
		}
	}
	return t, nil
}

// origin is where the key of a verified token is from.
type origin struct {
	keys source
	set  *keySet
}

// work is what reading one token needs, in one allocation.
type work struct {
	scanner scanner
	header  header
	claims  claims
}

// parse is what the token says, if its signature and claims are right.
func (v *Verifier[C]) parse(ctx context.Context, token string, k clock) (*Token[C], origin, error) {
	var parts compact
	if bad := parts.split(token); bad != nil {
		return nil, origin{}, bad
	}
	w := new(work)
	if bad := w.header.parse(&w.scanner, parts.header); bad != nil {
		return nil, origin{}, bad
	}
	issuer := v.trusted[0]
	if len(v.trusted) > 1 {
		var bad *refusal
		if issuer, bad = v.selectIssuer(w, parts.payload); bad != nil {
			return nil, origin{}, bad
		}
	}
	set, err := issuer.verify(ctx, &w.header, &parts)
	if err != nil {
		return nil, origin{}, err
	}
	t, bad := v.read(w, &parts, issuer, k)
	if bad != nil {
		return nil, origin{}, bad
	}
	return t, origin{issuer.keys, set}, nil
}

// selectIssuer reads the iss of a payload that is not verified yet. It says
// nothing but whose keys are to verify it.
func (v *Verifier[C]) selectIssuer(w *work, payload []byte) (*trusted, *refusal) {
	c := claims{typed: v.opts.Type != ""}
	if err := w.scanner.read(payload, v.shape, &c, maxMembers); err != nil {
		return nil, err
	}
	if !c.hasIss {
		return nil, errNoIssuer
	}
	for _, t := range v.trusted {
		if t.issuer == string(c.iss) {
			return t, nil
		}
	}
	return nil, errIssuer
}

// read is the claims of a verified payload.
func (v *Verifier[C]) read(w *work, parts *compact, issuer *trusted, k clock) (*Token[C], *refusal) {
	c := &w.claims
	c.typed, c.wanted, c.private = v.opts.Type != "", v.private, append(parts.spare, '{')
	if err := w.scanner.read(parts.payload, v.shape, c, maxMembers); err != nil {
		return nil, err
	}
	if err := c.check(issuer, k); err != nil {
		return nil, err
	}
	t := &Token[C]{
		Issuer: issuer.issuer, Audience: issuer.audienceOf(c), ID: string(c.jti), SessionID: string(c.sid),
		IssuedAt: c.iat, ExpiresAt: c.exp, notBefore: c.nbf, subject: string(c.sub), scopes: c.scope,
	}
	if c.scope == nil {
		t.scopes = c.scp
	}
	if v.opts.Denylist != nil {
		// An Issuer's tokens have ids. One without was signed elsewhere, by whoever
		// has its key, and is theirs to take back.
		if t.deniable = t.ids(); len(t.deniable) == 0 && !v.own {
			return nil, errNoID
		}
	}
	if err := json.Unmarshal(append(c.private, '}'), &t.Claims); err != nil {
		return nil, errClaims
	}
	return t, nil
}
