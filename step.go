package guard

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/wiring"
)

type mode int

const (
	require mode = iota
	optional
	lenient
)

// A step is one authentication step of a chain, as it was wired.
type step[P any] struct {
	mode       mode
	asked      []asked[P]
	challenges []string // of all authenticators, in order
	offered    []string // the same, each once
	vary       string   // field names that the answer depends on, joined; "" for none
	nilable    bool     // whether a P can be nil, which is never a principal
	hide       []func(*http.Request)
}

type asked[P any] struct {
	Authenticator[P]
	mapped credentialed[P] // the same, where it also tells the credential
	pkg    string          // for Decisions
}

// credentialed is what *Mapped is to a step.
type credentialed[P any] interface {
	authenticate(r *http.Request) (p P, cred any, err error)
	source() any
}

func newStep[P any](m mode, list []Authenticator[P]) *step[P] {
	if len(list) == 0 {
		wiring.Panic("guard", "authentication by no authenticator")
	}
	s := &step[P]{mode: m, nilable: canBeNil[P]()}
	var vary []string
	for i, a := range list {
		if isNil(a) {
			wiring.Panic("guard", "authenticator %d is nil", i+1)
		}
		k := asked[P]{Authenticator: a, pkg: packageOf(a)}
		k.mapped, _ = a.(credentialed[P])
		s.asked = append(s.asked, k)
		s.challenges = append(s.challenges, a.Challenge())
		vary = append(vary, varyOf(a, m)...)
		if hide := hiding(a); hide != nil {
			s.hide = append(s.hide, hide)
		}
	}
	slices.Sort(vary)
	s.vary = strings.Join(slices.Compact(vary), ", ")
	s.offered = once(s.challenges)
	return s
}

// once is the lines without repetitions: two authenticators may offer the same.
func once(lines []string) []string {
	var list []string
	for _, l := range lines {
		if !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list
}

// varyOf names the fields that select an answer. Require needs no Vary for
// Authorization: shared caches do not store such answers (RFC 9111, section
// 3.5). What is also served to nobody varies by every field.
func varyOf(a any, m mode) []string {
	if v, ok := a.(interface{ Vary() []string }); ok {
		if names := v.Vary(); len(names) > 0 {
			return names
		}
	}
	if m == require {
		return nil
	}
	return []string{"Authorization"}
}

func hiding(a any) func(*http.Request) {
	if h, ok := a.(interface{ Hide() func(*http.Request) }); ok {
		return h.Hide()
	}
	return nil
}

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
		f, err := s.authenticate(r)
		if err != nil {
			if s.vary != "" {
				addVary(w.Header(), s.vary, new([1]string))
			}
			// An ErrorHandler may put the URL into a page or a redirect.
			Decision{Package: f.pkg}.Refuse(w, s.hidden(r), err)
			return
		}
		n := &node[P]{Context: r.Context(), step: s, principal: f.principal, cred: f.cred, rec: recorderOf(r.Context())}
		if !f.known {
			n.kept.Store(&nobody)
		}
		if s.vary != "" {
			addVary(w.Header(), s.vary, &n.vary)
		}
		r = r.WithContext(n)
		for _, hide := range s.hide {
			hide(r)
		}
		if n.rec != nil {
			Decision{Package: f.pkg, Outcome: outcomeOf(f.known)}.Report(r)
		}
		next.ServeHTTP(w, r)
	})
}

// hidden is r without the credentials in its URL.
func (s *step[P]) hidden(r *http.Request) *http.Request {
	if len(s.hide) == 0 {
		return r
	}
	r = r.WithContext(r.Context())
	for _, hide := range s.hide {
		hide(r)
	}
	return r
}

func outcomeOf(known bool) Outcome {
	if known {
		return Allowed
	}
	return Anonymous
}

// found is what a step found out; pkg is the package of the authenticator that
// decided.
type found[P any] struct {
	principal P
	cred      any
	known     bool
	pkg       string
}

func (s *step[P]) authenticate(r *http.Request) (f found[P], err error) {
	var missing error
	for i := range s.asked {
		a := &s.asked[i]
		f = found[P]{pkg: a.pkg}
		if a.mapped != nil {
			f.principal, f.cred, err = a.mapped.authenticate(r)
		} else {
			f.principal, err = a.Authenticate(r)
		}
		switch {
		case err == nil && s.nilable && isNil(f.principal):
			return f, fmt.Errorf("guard: %T found a nil %v", a.Authenticator, reflect.TypeFor[P]())
		case err == nil:
			f.known = true
			return f, nil
		case abstains(err):
			if missing == nil {
				missing = err
			}
		case s.mode == lenient && statusOf(err) == http.StatusUnauthorized:
			return found[P]{pkg: a.pkg}, nil
		default:
			return f, s.challenge(err, i)
		}
	}
	f = found[P]{pkg: s.asked[0].pkg}
	if s.mode != require {
		return f, nil
	}
	return f, s.challenge(missing, -1)
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

// challenge is err with a challenge of every authenticator: a 401 lists all
// ways to authenticate, and the one that refused may say why in its own.
func (s *step[P]) challenge(err error, refused int) error {
	e, ok := asError(err)
	if !ok && abstains(err) {
		e, ok = &Error{Err: err}, true
	}
	if !ok || refused >= 0 && e.Status != http.StatusUnauthorized {
		return err
	}
	c := *e
	c.Status = http.StatusUnauthorized
	switch {
	case len(e.Challenges) == 0 || refused < 0:
		c.Challenges = s.offered
	case len(s.challenges) > 1:
		c.Challenges = once(slices.Concat(s.challenges[:refused], e.Challenges, s.challenges[refused+1:]))
	}
	return &c
}

// addVary adds names to the Vary field; storage holds the field where it is
// the first, so that it costs no allocation.
func addVary(h http.Header, names string, storage *[1]string) {
	have := h["Vary"]
	switch {
	case len(have) == 0:
		storage[0] = names
		h["Vary"] = storage[:]
	case !slices.Contains(have, names):
		h["Vary"] = append(have, names)
	}
}

func canBeNil[P any]() bool {
	switch reflect.TypeFor[P]().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Func, reflect.Chan:
		return true
	}
	return false
}

// isNil reports whether p is nil or an interface that holds a nil.
func isNil[P any](p P) bool {
	v := reflect.ValueOf(p)
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}
