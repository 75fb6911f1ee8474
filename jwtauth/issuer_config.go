package jwtauth

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/strictjson"
	"github.com/go-guard/guard/internal/wiring"
)

// An issuerConfig holds what a Verifier checks in the tokens of one issuer.
type issuerConfig struct {
	Trust       // complete, and shared with no caller
	keys        keyset.Source
	issuerOwned bool // whether tokens that cannot be denied are accepted: see issuerKeys
	found       bool // by TrustFunc, which may soon return other settings

	requirements []requirement // of Require, by name

	subjects, tokenIDs, sessionIDs string // prefixes of its subjects and IDs in a denylist
}

func newIssuerConfig(t Trust) (*issuerConfig, error) {
	if wiring.IsNil(t.Keys) {
		t.Keys = Keys()
	}
	src, err := t.Keys.source()
	errs := []error{err, wiring.TypedNil("jwtauth", "Denylist", t.Denylist)}
	c := &issuerConfig{Trust: t.clone(), keys: src.keys, issuerOwned: src.issuerOwned}
	if src.remote {
		errs = append(errs, c.checkRemote(src, err))
	}
	if c.Leeway < 0 || c.Leeway > MaxLeeway {
		errs = append(errs, fmt.Errorf("jwtauth: Leeway %v is not within 0 and %v", c.Leeway, MaxLeeway))
	}
	if c.MaxAge < 0 {
		errs = append(errs, fmt.Errorf("jwtauth: MaxAge %v is negative", c.MaxAge))
	}
	c.requirements, err = requirementsOf(c.Require)
	errs = append(errs, err, checkPrefix(c.Trust))
	for _, name := range c.Algorithms {
		if keyset.AlgorithmByName(name) == nil {
			errs = append(errs, fmt.Errorf("jwtauth: there is no algorithm %q", name))
		}
	}
	if c.InsecureAnyAudience && len(c.Audience) > 0 {
		errs = append(errs, errors.New("jwtauth: InsecureAnyAudience contradicts Audience"))
	}
	if slices.Contains(c.Audience, "") {
		errs = append(errs, errors.New("jwtauth: an audience is empty"))
	}
	for _, text := range slices.Concat([]string{c.Issuer, c.Type}, c.Audience, c.Types) {
		if !utf8.ValidString(text) { // an Issuer could not write it
			errs = append(errs, fmt.Errorf("jwtauth: %q is not UTF-8: no token has it", text))
		}
	}
	c.subjects, c.tokenIDs, c.sessionIDs = denialPrefix(subjectID, c.Issuer), denialPrefix(tokenID, c.Issuer), denialPrefix(sessionID, c.Issuer)
	if len(c.Types) == 0 {
		c.Types = []string{"JWT", "at+jwt", ""}
	}
	for i, typ := range c.Types {
		c.Types[i] = strings.TrimPrefix(typ, mediaType)
	}
	return c, errors.Join(errs...)
}

// checkRemote requires Issuer and Audience for the keys of an authorization
// server, which sign for many services.
func (t *issuerConfig) checkRemote(src sourceKeys, err error) error {
	var errs []error
	if t.Issuer == "" {
		t.Issuer = src.issuer
	}
	switch {
	case t.Issuer == "" && !src.discovered: // or else err reports it
		errs = append(errs, errors.New("jwtauth: keys of an authorization server without Issuer"))
	case err == nil && src.discovered && src.issuer != t.Issuer:
		errs = append(errs, fmt.Errorf("jwtauth: Issuer %q is not the discovered %q", t.Issuer, src.issuer))
	}
	if len(t.Audience) == 0 && !t.InsecureAnyAudience {
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
	for _, want := range t.Types {
		if want == string(typ) || strings.EqualFold(want, string(typ)) {
			return true
		}
	}
	return false
}

// allows reports whether t's Algorithms include a by one of its names.
func (t *issuerConfig) allows(a *keyset.Algorithm) bool {
	return len(t.Algorithms) == 0 || slices.ContainsFunc(a.Names(), func(name string) bool {
		return slices.Contains(t.Algorithms, name)
	})
}

func (t *issuerConfig) checkAudience(c *claims) *reason {
	switch {
	case t.InsecureAnyAudience:
		return nil
	case len(t.Audience) > 0 && !c.hasAud:
		return errNoAudience
	case len(t.Audience) == 0 && !c.hasAud:
		return nil
	}
	for _, aud := range c.aud {
		if slices.ContainsFunc(t.Audience, func(a string) bool { return a == string(aud) }) {
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
		if n := slices.IndexFunc(t.Audience, func(a string) bool { return a == string(aud) }); n >= 0 {
			list = append(list, t.Audience[n])
		} else {
			list = append(list, string(aud))
		}
	}
	return list
}

// A requirement is a claim of Trust.Require.
type requirement struct {
	name, value    string
	missing, other *reason
}

// maxRequirements is the number of bits in a set of requirements.
const maxRequirements = 64

// requirementsOf returns the requirements by name.
func requirementsOf(claims map[string]string) ([]requirement, error) {
	if len(claims) > maxRequirements {
		return nil, fmt.Errorf("jwtauth: Require has %d claims, and at most %d are allowed", len(claims), maxRequirements)
	}
	if _, unnamed := claims[""]; unnamed {
		return nil, errors.New("jwtauth: Require has a claim without a name")
	}
	var list []requirement
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		list = append(list, requirement{
			name: name, value: claims[name],
			missing: &reason{invalidToken, fmt.Sprintf("claim %q is missing, null or empty", name)},
			other:   &reason{invalidToken, fmt.Sprintf("claim %q has another value", name)},
		})
	}
	return list, nil
}

// require notes the requirements that the claim called name meets. Its value is at
// the cursor of s, a copy, which leaves it to its reader.
func (c *claims) require(s strictjson.Scanner, name []byte) {
	for i := range c.issuer.requirements {
		r := &c.issuer.requirements[i]
		if r.name != string(name) || s.Kind() == 'n' {
			continue
		}
		isText, text := s.Kind() == '"', ""
		if isText {
			text = string(s.Text())
		}
		if isText && text == "" {
			continue
		}
		c.present |= 1 << i
		if r.value == "" || text == r.value {
			c.equal |= 1 << i
		}
	}
}

// checkRequired returns the reason of the first requirement that is not met.
func (c *claims) checkRequired() *reason {
	for i, r := range c.issuer.requirements {
		switch bit := uint64(1) << i; {
		case c.present&bit == 0:
			return r.missing
		case c.equal&bit == 0:
			return r.other
		}
	}
	return nil
}
