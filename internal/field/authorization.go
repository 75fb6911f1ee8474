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
	Present                // one
	Malformed              // the scheme without a token, a text that is too long, or what cannot be read
	Repeated               // more than one: which one counts would be a guess
	Unclear                // a query or list of which readers differ, or which is too long
	CrossSite              // in a cookie that a browser sent from another site
)

// Authorization returns what follows scheme, whose name is case-insensitive (RFC 9110,
// section 11.1), in the Authorization field. It may not be a token68: the caller
// checks that. A text longer than limit is returned, too, with Malformed.
func Authorization(h http.Header, scheme string, limit int) (text string, s State) {
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
		return v, Malformed
	}
	return v, Present
}
