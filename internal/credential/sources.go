package credential

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/field"
)

// Sources are the places that one authenticator reads.
type Sources struct {
	list    []Source
	limit   int                         // of the bytes of a credential
	origins *http.CrossOriginProtection // nil where no source is unasked
}

// New returns the sources in list or, if it is empty, the fallback alone. Origins
// may send an unasked credential from elsewhere. The error names all mistakes.
func New(pkg string, list []Source, fallback Source, origins []string, limit int) (Sources, error) {
	s := Sources{list: slices.Clone(list), limit: limit}
	if len(list) == 0 {
		s.list = []Source{fallback}
	}
	var errs []error
	for i, src := range s.list {
		if err := src.validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", pkg, err))
		}
		if slices.ContainsFunc(s.list[:i], src.conflicts) {
			errs = append(errs, fmt.Errorf("%s: source %q is a second one of its name, or a second WebSocketProtocol", pkg, src.name))
		}
	}
	protection, mistakes := field.Origins(pkg, origins)
	errs = append(errs, mistakes...)
	if slices.ContainsFunc(s.list, Source.unasked) {
		s.origins = protection
	} else if len(origins) > 0 {
		errs = append(errs, fmt.Errorf("%s: TrustedOrigins without a Cookie or ProxyHeader", pkg))
	}
	return s, errors.Join(errs...)
}

func (s *Sources) has(k kind) bool {
	return slices.ContainsFunc(s.list, func(src Source) bool { return src.kind == k })
}

// A Credential is what the sources of a request hold. It has few fields, so that it
// is returned in registers.
type Credential struct {
	// Text is the credential as it was sent, also where it is Malformed. It may be
	// anything: the caller checks its form.
	Text  string
	State field.State
	facts facts
}

type facts uint8

const (
	foreign        facts = 1 << iota // there is one without the prefix
	outsideCookies                   // a credential, also a foreign one
	inAuthorizationField
	deliberate // a page or program put it into the request
)

// Ambient reports whether every credential is in a cookie, a foreign one, too. Only
// then a refusal may be dead: the client that sends another must notice it.
func (c Credential) Ambient() bool { return c.facts&outsideCookies == 0 }

// InAuthorization reports whether Text is in the Authorization field, whose
// credentials are a token68.
func (c Credential) InAuthorization() bool { return c.facts&inAuthorizationField != 0 }

// Foreign reports whether there is a credential without the prefix.
func (c Credential) Foreign() bool { return c.facts&foreign != 0 }

// Find returns the one credential of a request that begins with prefix. The same
// one in several sources counts once. Two are Repeated, and so is a bad one beside a
// good one: a proxy and this program might choose different ones. A query that may have
// one, or not, is Unclear. One in unasked sources alone is CrossSite in an unsafe
// request from another origin; a page that can send it in another source as well knows
// it.
func (s *Sources) Find(r *http.Request, prefix string) Credential {
	var c Credential
	empty := false // a cookie, which counts if there is no credential
	for i := range s.list {
		src := &s.list[i]
		text, state := src.read(r, s.limit)
		if state == field.Absent {
			continue
		}
		if state == field.Repeated || state == field.Unclear {
			return Credential{State: state}
		}
		if src.kind != inCookie {
			c.facts |= outsideCookies
		} else if text == "" {
			empty = true
			continue
		}
		if !strings.HasPrefix(text, prefix) {
			c.facts |= foreign
			continue
		}
		if c.State != field.Absent && (text != c.Text || state != c.State) {
			return Credential{State: field.Repeated}
		}
		c.Text, c.State, c.facts = text, state, c.facts|src.facts()
	}
	if empty && c.State == field.Absent {
		if prefix == "" {
			c.State = field.Malformed
		} else {
			c.facts |= foreign
		}
	}
	if c.State != field.Absent && c.facts&deliberate == 0 && field.CrossOrigin(s.origins, r) != nil {
		return Credential{State: field.CrossSite}
	}
	return c
}

func (s *Source) facts() facts {
	switch s.kind {
	case inAuthorization:
		return inAuthorizationField | deliberate
	case inCookie, inProxyHeader:
		return 0
	}
	return deliberate
}

// Scheme is the scheme of the challenge: that of the first Authorization source,
// or else the fallback. Bearer alone has error codes (RFC 6750, section 3.1).
func (s *Sources) Scheme(fallback string) (name string, isBearer bool) {
	name = fallback
	if i := slices.IndexFunc(s.list, func(src Source) bool { return src.kind == inAuthorization }); i >= 0 {
		name = s.list[i].name
	}
	return name, strings.EqualFold(name, "Bearer")
}

// HasScheme reports whether the Authorization field with this scheme is a source.
func (s *Sources) HasScheme(name string) bool {
	return slices.ContainsFunc(s.list, Authorization(name).conflicts)
}

// SchemeOf returns the scheme of the Authorization field that a credential of the request
// is in, "" where it is elsewhere.
func (s *Sources) SchemeOf(r *http.Request, c Credential) string {
	if !c.InAuthorization() {
		return ""
	}
	for i := range s.list {
		if src := &s.list[i]; src.kind == inAuthorization {
			if _, state := src.read(r, s.limit); state != field.Absent {
				return src.name
			}
		}
	}
	return ""
}

// Vary names the fields that are read, as guard.Scheme has it: nil for
// Authorization alone. A query is part of the URL.
func (s *Sources) Vary() (names []string) {
	for _, src := range s.list {
		if name := src.field(); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 1 && names[0] == "Authorization" {
		return nil
	}
	return names
}

// InURL reports whether a credential may be in the URL, where no field of the
// request reveals it.
func (s *Sources) InURL() bool { return s.has(inQuery) }

// Clear returns a function that deletes the cookies that are sources, nil if none
// is.
func (s *Sources) Clear() func(http.ResponseWriter) {
	var all []func(http.ResponseWriter)
	for _, src := range s.list {
		if src.kind == inCookie {
			all = append(all, field.ClearCookie(src.name))
		}
	}
	if len(all) == 0 {
		return nil
	}
	return func(w http.ResponseWriter) {
		for _, clearOne := range all {
			clearOne(w)
		}
	}
}

// Strip returns a function that removes credentials from the URL and from the list
// of WebSocket protocols, nil if none is a source.
func (s *Sources) Strip() func(*http.Request) {
	if !s.has(inQuery) && !s.has(inWebSocketProtocol) {
		return nil
	}
	list := s.list
	return func(r *http.Request) {
		for _, src := range list {
			switch src.kind {
			case inQuery:
				stripQuery(r, src.name)
			case inWebSocketProtocol:
				stripProtocol(r, src.name)
			}
		}
	}
}
