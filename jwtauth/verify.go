package jwtauth

import (
	"context"
	"reflect"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/strictjson"
)

// A signatory is the issuer whose key verified a token, and the set that holds
// the key.
type signatory struct {
	keys keyset.Source
	set  *keyset.Set
}

// A scratch holds the buffers for reading one token. It is reused for the next:
// nothing of it may leave the package, not even to an UnmarshalJSON.
type scratch struct {
	buf     []byte
	scanner strictjson.Scanner
	header  header
	claims  claims
}

// parse verifies a token: its form, its signature (verify), then its claims
// (claims.check). Scopes and the denylist, which may change while a token is
// cached, are checked later: see authorize.
func (v *Verifier[C]) parse(ctx context.Context, token string, now clock) (*Token[C], signatory, error) {
	if !field.IsToken68(token) {
		return nil, signatory{}, errMalformed
	}
	first, last, ok := cut(token)
	if !ok {
		return nil, signatory{}, errSegments
	}
	w, ok := v.scratches.Get().(*scratch)
	if !ok {
		w = new(scratch)
	}
	defer v.scratches.Put(w)
	if size := strict.DecodedLen(len(token)); len(w.buf) < size {
		w.buf = make([]byte, size)
	}
	var parts compact
	if bad := parts.decode(token, first, last, w.buf); bad != nil {
		return nil, signatory{}, bad
	}
	if bad := w.header.parse(&w.scanner, parts.header); bad != nil {
		return nil, signatory{}, bad
	}
	issuer := v.issuers[0]
	if len(v.issuers) > 1 {
		var bad *reason
		if issuer, bad = v.selectIssuer(w, parts.payload); bad != nil {
			return nil, signatory{}, bad
		}
	}
	set, err := issuer.verify(ctx, &w.header, &parts)
	if err != nil {
		return nil, signatory{}, err
	}
	t, bad := v.readClaims(w, parts.payload, issuer, now)
	if bad != nil {
		return nil, signatory{}, bad
	}
	return t, signatory{issuer.keys, set}, nil
}

// verify checks the type and the signature of a token, and returns the set that
// has its key.
func (t *issuerConfig) verify(ctx context.Context, h *header, c *compact) (*keyset.Set, error) {
	if !t.accepts(h.typ) {
		return nil, errHeaderType
	}
	set, err := keyset.Verify(ctx, t.keys, keyset.Signature{
		Algorithm: h.alg, KeyID: h.keyID, HasKeyID: h.hasID, Signed: c.signed, Bytes: c.signature,
	})
	if err == nil {
		return set, nil
	}
	if bad := keyRefusal(err); bad != nil {
		return nil, bad
	}
	return nil, guard.Unavailable(withPrefix(err))
}

// selectIssuer reads the iss of a payload that is not verified yet. It only
// selects the keys that must verify it.
func (v *Verifier[C]) selectIssuer(w *scratch, payload []byte) (*issuerConfig, *reason) {
	c := claims{typed: v.opts.Type != ""}
	if !w.scanner.Read(payload, v.payload, &c, maxMembers) {
		return nil, reasonOf(w.scanner.Err())
	}
	if !c.hasIss {
		return nil, errNoIssuer
	}
	for _, issuer := range v.issuers {
		if issuer.issuer == string(c.iss) {
			return issuer, nil
		}
	}
	return nil, errIssuer
}

// readClaims reads and checks the claims of a payload whose signature is verified.
func (v *Verifier[C]) readClaims(w *scratch, payload []byte, issuer *issuerConfig, now clock) (*Token[C], *reason) {
	c := &w.claims
	t := new(Token[C])
	*c = claims{typed: v.opts.Type != "", hasPrivate: true, shape: v.private}
	if target := reflect.ValueOf(&t.Claims).Elem(); v.private.IsStruct() && target.Kind() == reflect.Struct {
		c.target = target
	}
	if !w.scanner.Read(payload, v.payload, c, maxMembers) {
		return nil, reasonOf(w.scanner.Err())
	}
	if err := c.check(issuer, now); err != nil {
		return nil, err
	}
	t.Issuer, t.subject, t.IssuedAt, t.ExpiresAt = issuer.issuer, string(c.sub), c.iat, c.exp
	if t.scopes = c.scope; !c.hasScope {
		t.scopes = c.scp
	}
	t.Audience = issuer.audienceOf(c, &t.audience)
	if v.opts.Denylist == nil {
		t.ID, t.SessionID = string(c.jti), string(c.sid)
	} else {
		t.deniable = t.ids[:0]
		t.ID, t.SessionID = t.deniableBy(issuer.tokenIDs, c.jti), t.deniableBy(issuer.sessionIDs, c.sid)
		// The tokens of an Issuer have a jti. One without was signed elsewhere
		// with the Issuer's key, and its signer can withdraw it.
		if len(t.deniable) == 0 && !v.ofIssuer {
			return nil, errNoID
		}
	}
	if c.unmarshal(&t.Claims) != nil {
		return nil, errClaims
	}
	return t, nil
}
