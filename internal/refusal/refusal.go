// Package refusal words the refusals that several guards give. Each call returns
// an error of the caller's own.
package refusal

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
)

// Sources refuses a request whose credential is Repeated, Unclear or CrossSite. A
// challenge is added to a 400 where the scheme has one for it (RFC 6750, section 3.1).
func Sources(pkg string, state field.State, challenges ...string) *guard.Error {
	if state == field.CrossSite {
		return CrossSite(pkg)
	}
	e := &guard.Error{
		Status: http.StatusBadRequest, Code: "invalid_request", Message: "More than one credential was sent",
		Challenges: challenges, Err: errors.New(pkg + ": more than one credential"),
	}
	if state == field.Unclear {
		e.Message = "The query or the list of protocols is malformed"
		e.Err = errors.New(pkg + ": the query has a semicolon or a bad escape at the credential or in a name, or more than 10,000 parameters, or there are more than 100 WebSocket protocols")
	}
	return e
}

// CrossSite refuses a credential in a cookie that a browser sent from another
// site: 403.
func CrossSite(pkg string) *guard.Error {
	return &guard.Error{
		Status: http.StatusForbidden, Code: "cross_origin", Message: "Cross-site request refused",
		Err: errors.New(pkg + ": a credential in a cookie or of a proxy, in a cross-site request"),
	}
}

// MethodNotAllowed refuses a request to a handler of other methods: 405. allow
// lists them.
func MethodNotAllowed(allow string) *guard.Error {
	return &guard.Error{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Header: http.Header{"Allow": {allow}}}
}

// InsufficientScope refuses a credential whose scopes are too narrow: 403. The
// challenge names the scopes that are needed (RFC 6750, section 3.1), which are
// scope-tokens. It is the first Bearer challenge in front, or else the first of
// any scheme, with the error added and its scope replaced; one that has an error
// already is not repeated.
func InsufficientScope(message string, challenges, needed []string, cause error) *guard.Error {
	challenge := "Bearer"
	plain := slices.DeleteFunc(slices.Clone(challenges), func(c string) bool {
		return hasParam(c, "error")
	})
	if i := slices.IndexFunc(plain, isBearer); i >= 0 {
		challenge = plain[i]
	} else if len(plain) > 0 && !slices.ContainsFunc(challenges, isBearer) {
		challenge = plain[0]
	}
	challenge = withParams(withoutScope(challenge), `error="insufficient_scope"`)
	if len(needed) > 0 {
		challenge += `, scope="` + strings.Join(needed, " ") + `"`
	}
	return &guard.Error{
		Status: http.StatusForbidden, Code: "insufficient_scope", Message: message,
		Challenges: []string{challenge}, Err: cause,
	}
}

// Challenged returns challenges with params added to each that has no error yet. Without
// any it is Bearer.
func Challenged(challenges []string, params string) (list []string) {
	for _, c := range challenges {
		if !hasParam(c, "error") {
			list = append(list, withParams(c, params))
		}
	}
	if len(list) == 0 {
		list = []string{withParams("Bearer", params)}
	}
	return list
}

// withParams adds params to a challenge.
func withParams(challenge, params string) string {
	if strings.Contains(challenge, " ") {
		return challenge + ", " + params
	}
	return challenge + " " + params
}

// withoutScope removes the scope of a challenge, which has at most one (RFC 6750,
// section 3).
func withoutScope(challenge string) string {
	if !hasParam(challenge, "scope") {
		return challenge
	}
	scheme, params, _ := strings.Cut(challenge, " ")
	var list []string
	begin, outside := 0, unquoted(params)+","
	for i := range len(outside) {
		if outside[i] != ',' {
			continue
		}
		if param := strings.TrimSpace(params[begin:i]); param != "" && !hasParam(param, "scope") {
			list = append(list, param)
		}
		begin = i + 1
	}
	return strings.TrimSpace(scheme + " " + strings.Join(list, ", "))
}

// hasParam reports whether a challenge has a parameter of this name. Quoted values
// do not count (RFC 9110, section 11.2).
func hasParam(challenge, name string) bool {
	params := strings.FieldsFunc(unquoted(challenge), func(r rune) bool { return r == ' ' || r == ',' })
	return slices.ContainsFunc(params, func(param string) bool {
		have, _, ok := strings.Cut(param, "=")
		return ok && strings.EqualFold(have, name)
	})
}

// unquoted returns text with a quotation mark for each byte of its quoted strings (RFC
// 9110, section 5.6.4).
func unquoted(text string) string {
	if !strings.Contains(text, `"`) {
		return text
	}
	outside := []byte(text)
	quoted, escaped := false, false
	for i, c := range outside {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted:
			continue
		}
		outside[i] = '"'
	}
	return string(outside)
}

func isBearer(challenge string) bool {
	scheme, _, _ := strings.Cut(challenge, " ")
	return strings.EqualFold(scheme, "Bearer")
}
