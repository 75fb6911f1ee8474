// Package credential reads the credential of an Authorization field, the same
// way for every package that has one there.
package field

import (
	"net/http"
	"strings"

	"github.com/go-guard/guard"
)

// A State is what a request's Authorization holds for one scheme.
type State int

// The states of a field.
const (
	Absent    State = iota // no field, or another scheme's
	Present                // one token68
	Malformed              // the scheme without a token, or with something else behind it
	Repeated               // more than one field line: which one counts would be a guess
)

// ErrRepeated is the refusal of a repeated credential.
var ErrRepeated error = &guard.Error{
	Status:  http.StatusBadRequest,
	Code:    "invalid_request",
	Message: "More than one credential was sent",
}

// Authorization is the token of the request's Authorization field under scheme,
// whose name has no case (RFC 9110, section 11.1). A token longer than limit is
// malformed and not looked at.
func Authorization(h http.Header, scheme string, limit int) (token string, s State) {
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
		return "", Malformed // not another scheme's, so it is ours and bad
	}
	v = v[1:]
	for v != "" && v[0] == ' ' && limit > 0 { // 1*SP, RFC 9110, section 11.4
		v = v[1:]
		limit--
	}
	if v == "" || len(v) > limit || !isToken68(v) {
		return "", Malformed
	}
	return v, Present
}

// isTokenChar follows RFC 9110, section 5.6.2.
func isTokenChar(c byte) bool {
	return c != '/' && not68[c] == 0 || strings.IndexByte("!#$%&'*^`|", c) >= 0
}

// isToken68 follows RFC 9110, section 11.2: the letters of base64, base64url
// and a few more, then any number of "=". It looks at eight at a time, as tokens
// are long.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	if body == "" {
		return false
	}
	var bad byte
	for ; len(body) >= 8; body = body[8:] {
		bad |= not68[body[0]] | not68[body[1]] | not68[body[2]] | not68[body[3]] |
			not68[body[4]] | not68[body[5]] | not68[body[6]] | not68[body[7]]
	}
	for i := range len(body) {
		bad |= not68[body[i]]
	}
	return bad == 0
}

// not68 is 0 for the letters of a token68, and 1 for all others.
var not68 = func() (t [256]byte) {
	for i := range t {
		t[i] = 1
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		t[c] = 0
	}
	return t
}()
