package webhook

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/hmacstate"
	"github.com/go-guard/guard/internal/wiring"
)

// A scheme is a Form that was checked, with its secrets.
type scheme struct {
	Form
	content []part
	prefix  string // of a signature
	size    int    // of a signature's text behind prefix
	base64  bool   // otherwise hexadecimal, in either case
	keys    []hmacstate.Key
	idEnd   byte // what follows {id} in Content, 0 where the id is not signed
}

// A part is a piece of Content before {body}.
type part struct {
	kind    partKind
	literal string
}

type partKind int

const (
	literalPart partKind = iota
	idPart
	timePart
)

// strict accepts one spelling: the bits that the last character does not use are zero.
var strict = base64.StdEncoding.Strict()

const (
	maxName      = 32
	minBase64Key = 24 // bytes, Standard Webhooks 1.0, "Signature scheme"
)

// compile checks a sender and its secrets. The error lists every mistake.
func compile(s Sender, secrets []guard.Secret) (*scheme, error) {
	if wiring.IsNil(s) {
		return nil, errors.New("webhook: the sender is nil")
	}
	if p, ok := s.(Provider); ok && p.Form() == (Form{}) {
		return nil, fmt.Errorf("webhook: %q is not a provider", string(p))
	}
	c := &scheme{Form: s.Form()}
	var errs []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("webhook: "+format, args...))
		}
	}
	c.checkNames(add)
	c.compileContent(add)
	c.compileSignature(add)
	add(len(secrets) == 0, "no secret: see Secrets")
	for i, secret := range secrets {
		key, err := c.keyOf(secret)
		if err != nil {
			add(true, "secret %d of %d %w", i+1, len(secrets), err)
			continue
		}
		c.keys = append(c.keys, hmacstate.New(sha256.New, key))
	}
	return c, errors.Join(errs...)
}

func (c *scheme) checkNames(add func(bool, string, ...any)) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
	add(c.Name == "" || len(c.Name) > maxName || strings.Trim(c.Name, letters) != "", "Name %q: want 1 to %d letters, digits and hyphens", c.Name, maxName)
	add(c.SignatureField == "", "SignatureField is empty")
	fields := []*string{&c.SignatureField, &c.TimeField, &c.IDField, &c.TypeField}
	for i, f := range fields {
		add(*f != "" && !field.IsToken(*f), "%q is not the name of a header field", *f)
		*f = http.CanonicalHeaderKey(*f)
		for _, other := range fields[:i] {
			add(*f != "" && *f == *other, "two parts are in the field %q", *f)
		}
	}
	add(c.IDField != "" && c.IDMember != "", "IDField and IDMember are both set")
	add(c.TypeField != "" && c.TypeMember != "", "TypeField and TypeMember are both set")
	add(c.TimeField != "" && c.TimeElement != "", "TimeField and TimeElement are both set")
	add((c.ChallengeType == "") != (c.ChallengeMember == ""), "one of ChallengeType and ChallengeMember is empty")
	add(c.ChallengeType != "" && c.TypeMember == "", "ChallengeType needs TypeMember: a type in the header is not signed")
}

// compileContent splits Content.
func (c *scheme) compileContent(add func(bool, string, ...any)) {
	rest, ends := strings.CutSuffix(c.Content, "{body}")
	add(!ends || strings.Contains(rest, "{body}"), "Content %q does not end with its one {body}", c.Content)
	hasTime, wasVariable := false, false // wasVariable: the last part was {id} or {time}
	for rest != "" {
		variable := ""
		for _, v := range []string{"{id}", "{time}"} {
			if strings.HasPrefix(rest, v) {
				variable = v
			}
		}
		if variable == "" {
			literal := rest
			if i := strings.IndexByte(rest[1:], '{'); i >= 0 {
				literal = rest[:i+1]
			}
			add(strings.ContainsAny(literal, "{}"), "Content %q has an unknown part: want {id}, {time} and {body}", c.Content)
			if n := len(c.content); n > 0 && c.content[n-1].kind == idPart {
				c.idEnd = literal[0]
			}
			add(wasVariable && literal[0] >= '0' && literal[0] <= '9', "Content %q has a digit behind a variable", c.Content)
			c.content = append(c.content, part{literalPart, literal})
			rest, wasVariable = rest[len(literal):], false
			continue
		}
		kind := idPart
		if variable == "{time}" {
			kind, hasTime = timePart, true
		}
		add(wasVariable, "Content %q has nothing between two variables", c.Content)
		add(slices.ContainsFunc(c.content, func(p part) bool { return p.kind == kind }), "Content %q has %s twice", c.Content, variable)
		c.content = append(c.content, part{kind, ""})
		rest, wasVariable = rest[len(variable):], true
	}
	add(wasVariable, "Content %q has nothing between a variable and {body}", c.Content)
	add(c.signsID() && c.IDField == "", "Content has {id}, and IDField is empty")
	timed := c.TimeField+c.TimeElement != ""
	add(hasTime && !timed, "Content has {time}, and TimeField and TimeElement are empty")
	add(timed && !hasTime, "Content has no {time}: a time that is not signed protects nothing")
}

func (c *scheme) compileSignature(add func(bool, string, ...any)) {
	prefix, isHex := strings.CutSuffix(c.Signature, "{hex}")
	c.size = hex.EncodedLen(sha256.Size)
	if !isHex {
		prefix, c.base64 = strings.CutSuffix(c.Signature, "{base64}")
		c.size = strict.EncodedLen(sha256.Size)
		add(!c.base64, "Signature %q does not end with {hex} or {base64}", c.Signature)
	}
	c.prefix = prefix
	add(len(c.Separator) > 1 || strings.Trim(c.Separator, " ,;") != "", "Separator %q: want a space, a comma or a semicolon", c.Separator)
	add(c.Separator != "" && strings.Contains(c.prefix, c.Separator), "Signature %q contains the Separator", c.Signature)
	add(c.TimeElement != "" && (c.Separator == "" || strings.Contains(c.TimeElement, c.Separator)), "TimeElement %q needs a Separator that it does not contain", c.TimeElement)
	add(c.TimeElement != "" && (strings.HasPrefix(c.TimeElement, prefix) || strings.HasPrefix(prefix, c.TimeElement)), "TimeElement %q and Signature %q begin alike", c.TimeElement, c.Signature)
}

func (c *scheme) signsID() bool {
	return slices.ContainsFunc(c.content, func(p part) bool { return p.kind == idPart })
}

// keyOf returns the key of a secret. The error completes "secret 1 of 2".
func (c *scheme) keyOf(secret guard.Secret) ([]byte, error) {
	text := string(secret)
	switch {
	case strings.TrimSpace(strings.TrimPrefix(text, "whsec_")) == "": // as Standard Webhooks and Stripe write it
		return nil, errors.New("is empty: anyone could sign with it")
	case strings.TrimSpace(text) != text:
		return nil, errors.New("has blanks or line breaks around it")
	case wiring.IsZero(secret):
		return nil, errors.New("has zeros only")
	case c.SecretPrefix == "" || !strings.HasPrefix(text, c.SecretPrefix):
		return []byte(text), nil
	}
	key, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(text[len(c.SecretPrefix):], "="))
	if err != nil {
		return nil, fmt.Errorf("is not base64 behind %s", c.SecretPrefix) // err quotes the secret
	}
	if len(key) < minBase64Key {
		return nil, fmt.Errorf("has %d bytes behind %s, want at least %d", len(key), c.SecretPrefix, minBase64Key)
	}
	if wiring.IsZero(key) {
		return nil, errors.New("has zeros only")
	}
	return key, nil
}

// appendContent appends what is signed before the body.
func (c *scheme) appendContent(dst []byte, id, time string) []byte {
	for _, p := range c.content {
		switch p.kind {
		case literalPart:
			dst = append(dst, p.literal...)
		case idPart:
			dst = append(dst, id...)
		case timePart:
			dst = append(dst, time...)
		}
	}
	return dst
}
