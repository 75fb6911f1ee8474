package guard

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// codeMissing is the code of a 401 to a request without a credential.
const codeMissing = "credentials_missing"

// A step is one authentication step of a chain, as it was wired.
type step[P any] struct {
	mode       mode
	candidates []candidate[P]
	identity.Step
	vary    string // field names that the answer depends on, joined; "" for none
	nilable bool   // whether a P can be nil, which is never a principal
	strip   []func(*http.Request)
	private bool // whether a candidate reads a cookie or the URL: shared caches must not store what it selects
}

// A candidate is an authenticator of a step.
type candidate[P any] struct {
	Authenticator[P]
	mapping   mapping[P] // the same, where it is a *Mapped
	pkg       string     // for Decisions
	challenge []string
	missing   error // of a request without a credential
	ambient   func(http.ResponseWriter)
	accepted  func(http.Header)
}

// mapping is what *Mapped is to a step, and to another Mapped.
type mapping[P any] interface {
	authenticate(r *http.Request) (p P, credential any, err error)
	source() any
	self() any
	types() []reflect.Type
}

// mappingOf returns a where it is a *Mapped, and nil otherwise. One that embeds a
// *Mapped has an Authenticate of its own, which loses the credential.
func mappingOf[P any](a Authenticator[P]) mapping[P] {
	m, ok := a.(mapping[P])
	if !ok {
		return nil
	}
	if m.self() == any(a) {
		return m
	}
	if slices.ContainsFunc(m.types()[1:], func(t reflect.Type) bool { return t.Implements(scopeLimiter) }) {
		wiring.Panic("guard", "a %T embeds a Mapped, and would lose the credential's scope limit: embed the credential's authenticator", a)
	}
	return nil
}

func newStep[P any](m mode, list []Authenticator[P]) *step[P] {
	if len(list) == 0 {
		wiring.Panic("guard", "authentication by no authenticator")
	}
	s := &step[P]{mode: m, nilable: canBeNil[P](), Step: identity.Step{Types: []reflect.Type{reflect.TypeFor[P]()}}}
	var vary []string
	for i, a := range list {
		if wiring.IsNil(a) {
			wiring.Panic("guard", "authenticator %d is nil", i+1)
		}
		scheme := a.Scheme()
		if scheme.Challenge == "" {
			wiring.Panic("guard", "authenticator %d, a %T, has no challenge", i+1, a)
		}
		c := candidate[P]{Authenticator: a, mapping: mappingOf(a), pkg: packageOf(a),
			challenge: slices.Concat([]string{scheme.Challenge}, scheme.Alternatives),
			missing:   ErrNoCredentials, ambient: scheme.Ambient, accepted: scheme.Accepted}
		if scheme.Missing != "" {
			c.missing = &Error{Status: http.StatusUnauthorized, Code: codeMissing, Message: scheme.Missing, Err: ErrNoCredentials}
		}
		if c.mapping != nil {
			s.Types = append(s.Types, c.mapping.types()...)
		}
		s.candidates = append(s.candidates, c)
		vary = append(vary, scheme.vary(m)...)
		s.private = s.private || scheme.Ambient != nil || scheme.Strip != nil
		if scheme.Strip != nil {
			s.strip = append(s.strip, scheme.Strip)
		}
	}
	slices.Sort(vary)
	s.vary = strings.Join(slices.Compact(vary), ", ")
	s.Challenges = s.challengesWith(-1, nil)
	return s
}

// challengesWith lists the challenge of every authenticator, each once, with
// those of a refusal in place of the one that refused.
func (s *step[P]) challengesWith(refused int, ofRefusal []string) (lines []string) {
	for i, c := range s.candidates {
		list := c.challenge
		if i == refused {
			list = ofRefusal
		}
		for _, line := range list {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// packageOf is the last element of the path of the authenticator's package.
func packageOf(a any) string {
	for {
		m, ok := a.(interface{ source() any })
		if !ok {
			break
		}
		a = m.source()
	}
	t := reflect.TypeOf(a)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return path.Base(t.PkgPath())
}

func (s *step[P]) wrap(next http.Handler) http.Handler {
	wiring.Next("guard", next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := s.authenticate(r)
		if result.dead != nil && navigates(r) {
			result.dead(w)
		}
		if err != nil {
			if s.vary != "" {
				addVary(w.Header(), s.vary, new([1]string))
			}
			// An ErrorHandler may write the URL into a page or a redirect.
			Decision{Package: result.pkg}.refuse(w, s.stripped(r), err, result.challenges)
			return
		}
		n := s.node(w.Header(), r, &result)
		if s.vary != "" {
			addVary(w.Header(), s.vary, &n.Vary)
		}
		if result.accepted != nil {
			result.accepted(w.Header())
		}
		r = r.WithContext(n)
		for _, strip := range s.strip {
			strip(r)
		}
		d := Decision{Package: result.pkg, Outcome: Anonymous}
		if result.authenticated {
			d.Outcome = Allowed
		}
		d.Report(r)
		next.ServeHTTP(w, r)
	})
}

// node is the context node of a result. What a cookie or the URL selects is private
// (RFC 6750, section 2.3), unless an outer handler said something else: RFC 9111,
// section 3.5, protects only requests with Authorization.
func (s *step[P]) node(h http.Header, r *http.Request, res *result[P]) (n *identity.Node) {
	if s.private && len(h["Cache-Control"]) == 0 {
		var field *[1]string
		n, field = identity.NewPrivate(r.Context(), res.principal, res.authenticated)
		field[0] = "private"
		h["Cache-Control"] = field[:]
	} else {
		n = identity.New(r.Context(), res.principal, res.authenticated)
	}
	n.Credential, n.Step = res.credential, &s.Step
	return n
}

// stripped is r without the credentials in its URL.
func (s *step[P]) stripped(r *http.Request) *http.Request {
	if len(s.strip) == 0 {
		return r
	}
	r = r.WithContext(r.Context())
	for _, strip := range s.strip {
		strip(r)
	}
	return r
}

// A result is what a step found out about a request.
type result[P any] struct {
	principal     P
	credential    any
	authenticated bool
	pkg           string                    // of the authenticator that decided
	challenges    []string                  // of a refusal; nil for the error's own
	dead          func(http.ResponseWriter) // clears a dead credential; nil without one
	accepted      func(http.Header)         // sets fields of the response; may be nil
}

// navigates reports whether a browser opens a page with r, as far as it says.
func navigates(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return mode == "navigate" || mode == "" && r.Header.Get("Sec-Fetch-Site") == ""
}

func (s *step[P]) authenticate(r *http.Request) (res result[P], err error) {
	var missing error
	var dead func(http.ResponseWriter)
	for i := range s.candidates {
		c := &s.candidates[i]
		res = result[P]{pkg: c.pkg}
		if c.mapping != nil {
			res.principal, res.credential, err = c.mapping.authenticate(r)
		} else {
			res.principal, err = c.Authenticate(r)
		}
		refusesDead := err != nil && c.ambient != nil && isDead(err)
		if refusesDead {
			dead = c.ambient
		} else if c.ambient != nil && !abstains(err) {
			dead = nil // the cookie that was dead to another authenticator may be this one's
		}
		switch {
		case err == nil && s.nilable && wiring.IsNil(res.principal):
			return res, fmt.Errorf("guard: %T returned a nil %v", c.Authenticator, reflect.TypeFor[P]())
		case err == nil:
			res.authenticated, res.dead, res.accepted = true, dead, c.accepted
			return res, nil
		case abstains(err), refusesDead && s.mode != require:
			if missing == nil {
				missing = c.missingOr(err)
			}
		case s.mode == lenient && statusOf(err) == http.StatusUnauthorized:
			return result[P]{pkg: c.pkg, dead: dead}, nil
		default:
			res.challenges, res.dead = s.challengesOf(err, i), dead
			return res, err
		}
	}
	res = result[P]{pkg: s.candidates[0].pkg, dead: dead}
	if s.mode != require {
		return res, nil
	}
	res.challenges = s.Challenges
	return res, missing
}

// isDead reports whether err refuses a dead credential: see Error.Dead.
func isDead(err error) bool {
	e, ok := asError(err)
	return ok && e.Dead && e.Status == http.StatusUnauthorized
}

// missingOr is how c's abstention is answered: err, where it has a message.
func (c *candidate[P]) missingOr(err error) error {
	if e, ok := asError(err); err != ErrNoCredentials && ok && e.Message != "" {
		return err
	}
	return c.missing
}

// abstains reports whether err says that there is no credential. A refusal or
// failure with another status than 401 does not, whatever its cause.
func abstains(err error) bool {
	if err == ErrNoCredentials { // errors.As would allocate
		return true
	}
	e, ok := asError(err)
	return errors.Is(err, ErrNoCredentials) && (!ok || e.Status == http.StatusUnauthorized)
}

// challengesOf are those of the i-th authenticator's refusal: a 401 lists all
// ways to authenticate, and the one that refused may say why in its own.
func (s *step[P]) challengesOf(err error, i int) []string {
	e, ok := asError(err)
	switch {
	case !ok || e.Status != http.StatusUnauthorized:
		return nil
	case len(e.Challenges) == 0:
		return s.Challenges
	case len(s.candidates) > 1:
		return s.challengesWith(i, e.Challenges)
	}
	return nil
}

// addVary adds names to the Vary field; storage holds the field where it is
// the first, so that it costs no allocation.
func addVary(h http.Header, names string, storage *[1]string) {
	present := h["Vary"]
	switch {
	case len(present) == 0:
		storage[0] = names
		h["Vary"] = storage[:]
	case !slices.Contains(present, names):
		h["Vary"] = append(present, names)
	}
}
