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
)

// An Issuer issues signed tokens with the private claims C, which are as in
// [Verifier]. Each is good for Options.Lifetime.
type Issuer[C any] struct {
	opts     Options
	key      Key
	header   string // encoded, with its dot
	verifier *Verifier[C]
	jwks     []byte
}

// NewIssuer issues tokens signed with key, which must be a private one. Its
// error lists every mistake.
func NewIssuer[C any](key Key, opts *Options) (*Issuer[C], error) {
	o, err := opts.withDefaults()
	errs := []error{err}
	if o.Type == "" {
		o.Type = "access"
	}
	switch {
	case o.Lifetime == 0:
		o.Lifetime = 15 * time.Minute
	case o.Lifetime < time.Second || o.Lifetime > 366*24*time.Hour:
		errs = append(errs, fmt.Errorf("jwtauth: Lifetime %v is not within a second and 366 days", o.Lifetime))
	}
	if len(o.Trust) > 0 {
		errs = append(errs, errors.New("jwtauth: an Issuer trusts itself alone: Trust is for a Verifier"))
	}
	if key.check() == nil && key.private() == nil {
		errs = append(errs, errors.New("jwtauth: an Issuer needs a private key"))
	}
	if o.Denylist == nil {
		o.Denylist = NewDenylist(&DenylistOptions{Now: o.Now})
	}
	o.Previous = append([]Key{key}, o.Previous...)
	v, err := newVerifier[C](Keys(o.Previous...), &o)
	if errs = append(errs, err); errors.Join(errs...) != nil {
		return nil, errors.Join(errs...)
	}
	v.own = true
	i := &Issuer[C]{opts: o, key: key, verifier: v, jwks: jwkSet(o.Previous)}
	i.header, err = i.encodeHeader()
	return i, err
}

// Verifier verifies the Issuer's tokens: with the same keys, settings and
// denylist.
func (i *Issuer[C]) Verifier() *Verifier[C] { return i.verifier }

// Issue returns a token for a subject. The registered claims are the Issuer's:
// iss, sub, aud, exp, iat, jti, sid and type; claims that define one are an
// error. So is what its Verifier would answer with 401: a token longer than
// MaxTokenBytes or of more than 512 members, a cnf that nothing checks, claims
// that C cannot be read back from.
func (i *Issuer[C]) Issue(subject string, claims C) (*Tokens, error) {
	return i.issue(subject, claims, "", time.Time{})
}

// issue is Issue for the session sid, where it is not empty: no token of a
// session outlives it.
func (i *Issuer[C]) issue(subject string, claims C, sid string, ends time.Time) (*Tokens, error) {
	if subject == "" || !utf8.ValidString(subject) {
		return nil, errors.New("jwtauth: a token needs a subject")
	}
	now, lifetime := i.opts.Now(), i.opts.Lifetime.Truncate(time.Second)
	if sid != "" {
		lifetime = min(lifetime, time.Duration(ends.Unix()-now.Unix())*time.Second)
	}
	payload, err := i.payload(subject, claims, sid, now, lifetime)
	if err != nil {
		return nil, err
	}
	signed := i.header + strict.EncodeToString(payload)
	signature, err := i.key.alg.Sign(signed, i.key.private())
	if err != nil {
		return nil, fmt.Errorf("jwtauth: signing: %w", err)
	}
	token := signed + "." + strict.EncodeToString(signature)
	if len(token) > i.opts.MaxTokenBytes {
		return nil, fmt.Errorf("jwtauth: the token would have %d bytes, and MaxTokenBytes is %d", len(token), i.opts.MaxTokenBytes)
	}
	return &Tokens{AccessToken: token, ExpiresIn: lifetime}, nil
}

// own is the registered claims as they are written.
type own struct {
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
	o := own{
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
	private, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("jwtauth: claims: %w", err)
	}
	payload := head
	private = bytes.TrimSpace(private)
	switch {
	case string(private) == "null" || string(private) == "{}":
	case private[0] != '{':
		return nil, fmt.Errorf("jwtauth: claims of type %T are no JSON object", claims)
	default: // a map's own "sub" or "EXP" is an error, also where the Issuer writes none
		if bad := new(scanner).read(private, i.verifier.shape, reserved(i.verifier.registered()), maxMembers); bad != nil {
			return nil, fmt.Errorf("jwtauth: claims of type %T: %s", claims, bad.text)
		}
		payload = append(append(head[:len(head)-1], ','), private[1:]...)
	}
	// What its Verifier would refuse it does not issue.
	if _, bad := i.verifier.read(new(work), payload, i.verifier.trusted[0], clock{now, i.opts.Leeway}); bad != nil {
		return nil, fmt.Errorf("jwtauth: a token with claims of type %T would be refused: %s", claims, bad.text)
	}
	return payload, nil
}

// reserved refuses members of these names.
type reserved []string

func (r reserved) member(s *scanner, name []byte, _ *shape) bool {
	if slices.Contains(r, string(name)) {
		s.fail(errReserved)
	}
	return false
}

// encodeHeader names the key if it has an id, and typ as it is asked for.
func (i *Issuer[C]) encodeHeader() (string, error) {
	h := struct {
		Alg string `json:"alg"`
		Typ string `json:"typ,omitempty"`
		Kid string `json:"kid,omitempty"`
	}{i.key.alg.Name, i.verifier.trusted[0].types[0], i.key.kid()}
	b, err := json.Marshal(h)
	return strict.EncodeToString(b) + ".", err
}
