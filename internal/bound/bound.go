// Package bound has what the guards with an option Bound share: the schemes in which
// tokens may be sent, and their challenges.
package bound

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/credential"
	"github.com/go-guard/guard/internal/wiring"
)

// Schemes are the schemes of a [guard.Binding]. The zero value is that of a guard without
// one.
type Schemes struct {
	binding guard.Binding
	names   []string
	lines   []string // the challenge of each
	params  string   // realm and such, as they follow in each challenge
}

// New returns the schemes of a binding, which may be nil. params are those of
// guard.Challenge, and belong to each challenge.
func New(pkg string, b guard.Binding, params ...string) (Schemes, error) {
	if b == nil {
		return Schemes{}, nil
	}
	if err := wiring.TypedNil(pkg, "Bound", b); err != nil {
		return Schemes{}, err
	}
	text, err := guard.Challenge("X", params...)
	if err != nil {
		return Schemes{}, nil // the guard reports it
	}
	s := Schemes{binding: b}
	if _, given, ok := strings.Cut(text, " "); ok {
		s.params = given
	}
	for _, line := range b.Challenges() {
		name, _, _ := strings.Cut(line, " ")
		s.names, s.lines = append(s.names, name), append(s.lines, s.complete(line))
	}
	if len(s.lines) == 0 || slices.Contains(s.names, "") {
		return Schemes{}, fmt.Errorf("%s: Bound has no challenge", pkg)
	}
	return s, nil
}

// complete adds the params to a challenge.
func (s *Schemes) complete(line string) string { return with(line, s.params) }

func with(line, params string) string {
	switch {
	case params == "":
		return line
	case strings.Contains(line, " "):
		return line + ", " + params
	}
	return line + " " + params
}

// IsZero reports whether there is no binding.
func (s *Schemes) IsZero() bool { return s.binding == nil }

// Sources are where tokens may be by default: in the schemes of the binding, and in
// Bearer, where a bound token is refused instead of not seen.
func (s *Schemes) Sources() (list []credential.Source) {
	for _, name := range append(slices.Clone(s.names), "Bearer") {
		if !slices.ContainsFunc(list, func(have credential.Source) bool { return have == credential.Authorization(name) }) {
			list = append(list, credential.Authorization(name))
		}
	}
	return list
}

// Check returns the mistake of sources that lack a scheme of the binding.
func (s *Schemes) Check(pkg string, sources *credential.Sources) error {
	var errs []error
	for _, name := range s.names {
		if name != "Bearer" && !sources.HasScheme(name) {
			errs = append(errs, fmt.Errorf("%s: Bound needs source.Authorization(%q) in Sources", pkg, name))
		}
	}
	return errors.Join(errs...)
}

// Challenges are those without an error.
func (s *Schemes) Challenges() []string { return slices.Clone(s.lines) }

// WithError returns the challenges with an error in that of the scheme that a
// client used, or in the first one (RFC 9449, section 7.2).
func (s *Schemes) WithError(scheme, word string) []string {
	list := slices.Clone(s.lines)
	i := max(0, slices.Index(s.names, scheme))
	list[i] = with(list[i], `error="`+word+`"`)
	return list
}

// Confirm asks the binding about a token of a request. Its refusal gets the params, in a
// copy: the binding may return one to every request.
func (s *Schemes) Confirm(r *http.Request, scheme, token, cnf string) error {
	// A binding cannot abstain: the token is there.
	_, err := guard.Resolve(0, true, s.binding.Confirm(r, scheme, token, cnf), nil)
	e, ok := errors.AsType[*guard.Error](err)
	if !ok || e == nil || s.params == "" {
		return err
	}
	c := e.Clone()
	if err != error(e) {
		c.Err = err // its text is more than that of e
	}
	for i, line := range c.Challenges {
		c.Challenges[i] = s.complete(line)
	}
	return c
}

// Accepted is that of the binding, nil without one.
func (s *Schemes) Accepted() func(http.Header) {
	if s.binding == nil {
		return nil
	}
	return s.binding.Accepted
}
