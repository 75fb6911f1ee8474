package jwtauth

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/go-guard/guard/internal/field"
)

// registered are the members that this package reads and writes. "type" is one
// where it is asked for.
var registered = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid"}

// maxMembers bounds a payload, at any depth.
const maxMembers = 512

// claims is the registered members of a payload, which point into it, and the
// text of the private ones, for encoding/json to decode: it sees no others.
type claims struct {
	iss, sub, jti, sid, typ []byte
	hasIss, hasAud, hasType bool
	aud                     [][]byte
	exp, nbf, iat           time.Time
	hasExp                  bool
	scope, scp              []string
	hasScope                bool

	typed   bool              // whether type is registered
	wanted  map[string]*shape // the names of private claims; nil for all
	private []byte            // their object, but for its end; empty where not asked for
	flat    map[string]int    // or where they are strings alone, the fields
	target  reflect.Value     // of this struct
	misfit  bool              // whether one was no string
	one     [1][]byte         // the storage of an audience that is no list
	err     *reason          // what is well-formed and still wrong
}

// member implements members.
func (c *claims) member(s *scanner, name []byte, child *shape) bool {
	switch string(name) {
	case "iss":
		c.iss, c.hasIss = s.text(), true
	case "sub":
		c.sub = s.text()
	case "jti":
		c.jti = s.text()
	case "sid":
		c.sid = s.text()
	case "aud":
		c.aud, c.hasAud = s.texts(c.one[:0]), true
	case "exp":
		c.exp, c.hasExp = c.date(s), true
	case "nbf":
		c.nbf = c.date(s)
	case "iat":
		c.iat = c.date(s)
	case "scope":
		c.scope, c.hasScope = scopes(s, child), true
		c.keep(s, name)
	case "scp":
		c.scp = scopes(s, child)
		c.keep(s, name)
	case "cnf":
		s.value(child, 2)
		c.keep(s, name)
		if _, checked := c.wanted["cnf"]; !checked {
			c.err = errBound
		}
	default:
		if c.typed && string(name) == "type" {
			c.typ, c.hasType = s.text(), true
			break
		}
		if c.flat == nil {
			s.value(child, 2)
			c.keep(s, name)
			break
		}
		field, ok := c.flat[string(name)]
		if ok {
			c.set(s, field)
		}
		return ok
	}
	return true
}

// keep adds the member that the scanner has just read to the private claims.
func (c *claims) keep(s *scanner, name []byte) {
	if len(c.private) == 0 || s.err != nil {
		return
	}
	if _, ok := c.wanted[string(name)]; !ok && c.wanted != nil {
		return
	}
	if len(c.private) > 1 {
		c.private = append(c.private, ',')
	}
	c.private = append(c.private, s.data[s.name:s.pos]...)
}

// texts is one string or a list of them.
func (s *scanner) texts(list [][]byte) [][]byte {
	if !s.at('[') {
		return append(list, s.text())
	}
	s.pos++
	if s.space() == ']' {
		s.pos++
		return list
	}
	for s.err == nil {
		s.space()
		list = append(list, s.text())
		switch s.space() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return list
		default:
			s.fail(errJSON)
		}
	}
	return nil
}

// scopes is a list of scopes as RFC 8693, section 4.2, spells it, or as a JSON
// list, whose strings are one scope each. What is neither gives none, and is
// nobody's business here.
func scopes(s *scanner, child *shape) []string {
	if s.at('"') {
		return field.Scopes(string(s.string()))
	}
	start := s.pos
	if s.at('[') {
		texts := s.texts(nil)
		if s.err != errKind {
			list := make([]string, len(texts))
			for i, text := range texts {
				list[i] = string(text)
			}
			return list
		}
		s.err, s.pos = nil, start
	}
	s.value(child, 2)
	return nil
}

// maxDate is the end of the year 9999.
const maxDate = 253402300799

// date is a NumericDate (RFC 7519, section 2): a number, fraction and exponent
// allowed.
func (c *claims) date(s *scanner) time.Time {
	if !s.at('-') && (s.pos >= len(s.data) || s.data[s.pos] < '0' || s.data[s.pos] > '9') {
		s.fail(errKind)
		return time.Time{}
	}
	lit := s.number()
	if len(lit) == 0 {
		return time.Time{}
	}
	var seconds int64
	for _, d := range lit {
		if d < '0' || d > '9' || seconds > maxDate {
			return c.realDate(lit)
		}
		seconds = seconds*10 + int64(d-'0')
	}
	if seconds > maxDate {
		c.err = errDate
	}
	return time.Unix(seconds, 0).UTC()
}

func (c *claims) realDate(lit []byte) time.Time {
	f, err := strconv.ParseFloat(string(lit), 64)
	if err != nil || lit[0] == '-' || f > maxDate { // -0, too
		c.err = errDate
		return time.Time{}
	}
	whole, frac := math.Modf(f)
	return time.Unix(int64(whole), int64(frac*1e9)).UTC()
}

// check is what is wrong with the claims: type, then exp, then iss, then the
// others.
func (c *claims) check(t *issuerConfig, k clock) *reason {
	switch {
	case t.claimType != "" && !c.hasType:
		return errNoType
	case t.claimType != "" && string(c.typ) != t.claimType:
		return errType
	case c.err != nil:
		return c.err
	case !c.hasExp:
		return errNoExpiry
	case k.expired(c.exp):
		return errExpired
	case t.issuer != "" && !c.hasIss:
		return errNoIssuer
	case c.hasIss && string(c.iss) != t.issuer:
		return errIssuer
	}
	if err := t.checkAudience(c); err != nil {
		return err
	}
	switch {
	case k.early(c.nbf):
		return errNotBefore
	case k.early(c.iat):
		return errIssuedLater
	case len(c.sub) == 0:
		return errNoSubject
	}
	return nil
}

// A clock is the time of one check.
type clock struct {
	now    time.Time
	leeway time.Duration
}

// expired: on or after exp (RFC 7519, section 4.1.4).
func (k clock) expired(exp time.Time) bool { return !k.now.Before(exp.Add(k.leeway)) }

func (k clock) early(t time.Time) bool { return k.now.Before(t.Add(-k.leeway)) }

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

// audienceOf is the audience as strings, t's own where they are among them.
// storage holds it where it is a single one.
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
