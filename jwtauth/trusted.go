package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
)

// trusted is one issuer of a Verifier, at work.
type trusted struct {
	issuer      string
	keys        keyset.Source
	audience    []string
	anyAudience bool
	types       []string
	claimType   string // what the type claim must be; "" for anything

	tokenIDs, sessionIDs string // in front of its ids in a denylist
}

func newTrusted(t Trust, claimType string) (*trusted, error) {
	if t.Keys == nil {
		t.Keys = Keys()
	}
	src, err := t.Keys.source()
	errs := []error{err}
	c := &trusted{
		issuer: t.Issuer, keys: src.keys,
		audience: slices.Clone(t.Audience), anyAudience: t.InsecureAnyAudience,
		types: slices.Clone(t.Types), claimType: claimType,
	}
	if src.remote {
		errs = append(errs, c.checkRemote(src.issuer, err))
	}
	if c.anyAudience && len(c.audience) > 0 {
		errs = append(errs, errors.New("jwtauth: InsecureAnyAudience contradicts Audience"))
	}
	if slices.Contains(c.audience, "") {
		errs = append(errs, errors.New("jwtauth: an audience is empty"))
	}
	c.tokenIDs, c.sessionIDs = denialPrefix(tokenID, c.issuer), denialPrefix(sessionID, c.issuer)
	if len(c.types) == 0 {
		c.types = []string{"JWT", "at+jwt", ""}
	}
	for i, typ := range c.types {
		c.types[i] = strings.TrimPrefix(typ, mediaType)
	}
	return c, errors.Join(errs...)
}

// checkRemote: the keys of an authorization server sign for many services.
func (t *trusted) checkRemote(discovered string, err error) error {
	var errs []error
	if t.issuer == "" {
		t.issuer = discovered
	}
	switch {
	case t.issuer == "":
		errs = append(errs, errors.New("jwtauth: RemoteKeys without Issuer"))
	case err == nil && discovered != "" && discovered != t.issuer:
		errs = append(errs, fmt.Errorf("jwtauth: Issuer %q is not the discovered %q", t.issuer, discovered))
	}
	if len(t.audience) == 0 && !t.anyAudience {
		errs = append(errs, errors.New("jwtauth: keys of an authorization server without Audience"))
	}
	return errors.Join(errs...)
}

// mediaType may be left out of a typ.
const mediaType = "application/"

// accepts reports whether a token's typ is one of t's. Case does not matter,
// and "application/" may stand in front (RFC 7515, section 4.1.9).
func (t *trusted) accepts(typ []byte) bool {
	if len(typ) > len(mediaType) && strings.EqualFold(string(typ[:len(mediaType)]), mediaType) {
		typ = typ[len(mediaType):]
	}
	for _, want := range t.types {
		if want == string(typ) || strings.EqualFold(want, string(typ)) {
			return true
		}
	}
	return false
}

// verify checks a token's header and signature, and returns the set that has
// its key.
func (t *trusted) verify(ctx context.Context, h *header, c *compact) (*keyset.Set, error) {
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
