package jwtauth

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/strictjson"
)

// registered are the claims that this package reads and writes. "type" is one
// where a Verifier requires it.
var registered = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid"}

// A payload may have minMembers members, and more in proportion where MaxTokenBytes
// is larger than its default.
const (
	minMembers     = 512
	bytesPerMember = defaultMaxBytes / minMembers
)

// claims holds the registered claims of a payload, as slices of it, and the text
// of the private claims that encoding/json decodes: those that are not strings.
type claims struct {
	iss, sub, jti, sid, typ []byte
	hasIss, hasAud, hasType bool
	aud                     [][]byte
	exp, nbf, iat           time.Time
	hasExp, hasSub          bool
	scope, scp              []string
	context                 *authContext
	hasScope                bool

	confirmation []byte // cnf, as JSON text
	checksBound  bool   // a Binding checks it

	issuer  *issuerConfig
	shape   *strictjson.Shape // of the private claims
	private []byte            // as a JSON object without the closing brace; empty if there are none
	target  reflect.Value     // if valid, the struct whose string fields are set
	single  [1][]byte         // the storage of an audience that is no list
	present uint64            // the requirements whose claim is present, as bits
	equal   uint64            // and has the required value
	err     *reason           // why a claim that parses is invalid: the first
}

// Member implements strictjson.Visitor.
func (c *claims) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	if len(c.issuer.requirements) > 0 {
		c.require(*s, m.Name)
	}
	switch string(m.Name) {
	case "iss":
		c.iss, c.hasIss = s.Text(), true
	case "sub":
		c.hasSub = true
		if s.Kind() == '0' {
			s.Number()
			c.fail(errSubjectNumber)
			return true
		}
		c.sub = s.Text()
	case "jti":
		c.jti = s.Text()
	case "sid":
		c.sid = s.Text()
	case "aud":
		c.aud, c.hasAud = texts(s, c.single[:0]), true
	case "exp":
		c.exp, c.hasExp = c.date(s), true
	case "nbf":
		c.nbf = c.date(s)
	case "iat":
		c.iat = c.date(s)
	default:
		if c.issuer.Type != "" && string(m.Name) == "type" {
			c.typ, c.hasType = s.Text(), true
			return true
		}
		c.privateMember(s, m)
	}
	return true
}

// fail keeps the first reason.
func (c *claims) fail(r *reason) {
	if c.err == nil {
		c.err = r
	}
}

// privateMember reads a member that may also be a private claim.
func (c *claims) privateMember(s *strictjson.Scanner, m strictjson.Member) {
	switch string(m.Name) {
	case "scope":
		c.scope, c.hasScope = scopes(s, m.Shape), true
	case "scp":
		c.scp = scopes(s, m.Shape)
	case "auth_time", "amr", "acr":
		c.readContext(s, m)
	case "cnf":
		start := s.Offset()
		s.Skip(m.Shape)
		c.confirmation = s.Since(start)
		if !c.checksBound && !c.shape.HasField(m.Name) {
			c.fail(errBound)
		}
	default:
		if i, ok := c.shape.StringField(m.Name); ok && c.target.IsValid() && s.Kind() == '"' {
			c.target.Field(i).SetString(string(s.Text()))
			return
		}
		s.Skip(m.Shape)
	}
	if c.shape.IsStruct() && !c.shape.HasField(m.Name) {
		return
	}
	separator := byte(',')
	if len(c.private) == 0 {
		separator = '{'
	}
	c.private = append(append(c.private, separator), s.Since(m.Offset)...)
}

// unmarshal reads the private claims that are not set yet into v.
func (c *claims) unmarshal(v any) error {
	if len(c.private) > 0 {
		return json.Unmarshal(append(c.private, '}'), v)
	}
	if c.target.IsValid() {
		return nil
	}
	return json.Unmarshal([]byte("{}"), v)
}

// texts appends one string or an array of them to list.
func texts(s *strictjson.Scanner, list [][]byte) [][]byte {
	if s.Kind() != '[' {
		return append(list, s.Text())
	}
	s.Array(nil, func(*strictjson.Shape) { list = append(list, s.Text()) })
	return list
}

// scopes returns a list of scopes as RFC 8693, section 4.2, spells it, or as a
// JSON array, whose strings are one scope each. Anything else grants none, and is
// not refused.
func scopes(s *strictjson.Scanner, shape *strictjson.Shape) []string {
	switch s.Kind() {
	case '"':
		return field.Scopes(string(s.Text()))
	case '[':
		var list []string
		valid := true
		s.Array(shape, func(element *strictjson.Shape) {
			if s.Kind() == '"' {
				list = append(list, string(s.Text()))
				return
			}
			valid = false
			s.Skip(element)
		})
		if valid {
			return list
		}
	default:
		s.Skip(shape)
	}
	return nil
}

// maxDate is the end of the year 9999.
const maxDate = 253402300799

// date reads a NumericDate (RFC 7519, section 2), which may have a fraction and an
// exponent.
func (c *claims) date(s *strictjson.Scanner) time.Time {
	lit := s.Number()
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
		c.fail(errDate)
	}
	return time.Unix(seconds, 0).UTC()
}

func (c *claims) realDate(lit []byte) time.Time {
	f, err := strconv.ParseFloat(string(lit), 64)
	if err != nil || lit[0] == '-' || f > maxDate { // -0, too
		c.fail(errDate)
		return time.Time{}
	}
	whole, frac := math.Modf(f)
	return time.Unix(int64(whole), int64(frac*1e9)).UTC()
}

// check returns why the claims are refused: by type, then exp, then iss, then the
// others.
func (c *claims) check(now clock) *reason {
	t := c.issuer
	switch {
	case t.Type != "" && !c.hasType:
		return errNoType
	case t.Type != "" && string(c.typ) != t.Type:
		return errType
	case c.err != nil:
		return c.err
	case !c.hasExp:
		return errNoExpiry
	case now.expired(c.exp):
		return errExpired
	case t.Issuer != "" && !c.hasIss:
		return errNoIssuer
	case c.hasIss && (t.Issuer == "" || string(c.iss) != t.Issuer):
		return errIssuer
	}
	if err := t.checkAudience(c); err != nil {
		return err
	}
	switch {
	case now.early(c.nbf):
		return errNotBefore
	case len(c.sub) == 0 && (c.hasSub || t.Subject == nil):
		return errNoSubject
	}
	if err := c.checkAge(now); err != nil {
		return err
	}
	return c.checkRequired()
}

// checkAge checks iat where the issuer has a MaxAge.
func (c *claims) checkAge(now clock) *reason {
	switch maxAge := c.issuer.MaxAge; {
	case maxAge == 0:
		return nil
	case c.iat.IsZero():
		return errNoIssuedAt
	case now.early(c.iat):
		return errIssuedLater
	case now.expired(c.iat.Add(maxAge)):
		return errTooOld
	}
	return nil
}

// A clock is the time and the leeway of one check.
type clock struct {
	now    time.Time
	leeway time.Duration
}

// expired reports whether the time is on or after exp (RFC 7519, section 4.1.4).
func (c clock) expired(exp time.Time) bool { return !c.now.Before(exp.Add(c.leeway)) }

// minEarly is how far a server's clock may be ahead without a leeway: by nbf it says
// when a token becomes valid, which a second more or less does not weaken.
const minEarly = 5 * time.Second

// early reports whether the time is before t, beyond what clocks may differ.
func (c clock) early(t time.Time) bool { return c.now.Before(t.Add(-max(c.leeway, minEarly))) }

// readContext reads one of the claims, whichever of the three.
func (c *claims) readContext(s *strictjson.Scanner, m strictjson.Member) {
	if c.context == nil {
		c.context = new(authContext)
	}
	switch kind := s.Kind(); {
	case kind == '0' && m.Name[1] == 'u': // auth_time
		c.context.time = authTime(string(s.Number()))
	case kind == '[' && m.Name[1] == 'm': // amr
		c.context.amr = scopes(s, m.Shape)
	case kind == '"' && m.Name[1] == 'c': // acr
		c.context.acr = string(s.Text())
	default:
		s.Skip(m.Shape)
	}
}

// authTime returns a NumericDate, zero for one that is no time.
func authTime(number string) time.Time {
	seconds, err := strconv.ParseFloat(number, 64)
	if err != nil || seconds <= 0 || seconds > maxDate {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// contextOf returns the context of claims, for package guardtest.
func contextOf(payload []byte) *authContext {
	var claims struct {
		Time json.Number `json:"auth_time"`
		AMR  []string    `json:"amr"`
		ACR  string      `json:"acr"`
	}
	_ = json.Unmarshal(payload, &claims) // what does not fit is absent
	return &authContext{authTime(claims.Time.String()), claims.AMR, claims.ACR}
}
