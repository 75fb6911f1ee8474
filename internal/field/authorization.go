// Package field reads the header fields that carry credentials, and holds the
// one grammar of tokens, cookies, scopes and challenges.
package field

import (
	"net/http"
	"strings"
)

// A State is what a request holds for one credential.
type State int

// The states of a credential.
const (
	Absent    State = iota // no field, or another scheme's
	Present                // one token68
	Malformed              // the scheme without a token, or with something else behind it
	Repeated               // more than one: which one counts would be a guess
	CrossSite              // in a cookie that a browser sent from another site
)

// Authorization returns the token of the Authorization field under scheme, whose
// name is case-insensitive (RFC 9110, section 11.1). A token longer than limit
// is malformed and not read.
func Authorization(h http.Header, scheme string, limit int) (token string, s State) {
	return checked(rawAuthorization(h, scheme, limit))
}

// checked refuses what is not a token68.
func checked(text string, s State) (string, State) {
	if s == Present && !IsToken68(text) {
		return "", Malformed
	}
	return text, s
}

func rawAuthorization(h http.Header, scheme string, limit int) (text string, s State) {
	lines := h["Authorization"]
	if len(lines) == 0 {
		return "", Absent
	}
	if len(lines) > 1 {
		return "", Repeated
	}
	v := lines[0]
	if len(v) < len(scheme) || !strings.EqualFold(v[:len(scheme)], scheme) {
		return "", Absent
	}
	v = v[len(scheme):]
	if v == "" {
		return "", Malformed
	}
	if isTokenChar(v[0]) {
		return "", Absent // a longer scheme's name
	}
	if v[0] != ' ' {
		return "", Malformed // the scheme is ours, and what follows is not a token
	}
	v = v[1:]
	for v != "" && v[0] == ' ' && limit > 0 { // 1*SP, RFC 9110, section 11.4
		v = v[1:]
		limit--
	}
	if len(v) > limit {
		return "", Malformed
	}
	return v, Present
}

// BearerOrCookie returns the token of a request that carries it in its
// Authorization field (RFC 6750, section 2.1) or, unless name is empty, in the
// cookie of that name; inCookie reports which, also where the state is not
// Present. Both at once are Repeated. A cookie's token has the same form, and
// browsers send it unasked: p refuses it in cross-site requests.
func BearerOrCookie(r *http.Request, name string, limit int, p *http.CrossOriginProtection) (token string, inCookie bool, s State) {
	text, inCookie, s := RawBearerOrCookie(r, name, limit, p)
	token, s = checked(text, s)
	return token, inCookie, s
}

// RawBearerOrCookie is BearerOrCookie for a caller that looks in a cache of valid
// tokens first: the text may not be a token, see IsToken68.
func RawBearerOrCookie(r *http.Request, name string, limit int, p *http.CrossOriginProtection) (text string, inCookie bool, s State) {
	text, s = rawAuthorization(r.Header, "Bearer", limit)
	if name == "" || s == Repeated {
		return text, false, s
	}
	value, cookie := Cookie(r.Header, name)
	switch {
	case cookie == Absent:
		return text, false, s
	case cookie == Repeated || s != Absent:
		return "", false, Repeated
	case CrossOrigin(p, r) != nil:
		return "", true, CrossSite
	case len(value) > limit:
		return "", true, Malformed
	}
	return value, true, Present
}
