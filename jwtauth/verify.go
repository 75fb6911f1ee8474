package jwtauth

import (
	"context"
	"reflect"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/strictjson"
)

// A scratch holds the buffers for reading one token. It is reused for the next:
// nothing of it may leave the package, not even to an UnmarshalJSON.
type scratch struct {
	buf     []byte
	scanner strictjson.Scanner
	header  header
	claims  claims
	iss     [maxIssuerBytes]byte
}

// scratch returns one for the caller to put back.
func (v *Verifier[C]) scratch() *scratch {
	if w, ok := v.scratches.Get().(*scratch); ok {
		return w
	}
	return new(scratch)
}

// maxIssuerBytes bounds the iss that selects one of several issuers.
const maxIssuerBytes = 512

// parse verifies a token: its form, its signature (verify), then its claims
// (claims.check). It returns the set that has the key, too. Scopes and the denylist, which may change while a token is
// cached, are checked later: see authorize.
func (v *Verifier[C]) parse(ctx context.Context, token string, now time.Time) (*Token[C], *keyset.Set, error) {
	first, last, bad := cut(token)
	if bad != nil {
		return nil, nil, bad
	}
	w := v.scratch()
	defer v.scratches.Put(w)
	if size := strict.DecodedLen(len(token)); len(w.buf) < size {
		w.buf = make([]byte, size)
	}
	var parts compact
	if bad := parts.decode(token, first, last, w.buf); bad != nil {
		return nil, nil, bad
	}
	if bad := w.header.parse(&w.scanner, parts.header); bad != nil {
		return nil, nil, bad
	}
	issuer, err := v.issuerOf(ctx, w, parts.payload)
	if err != nil {
		return nil, nil, err
	}
	set, err := issuer.verify(ctx, &w.header, &parts)
	if err != nil {
		return nil, nil, err
	}
	t, bad := v.readClaims(w, parts.payload, issuer, now)
	if bad != nil {
		return nil, nil, bad
	}
	if err := v.nameSubject(t, parts.payload); err != nil {
		return nil, nil, err
	}
	return t, set, nil
}

// verify checks the type and the signature of a token, and returns the set that
// has its key.
func (t *issuerConfig) verify(ctx context.Context, h *header, c *compact) (*keyset.Set, error) {
	if !t.accepts(h.typ) {
		return nil, errHeaderType
	}
	if !t.allows(h.alg) {
		return nil, errNotAllowed
	}
	set, final, err := keyset.Verify(ctx, t.keys, keyset.Signature{
		Algorithm: h.alg, KeyID: h.keyID, HasKeyID: h.hasID, Signed: c.signed, Bytes: c.signature,
	})
	if err == nil {
		return set, nil
	}
	if bad := keyRefusal(err); bad != nil && final && !t.found {
		return nil, bad
	} else if bad != nil {
		return nil, pending{bad}
	}
	return nil, guard.Unavailable(withPrefix(err))
}

// issuerOf returns the issuer whose keys must verify a payload. Of several, its iss
// selects one, which is all that is read before the signature is verified: the strict
// reader must find the same one afterwards.
func (v *Verifier[C]) issuerOf(ctx context.Context, w *scratch, payload []byte) (*issuerConfig, error) {
	if len(v.issuers) == 1 && v.found == nil {
		return v.issuers[0], nil
	}
	iss, ok := strictjson.PeekText(payload, "iss", w.iss[:])
	if !ok {
		iss = nil // that of an issuer without a name: the strict reader decides
	}
	switch issuer := v.issuerNamed(string(iss)); {
	case issuer != nil:
		return issuer, nil
	case ok && v.found != nil:
		return v.found.get(ctx, iss)
	}
	return nil, errNotTrusted
}

// issuerNamed returns the issuer whose tokens have this iss, nil if there is none.
func (v *Verifier[C]) issuerNamed(iss string) *issuerConfig {
	for _, issuer := range v.issuers {
		if issuer.Issuer == iss {
			return issuer
		}
	}
	return nil
}

// readClaims reads and checks the claims of a payload whose signature is verified.
func (v *Verifier[C]) readClaims(w *scratch, payload []byte, issuer *issuerConfig, now time.Time) (*Token[C], *reason) {
	c := &w.claims
	t := new(Token[C])
	*c = claims{issuer: issuer, shape: v.private, checksBound: !v.bound.IsZero()}
	if target := reflect.ValueOf(&t.Claims).Elem(); v.private.IsStruct() && target.Kind() == reflect.Struct {
		c.target = target
	}
	if !w.scanner.Read(payload, v.payload, c, v.maxMembers) {
		return nil, reasonOf(w.scanner.Err(), errMembers)
	}
	if err := c.check(clock{now, issuer.Leeway}); err != nil {
		return nil, err
	}
	t.by, t.Issuer, t.IssuedAt, t.ExpiresAt = issuer, issuer.Issuer, c.iat, c.exp
	t.context = c.context
	if c.checksBound {
		t.confirmation = string(c.confirmation)
	}
	if t.scopes = c.scope; !c.hasScope {
		t.scopes = c.scp
	}
	t.Audience = issuer.audienceOf(c, &t.audience)
	if issuer.Denylist == nil {
		t.subject, t.ID, t.SessionID = string(c.sub), string(c.jti), string(c.sid)
	} else {
		t.setDeniable(issuer, c.sub, c.jti, c.sid)
		if len(t.deniable.ids) == 0 && !issuer.issuerOwned {
			return nil, errNoID
		}
	}
	if c.unmarshal(&t.Claims) != nil {
		return nil, errClaims
	}
	if v.grants {
		mapped, _ := granterOf(&t.Claims)
		t.scopes = mapped.Scopes()
	}
	return t, nil
}
