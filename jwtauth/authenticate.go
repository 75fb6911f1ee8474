package jwtauth

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/refusal"
)

// Authenticate implements guard.Authenticator.
func (v *Verifier[C]) Authenticate(r *http.Request) (*Token[C], error) {
	if t := v.recallFrom(r); t != nil {
		return v.answer(t, v.admit(r.Context(), t))
	}
	token, state := field.BearerOrCookie(r, v.opts.Cookie, v.opts.MaxTokenBytes, v.crossSite)
	switch state {
	case field.Absent:
		return nil, v.missing
	case field.Repeated:
		return nil, refusal.Repeated("jwtauth")
	case field.CrossSite:
		return nil, refusal.CrossSite("jwtauth")
	case field.Malformed:
		return nil, v.refuse(errMalformed)
	}
	return v.Verify(r.Context(), token)
}

// Verify is Authenticate for a token that came by other means, such as the
// first message of a WebSocket. Its errors are those of Authenticate.
func (v *Verifier[C]) Verify(ctx context.Context, token string) (*Token[C], error) {
	if len(token) > v.opts.MaxTokenBytes {
		return nil, v.refuse(errTooLong)
	}
	t, err := v.verified(ctx, token, clock{v.opts.Now(), v.opts.Leeway})
	if err == nil {
		err = v.admit(ctx, t)
	}
	return v.answer(t, err)
}

func (v *Verifier[C]) answer(t *Token[C], err error) (*Token[C], error) {
	if r, ok := err.(*reason); ok {
		return nil, v.refuse(r)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// refuse is the answer that was prepared for a reason.
func (v *Verifier[C]) refuse(r *reason) error {
	if e, ok := v.refusals[r]; ok {
		return e
	}
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: "invalid_token", Message: r.message,
		Challenges: []string{v.refused}, Err: r,
	}
}

// admit asks for what is no property of the token: the scopes that all need, and
// the denylist.
func (v *Verifier[C]) admit(ctx context.Context, t *Token[C]) error {
	for _, s := range v.opts.Scopes {
		if !slices.Contains(t.scopes, s) {
			return v.scopeless
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

// origin is where the key of a verified token is from.
type origin struct {
	keys keyset.Source
	set  *keyset.Set
}

// work is what reading one token needs. It is used again for the next: nothing
// of it leaves the package, not even for an UnmarshalJSON.
type work struct {
	buf     []byte
	scanner scanner
	header  header
	claims  claims
}

// parse is what the token says, if its signature and claims are right.
func (v *Verifier[C]) parse(ctx context.Context, token string, k clock) (*Token[C], origin, error) {
	first, last, ok := cut(token)
	if !ok {
		return nil, origin{}, errSegments
	}
	w, ok := v.works.Get().(*work)
	if !ok {
		w = new(work)
	}
	defer v.works.Put(w)
	if size := strict.DecodedLen(len(token)); len(w.buf) < size {
		w.buf = make([]byte, size)
	}
	var parts compact
	if bad := parts.decode(token, first, last, w.buf); bad != nil {
		return nil, origin{}, bad
	}
	if bad := w.header.parse(&w.scanner, parts.header); bad != nil {
		return nil, origin{}, bad
	}
	issuer := v.trusted[0]
	if len(v.trusted) > 1 {
		var bad *reason
		if issuer, bad = v.selectIssuer(w, parts.payload); bad != nil {
			return nil, origin{}, bad
		}
	}
	set, err := issuer.verify(ctx, &w.header, &parts)
	if err != nil {
		return nil, origin{}, err
	}
	t, bad := v.read(w, parts.payload, issuer, k)
	if bad != nil {
		return nil, origin{}, bad
	}
	return t, origin{issuer.keys, set}, nil
}

// selectIssuer reads the iss of a payload that is not verified yet. It says
// nothing but whose keys are to verify it.
func (v *Verifier[C]) selectIssuer(w *work, payload []byte) (*trusted, *reason) {
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
func (v *Verifier[C]) read(w *work, payload []byte, issuer *trusted, k clock) (*Token[C], *reason) {
	t := &Token[C]{}
	c := &w.claims
	*c = claims{typed: v.opts.Type != "", wanted: v.private, flat: v.flat}
	if v.flat != nil {
		c.target = reflect.ValueOf(&t.Claims).Elem()
	} else {
		c.private = append(make([]byte, 0, len(payload)), '{')
	}
	if err := w.scanner.read(payload, v.shape, c, maxMembers); err != nil {
		return nil, err
	}
	if err := c.check(issuer, k); err != nil {
		return nil, err
	}
	t.Issuer, t.Audience = issuer.issuer, issuer.audienceOf(c, &t.audience)
	t.subject = string(c.sub)
	if v.opts.Denylist == nil {
		t.ID, t.SessionID = string(c.jti), string(c.sid)
	} else {
		t.deniable = t.ids[:0]
		t.ID, t.SessionID = t.deniableBy(issuer.tokenIDs, c.jti), t.deniableBy(issuer.sessionIDs, c.sid)
	}
	t.IssuedAt, t.ExpiresAt = c.iat, c.exp
	if t.scopes = c.scope; !c.hasScope {
		t.scopes = c.scp
	}
	// An Issuer's tokens have ids. One without was signed elsewhere, by whoever
	// has its key, and is theirs to take back.
	if v.opts.Denylist != nil && len(t.deniable) == 0 && !v.own {
		return nil, errNoID
	}
	if c.misfit || v.flat == nil && json.Unmarshal(append(c.private, '}'), &t.Claims) != nil {
		return nil, errClaims
	}
	return t, nil
}
