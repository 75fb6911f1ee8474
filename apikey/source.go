package apikey

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/refusal"
)

// DefaultHeader is the header that is read if Options name no Sources.
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
// or "ApiKey". A [Ring] leaves tokens without its prefix to the next
// authenticator, so that it can share "Bearer" with JWTs.
func Authorization(scheme string) Source { return Source{inAuthorization, scheme} }

// Cookie is the cookie with this name. Browsers attach cookies to requests that
// other sites make, so such requests are refused with 403
// (http.CrossOriginProtection), except GET, HEAD and OPTIONS: these must change
// nothing. A cross-site WebSocket handshake is refused, too.
//
// If the cookie's key is malformed, unknown, revoked or expired, guard.Optional
// treats the request as anonymous, and navigations clear the cookies of all
// sources: with path / and without a domain. One that was set with another path or
// domain is not cleared. If a header or query source also holds a credential, the
// request is refused, and nothing is cleared. A [Ring] clears nothing because of a
// key without its prefix: that may belong to another ring.
func Cookie(name string) Source { return Source{inCookie, name} }

// InsecureQuery is the query parameter with this name. URLs end in the access
// logs of every proxy, in browser histories and in Referer headers: use it only
// for clients that can send nothing else. The parameter is removed from the URL
// that inner handlers see; outer handlers still see it.
func InsecureQuery(name string) Source { return Source{inQuery, name} }

func (s Source) validate() error {
	switch s.kind {
	case inHeader:
		if s.name == "Authorization" || s.name == "Cookie" {
			return fmt.Errorf("apikey: header %q: use the source Authorization or Cookie", s.name)
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
		return errors.New("apikey: the zero Source is not valid")
	}
	return nil
}

// sources are the places that one authenticator reads, in order.
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

// schemeName is the scheme of the challenge: that of the Authorization header if
// it is a source.
func (s sources) schemeName() string {
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

// clear deletes the cookies that are sources; nil if none is.
func (s sources) clear() func(http.ResponseWriter) {
	var all []func(http.ResponseWriter)
	for _, src := range s {
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

// A result is what the sources of a request hold.
type result struct {
	key          string // empty if there is none
	unrecognized bool   // there is another credential: malformed, or without the prefix
	// ambient is whether every credential is in a cookie. Where one is elsewhere,
	// even an unrecognized one, no refusal is dead: its client must notice it.
	ambient bool
}

// find reads the one key of a request that begins with prefix. Two keys are an
// error: a proxy and this program might choose different ones.
func (s sources) find(r *http.Request, prefix string) (result, error) {
	res := result{ambient: true}
	for _, src := range s {
		key, malformed, err := src.read(r)
		if err != nil {
			return result{}, err
		}
		if key == "" && !malformed {
			continue
		}
		res.ambient = res.ambient && src.kind == inCookie
		switch {
		case malformed, !strings.HasPrefix(key, prefix):
			res.unrecognized = true
		case res.key != "":
			return result{}, refusal.Repeated("apikey")
		default:
			if src.kind == inCookie {
				if err := checkSameSite(r); err != nil {
					return result{}, err
				}
			}
			res.key = key
		}
	}
	return res, nil
}

// read returns the key of one source, empty if there is none.
func (s Source) read(r *http.Request) (key string, malformed bool, err error) {
	switch s.kind {
	case inHeader:
		key, err = single(r.Header[s.name])
	case inAuthorization:
		token, state := field.Authorization(r.Header, s.name, maxKeyBytes)
		if state == field.Repeated {
			return "", false, refusal.Repeated("apikey")
		}
		return token, state == field.Malformed, nil
	case inCookie:
		value, state := field.Cookie(r.Header, s.name)
		if state == field.Repeated {
			return "", false, refusal.Repeated("apikey")
		}
		return value, false, nil
	case inQuery:
		if r.URL.RawQuery != "" {
			key, err = single(r.URL.Query()[s.name])
		}
	}
	return key, false, err
}

func single(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", refusal.Repeated("apikey")
}

// checkSameSite refuses unsafe requests that a browser sent from another site.
func checkSameSite(r *http.Request) error {
	var p http.CrossOriginProtection
	if field.CrossOrigin(&p, r) != nil {
		return refusal.CrossSite("apikey")
	}
	return nil
}
