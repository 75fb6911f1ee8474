package jwtauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/keyset"
)

// An issuerConfig holds what a Verifier checks in the tokens of one issuer.
type issuerConfig struct {
	issuer      string
	keys        keyset.Source
	audience    []string
	anyAudience bool
	types       []string
	claimType   string // the required type claim; "" accepts any

	tokenIDs, sessionIDs string // prefixes of its IDs in a denylist
}

func newIssuerConfig(t Trust, claimType string) (*issuerConfig, error) {
	if t.Keys == nil {
		t.Keys = Keys()
	}
	src, err := t.Keys.source()
	errs := []error{err}
	c := &issuerConfig{
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

// checkRemote requires Issuer and Audience for the keys of an authorization
// server, which sign for many services.
func (t *issuerConfig) checkRemote(discovered string, err error) error {
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

// mediaType is an optional prefix of a typ.
const mediaType = "application/"

// accepts reports whether t's types include typ, in any case and with or without
// the prefix "application/" (RFC 7515, section 4.1.9).
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

func (t *issuerConfig) checkAudience(c *claims) *reason {
	switch {
	case t.anyAudience:
		return nil
	case len(t.audience) > 0 && !c.hasAud:
		return errNoAudience
	case len(t.audience) == 0 && !c.hasAud:
		return nil
	}
	for _, aud := range c.aud {
		if slices.ContainsFunc(t.audience, func(a string) bool { return a == string(aud) }) {
			return nil
		}
	}
	return errAudience
}

// audienceOf returns the audience of a token. It shares the strings that are in
// t's, and storage holds a single one.
func (t *issuerConfig) audienceOf(c *claims, storage *[1]string) []string {
	if len(c.aud) == 0 {
		return nil
	}
	list := storage[:0:1]
	for _, aud := range c.aud {
		if n := slices.IndexFunc(t.audience, func(a string) bool { return a == string(aud) }); n >= 0 {
			list = append(list, t.audience[n])
		} else {
			list = append(list, string(aud))
		}
	}
	return list
}
