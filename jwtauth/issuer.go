package jwtauth

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-guard/guard/internal/jsontext"
	"github.com/go-guard/guard/internal/strictjson"
)

// An Issuer issues signed tokens with the private claims C, which are as in
// [Verifier]. Its keys can be replaced by SetKeys, and nothing else of it. It is safe for
// use by several goroutines.
type Issuer[C any] struct {
	opts     IssuerOptions
	keys     *issuerKeys
	verifier *Verifier[C]
	latest   *atomic.Int64 // the latest iat so far, in Unix seconds
	fixed    []byte        // see fixedClaims
	reserved reserved
}

// NewIssuer returns an Issuer that signs with key, which must be a private one. opts may
// be nil. Its error lists every mistake.
func NewIssuer[C any](key Key, opts *IssuerOptions) (*Issuer[C], error) {
	o, verifierOptions, err := opts.withDefaults()
	keys := new(issuerKeys)
	v, err2 := newVerifier[C](keys, verifierOptions)
	i := &Issuer[C]{opts: o, keys: keys, verifier: v, latest: new(atomic.Int64), fixed: fixedClaims(&o)}
	first, err3 := i.newKeys(key, o.Previous)
	if err := errors.Join(err, err3, err2); err != nil {
		return nil, err
	}
	keys.active.Store(first)
	i.reserved, i.opts.Previous = v.registered(), nil
	return i, nil
}

// Verifier returns the Verifier of the Issuer's tokens, which has the same keys,
// options and denylist.
func (i *Issuer[C]) Verifier() *Verifier[C] { return i.verifier }

// Issue returns a token for a subject; [Tokens.Respond] sends it. The Issuer sets the
// registered claims: iss, sub, aud, exp, iat, jti, sid and type. It is an error if claims
// have one of them, if the subject is empty or not UTF-8, or if the Verifier would refuse
// the token: longer or with more members than MaxTokenBytes allows, a cnf that is not
// checked, or claims that do not decode into a C. In a map, and where a field is an any,
// numbers are read as float64: it is an error if one of 2^53 or more is not exactly a
// float64 in its JSON text. A field of type int64 is always exact.
func (i *Issuer[C]) Issue(subject string, claims C) (*Tokens, error) {
	token, kind, lifetime, err := i.sign(subject, claims, "", "", time.Time{})
	if err != nil {
		return nil, err
	}
	return &Tokens{AccessToken: token, ExpiresIn: lifetime, Type: kind}, nil
}

// sign returns a token, its Tokens.Type and its lifetime. With a session ID sid, the token
// belongs to that session and does not outlive its end.
func (i *Issuer[C]) sign(subject string, claims C, sid, jkt string, ends time.Time) (token, kind string, lifetime time.Duration, err error) {
	if subject == "" || !utf8.ValidString(subject) {
		return "", "", 0, errors.New("jwtauth: a token needs a subject")
	}
	now := i.opts.Now()
	i.noteIssue(now.Unix())
	lifetime = i.opts.Lifetime.Truncate(time.Second)
	if sid != "" {
		lifetime = min(lifetime, time.Duration(ends.Unix()-now.Unix())*time.Second)
	}
	payload, kind, err := i.payload(subject, claims, sid, jkt, now, lifetime)
	if err != nil {
		return "", "", 0, err
	}
	if token, err = i.keys.active.Load().sign(payload); err != nil {
		return "", "", 0, err
	}
	if len(token) > i.verifier.opts.MaxTokenBytes {
		return "", "", 0, fmt.Errorf("jwtauth: the token would have %d bytes, and MaxTokenBytes is %d", len(token), i.verifier.opts.MaxTokenBytes)
	}
	return token, kind, lifetime, nil
}

// payload returns the claims of a token, and its Tokens.Type.
func (i *Issuer[C]) payload(subject string, claims C, sid, jkt string, now time.Time, lifetime time.Duration) (payload []byte, kind string, err error) {
	private, err := i.privateClaims(claims)
	if err != nil {
		return nil, "", err
	}
	payload = i.registeredClaims(subject, sid, jkt, now, lifetime, len(private))
	if private != nil {
		payload = append(append(payload[:len(payload)-1], ','), private[1:]...)
	}
	w := i.verifier.scratch()
	defer i.verifier.scratches.Put(w)
	if _, bad := i.verifier.readClaims(w, payload, i.verifier.issuers[0], now); bad != nil {
		return nil, "", fmt.Errorf("jwtauth: a token with claims of type %T would be refused: %s", claims, bad.cause)
	}
	if _, bound := strictjson.PeekText(w.claims.confirmation, "jkt", make([]byte, 64)); bound {
		kind = "DPoP"
	}
	return payload, kind, nil
}

// registeredClaims returns the object of the registered claims, with room for more
// bytes. By hand it takes a fifth of encoding/json's time, which each login pays.
func (i *Issuer[C]) registeredClaims(subject, sid, jkt string, now time.Time, lifetime time.Duration, more int) []byte {
	b := make([]byte, 0, len(i.fixed)+192+len(subject)+more)
	b = append(b, i.fixed...)
	b = append(b, `,"sub":`...)
	b = jsontext.AppendString(b, subject)
	b = append(b, `,"exp":`...)
	b = strconv.AppendInt(b, now.Unix()+int64(lifetime/time.Second), 10)
	b = append(b, `,"iat":`...)
	b = strconv.AppendInt(b, now.Unix(), 10)
	b = append(b, `,"jti":`...)
	b = jsontext.AppendString(b, rand.Text())
	if sid != "" {
		b = append(b, `,"sid":`...)
		b = jsontext.AppendString(b, sid)
	}
	if jkt != "" { // a second one of the private claims is refused
		b = append(b, `,"cnf":{"jkt":`...)
		b = jsontext.AppendString(b, jkt)
		b = append(b, '}')
	}
	return append(b, '}')
}

// fixedClaims returns the claims that all tokens share, without the closing brace.
func fixedClaims(o *IssuerOptions) []byte {
	c := struct {
		Iss  string `json:"iss,omitempty"`
		Aud  any    `json:"aud,omitempty"`
		Type string `json:"type"`
	}{Iss: o.Issuer, Type: o.Type}
	switch len(o.Audience) {
	case 0:
	case 1:
		c.Aud = o.Audience[0]
	default:
		c.Aud = o.Audience
	}
	b, _ := json.Marshal(c) // strings do not fail
	return b[:len(b)-1]
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
	if !s.Read(text, i.verifier.payload, i.reserved, i.verifier.maxMembers) {
		return nil, fmt.Errorf("jwtauth: claims of type %T: %s", claims, reasonOf(s.Err(), errMembers).cause)
	}
	if n, changed := changedNumber[C](text); changed {
		return nil, fmt.Errorf("jwtauth: claims of type %T: the number %s is not exactly a float64, as which it would be read: make it a string, or a field of type int64", claims, n)
	}
	return text, nil
}

// reserved rejects members of these names, in any case: other verifiers may fold.
type reserved []string

// Member implements strictjson.Visitor.
func (r reserved) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	if slices.ContainsFunc(r, func(name string) bool { return strings.EqualFold(name, string(m.Name)) }) {
		s.Reject()
	}
	return false
}
