package apikey

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
)

// DefaultHeader is where keys are looked for if Options name no Sources.
const DefaultHeader = "X-API-Key"

// A Source is a place in a request where a key may be.
type Source struct {
	kind kind
	name string
}

type kind int

const (
	inHeader kind = iota + 1
	inAuthorization
	inCookie
	inQuery
)

// Header is the request header with this name.
func Header(name string) Source { return Source{inHeader, http.CanonicalHeaderKey(name)} }

// Authorization is the Authorization header with this scheme, such as "Bearer"
// or "ApiKey". A [Ring] leaves tokens that are none of its keys to the next
// authenticator, so that it can share "Bearer" with JWTs.
func Authorization(scheme string) Source { return Source{inAuthorization, scheme} }

// Cookie is the cookie with this name. Browsers send cookies unasked, so
// requests from other sites are refused with 403, other than GET, HEAD and
// OPTIONS (http.CrossOriginProtection): those must change nothing. The opening
// of a WebSocket is refused, too.
func Cookie(name string) Source { return Source{inCookie, name} }

// InsecureQuery is the query parameter with this name. What is in a URL ends
// in the access logs of every proxy, in histories and in Referer headers: use
// it only where a client can send nothing else. The parameter is taken out of
// the URL that inner handlers see; handlers outside still see it.
func InsecureQuery(name string) Source { return Source{inQuery, name} }

func (s Source) validate() error {
	switch s.kind {
	case inHeader:
		if s.name == "Authorization" || s.name == "Cookie" {
			return fmt.Errorf("apikey: header %q has a source of its own", s.name)
		}
		fallthrough
	case inAuthorization, inCookie:
		if !field.IsToken(s.name) {
			return fmt.Errorf("apikey: source name %q is not a token", s.name)
		}
	case inQuery:
		if s.name == "" {
			return errors.New("apikey: the query parameter has no name")
		}
	default:
		return errors.New("apikey: the zero Source is none")
	}
	return nil
}

// sources is where one authenticator looks, in order.
type sources []Source

func newSources(list []Source) (sources, error) {
	if len(list) == 0 {
		list = []Source{Header(DefaultHeader)}
	}
	var errs []error
	for i, s := range list {
		errs = append(errs, s.validate())
		for _, other := range list[:i] {
			if s.kind == other.kind && strings.EqualFold(s.name, other.name) {
				errs = append(errs, fmt.Errorf("apikey: source %q is named twice", s.name))
			}
		}
	}
	return append(sources(nil), list...), errors.Join(errs...)
}

// scheme is that of the challenge: of the Authorization header if keys are
// taken from there.
func (s sources) scheme() string {
	for _, src := range s {
		if src.kind == inAuthorization {
			return src.name
		}
	}
	return "ApiKey"
}

// vary names the headers that the sources read; a query is part of the URL.
func (s sources) vary() (names []string) {
	for _, src := range s {
		switch src.kind {
		case inHeader:
			names = append(names, src.name)
		case inAuthorization:
			names = append(names, "Authorization")
		case inCookie:
			names = append(names, "Cookie")
		}
	}
	return names
}

// A finding is what the sources of a request hold.
type finding struct {
	key     string // the one key; empty if there is none
	foreign bool   // there is a credential, but none of ours
}

// find reads the one key of a request. Which of two would count is a guess
// that an attacker and we might make differently, so two are an error. ours
// tells our keys from others' credentials.
func (s sources) find(r *http.Request, ours func(string) bool) (f finding, err error) {
	for _, src := range s {
		key, foreign, err := src.read(r)
		if err != nil {
			return finding{}, err
		}
		switch {
		case foreign, key != "" && !ours(key):
			f.foreign = true
		case key == "":
		case f.key != "":
			return finding{}, refusal.Repeated("apikey")
		default:
			if src.kind == inCookie {
				if err := sameSite(r); err != nil {
					return finding{}, err
				}
			}
			f.key = key
		}
	}
	return f, nil
}

// read is the key of one source. foreign is true for what cannot be a key.
func (s Source) read(r *http.Request) (key string, foreign bool, err error) {
	switch s.kind {
	case inHeader:
		return one(r.Header[s.name])
	case inAuthorization:
		token, state := field.Authorization(r.Header, s.name, maxKey)
		if state == field.Repeated {
			return "", false, refusal.Repeated("apikey")
		}
		return token, state == field.Malformed, nil
	case inCookie:
		key, state := field.Cookie(r.Header, s.name)
		if state == field.Repeated {
			return "", false, refusal.Repeated("apikey")
		}
		return key, false, nil
	}
	if r.URL.RawQuery == "" {
		return "", false, nil
	}
	return one(r.URL.Query()[s.name])
}

func one(values []string) (string, bool, error) {
	switch len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], false, nil
	}
	return "", false, refusal.Repeated("apikey")
}

// sameSite refuses unsafe requests that a browser sent from another site.
func sameSite(r *http.Request) error {
	var p http.CrossOriginProtection
	if field.CrossOrigin(&p, r) != nil {
		return refusal.CrossSite("apikey")
	}
	return nil
}

// strip takes keys out of the query of r, which shares its URL with the request
// it was copied from.
func (s sources) strip(r *http.Request) {
	for _, src := range s {
		if src.kind != inQuery || r.URL.RawQuery == "" {
			continue
		}
		kept, changed := without(r.URL.RawQuery, src.name)
		if !changed {
			continue
		}
		u := *r.URL
		u.RawQuery = kept
		r.URL = &u
		if path, _, ok := strings.Cut(r.RequestURI, "?"); ok {
			r.RequestURI = path
			if kept != "" {
				r.RequestURI += "?" + kept
			}
		}
		r.Form = copyWithout(r.Form, src.name)
	}
}

// without is a raw query without one parameter, the others as they were sent.
func without(rawQuery, name string) (kept string, changed bool) {
	var rest []string
	for part := range strings.SplitSeq(rawQuery, "&") {
		k, _, _ := strings.Cut(part, "=")
		if k, err := url.QueryUnescape(k); err == nil && k == name {
			changed = true
			continue
		}
		rest = append(rest, part)
	}
	return strings.Join(rest, "&"), changed
}

func copyWithout(form url.Values, name string) url.Values {
	if form == nil {
		return nil
	}
	c := make(url.Values, len(form))
	for k, v := range form {
		if k != name {
			c[k] = v
		}
	}
	return c
}
