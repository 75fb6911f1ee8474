package jwtauth

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-guard/guard/internal/strictjson"
)

// An Issuer issues signed tokens with the private claims C, which are as in
// [Verifier]. It never changes, and is safe for use by several goroutines.
type Issuer[C any] struct {
	opts     IssuerOptions
	key      Key
	header   string // encoded, with its dot
	verifier *Verifier[C]
	jwks     []byte
}

// NewIssuer issues tokens signed with key, which must be a private one. Its
// error lists every mistake.
func NewIssuer[C any](key Key, opts *IssuerOptions) (*Issuer[C], error) {
	o, verifierOptions, err := opts.withDefaults()
	errs := []error{err}
	if key.check() == nil && key.private() == nil {
		errs = append(errs, errors.New("jwtauth: an Issuer needs a private key"))
	}
	o.Previous = append([]Key{key}, o.Previous...)
	v, err := newVerifier[C](Keys(o.Previous...), verifierOptions)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	v.ofIssuer = true
	i := &Issuer[C]{opts: o, key: key, verifier: v, jwks: jwkSet(o.Previous)}
	i.header, err = i.encodeHeader()
	return i, err
}

// Verifier returns the Verifier of the Issuer's tokens, which has the same keys,
// options and denylist.
func (i *Issuer[C]) Verifier() *Verifier[C] { return i.verifier }

// Issue returns a token for a subject. The Issuer sets the registered claims: iss,
// sub, aud, exp, iat, jti, sid and type. It is an error if claims have one of them,
// or if the Verifier would refuse the token: longer than MaxTokenBytes, more than
// 512 members, a cnf that is not checked, or claims that do not decode into a C.
func (i *Issuer[C]) Issue(subject string, claims C) (*Tokens, error) {
	token, lifetime, err := i.sign(subject, claims, "", time.Time{})
	if err != nil {
		return nil, err
	}
	return &Tokens{AccessToken: token, ExpiresIn: lifetime}, nil
}

// sign returns a token and its lifetime. With a session ID sid, the token
// belongs to that session and does not outlive its end.
func (i *Issuer[C]) sign(subject string, claims C, sid string, ends time.Time) (token string, lifetime time.Duration, err error) {
	if subject == "" || !utf8.ValidString(subject) {
		return "", 0, errors.New("jwtauth: a token needs a subject")
	}
	now := i.opts.Now()
	lifetime = i.opts.Lifetime.Truncate(time.Second)
	if sid != "" {
		lifetime = min(lifetime, time.Duration(ends.Unix()-now.Unix())*time.Second)
	}
	payload, err := i.payload(subject, claims, sid, now, lifetime)
	if err != nil {
		return "", 0, err
	}
	signed := i.header + strict.EncodeToString(payload)
	signature, err := i.key.alg.Sign(signed, i.key.private())
	if err != nil {
		return "", 0, fmt.Errorf("jwtauth: signing: %w", err)
	}
	token = signed + "." + strict.EncodeToString(signature)
	if len(token) > i.verifier.opts.MaxTokenBytes {
		return "", 0, fmt.Errorf("jwtauth: the token would have %d bytes, and MaxTokenBytes is %d", len(token), i.verifier.opts.MaxTokenBytes)
	}
	return token, lifetime, nil
}

// registeredClaims are the registered claims as an Issuer writes them.
type registeredClaims struct {
	Iss  string `json:"iss,omitempty"`
	Sub  string `json:"sub"`
	Aud  any    `json:"aud,omitempty"`
	Exp  int64  `json:"exp"`
	Iat  int64  `json:"iat"`
	Jti  string `json:"jti"`
	Sid  string `json:"sid,omitempty"`
	Type string `json:"type"`
}

func (i *Issuer[C]) payload(subject string, claims C, sid string, now time.Time, lifetime time.Duration) ([]byte, error) {
	o := registeredClaims{
		Iss: i.opts.Issuer, Sub: subject, Iat: now.Unix(), Exp: now.Unix() + int64(lifetime/time.Second),
		Jti: rand.Text(), Sid: sid, Type: i.opts.Type,
	}
	switch len(i.opts.Audience) {
	case 0:
	case 1:
		o.Aud = i.opts.Audience[0]
	default:
		o.Aud = i.opts.Audience
	}
	head, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("jwtauth: %w", err)
	}
	private, err := i.privateClaims(claims)
	if err != nil {
		return nil, err
	}
	payload := head
	if private != nil {
		payload = append(append(head[:len(head)-1], ','), private[1:]...)
	}
	if _, bad := i.verifier.readClaims(new(scratch), payload, i.verifier.issuers[0], clock{now, i.verifier.opts.Leeway}); bad != nil {
		return nil, fmt.Errorf("jwtauth: a token with claims of type %T would be refused: %s", claims, bad.cause)
	}
	return payload, nil
}

// privateClaims returns the object of the private claims, nil without any.
func (i *Issuer[C]) privateClaims(claims C) ([]byte, error) {
	text, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("jwtauth: claims: %w", err)
	}
	text = bytes.TrimSpace(text)
	switch {
	case string(text) == "null" || string(text) == "{}":
		return nil, nil
	case text[0] != '{':
		return nil, fmt.Errorf("jwtauth: claims of type %T are not a JSON object", claims)
	}
	// A "sub" or "EXP" of a map is an error even if the Issuer writes no such claim.
	var s strictjson.Scanner
	if !s.Read(text, i.verifier.payload, reserved(i.verifier.registered()), maxMembers) {
		return nil, fmt.Errorf("jwtauth: claims of type %T: %s", claims, reasonOf(s.Err()).cause)
	}
	return text, nil
}

// reserved rejects members of these names.
type reserved []string

// Member implements strictjson.Visitor.
func (r reserved) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	if slices.Contains(r, string(m.Name)) {
		s.Reject()
	}
	return false
}

// encodeHeader returns the header, with the kid of the key unless it is empty and
// the first of the types.
func (i *Issuer[C]) encodeHeader() (string, error) {
	h := struct {
		Alg string `json:"alg"`
		Typ string `json:"typ,omitempty"`
		Kid string `json:"kid,omitempty"`
	}{i.key.alg.Name, i.verifier.issuers[0].types[0], i.key.kid()}
	b, err := json.Marshal(h)
	return strict.EncodeToString(b) + ".", err
}
