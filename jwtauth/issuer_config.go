package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-guard/guard"
)

// An issuerConfig holds what a Verifier checks in the tokens of one issuer.
type issuerConfig struct {
	issuer      string
	keys        source
	audience    []string
	anyAudience bool
	types       []string
	claimType   string // what the type claim must be; "" for anything

	tokenIDs, sessionIDs string // in front of its ids in a denylist
}

func newIssuerConfig(t Trust, claimType string) (*issuerConfig, error) {
	if t.Keys == nil {
		t.Keys = Keys()
	}
	keys, err := t.Keys.source()
	errs := []error{err}
	c := &issuerConfig{
		issuer: t.Issuer, keys: keys,
		audience: slices.Clone(t.Audience), anyAudience: t.InsecureAnyAudience,
		types: slices.Clone(t.Types), claimType: claimType,
	}
	if r := keys.remote(); r != nil {
		errs = append(errs, c.checkRemote(r))
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
func (t *issuerConfig) checkRemote(r *remoteKeys) error {
	var errs []error
	if t.issuer == "" {
		t.issuer = r.issuer
	}
	switch {
	case t.issuer == "":
		errs = append(errs, errors.New("jwtauth: RemoteKeys without Issuer"))
	case r.err == nil && r.issuer != "" && r.issuer != t.issuer:
		errs = append(errs, fmt.Errorf("jwtauth: Issuer %q is not the discovered %q", t.issuer, r.issuer))
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
func (t *issuerConfig) accepts(typ []byte) bool {
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

// verify checks a token's header and signature. The set is the keys it was
// found in.
func (t *issuerConfig) verify(ctx context.Context, h *header, c *compact) (*keySet, error) {
	if !t.accepts(h.typ) {
		return nil, errHeaderType
	}
	if h.alg.family == symmetric && t.keys.remote() != nil {
		return nil, errAlgorithm // no fetch brings a secret
	}
	set, err := t.keys.current(ctx)
	if err != nil {
		return nil, guard.Unavailable(err)
	}
	bad := set.verify(h, c)
	if bad == errUnknownKey || bad == errAmbiguousKey && h.hasID {
		newer, err := t.keys.newer(ctx, set)
		if err != nil {
			return nil, guard.Unavailable(err)
		}
		if newer != set {
			set, bad = newer, newer.verify(h, c)
		}
	}
	if bad != nil {
		return nil, bad
	}
	return set, nil
}
