// Package credential finds the one credential of a request in the sources that an
// authenticator reads.
package credential

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-guard/guard/internal/field"
)

// A Source is what package source documents.
type Source struct {
	kind kind
	name string
}

type kind int

const (
	inHeader kind = iota + 1
	inProxyHeader
	inAuthorization
	inCookie
	inWebSocketProtocol
	inQuery
)

const protocolField = "Sec-Websocket-Protocol"

// The functions of package source.

func Header(name string) Source { return Source{inHeader, http.CanonicalHeaderKey(name)} }

func ProxyHeader(name string) Source { return Source{inProxyHeader, http.CanonicalHeaderKey(name)} }

func Authorization(scheme string) Source { return Source{inAuthorization, scheme} }

func Cookie(name string) Source { return Source{inCookie, name} }

func WebSocketProtocol(name string) Source { return Source{inWebSocketProtocol, name} }

func InsecureQuery(name string) Source { return Source{inQuery, name} }

func (s Source) validate() error {
	switch s.kind {
	case inHeader, inProxyHeader:
		if s.name == "Authorization" || s.name == "Cookie" || s.name == protocolField {
			return fmt.Errorf("header %q has a source of its own: Authorization, Cookie or WebSocketProtocol", s.name)
		}
		if s.kind == inHeader && addedByProxy(s.name) {
			return fmt.Errorf("header %q is added by a proxy: use ProxyHeader", s.name)
		}
		fallthrough
	case inAuthorization, inCookie, inWebSocketProtocol:
		if s.kind == inAuthorization && asksForPassword(s.name) {
			return fmt.Errorf("browsers ask for a password where a challenge has the scheme %q", s.name)
		}
		if !field.IsToken(s.name) {
			return fmt.Errorf("source name %q is not a token", s.name)
		}
	case inQuery:
		if s.name == "" {
			return errors.New("the query parameter has no name")
		}
	default:
		return errors.New("the zero Source is not valid")
	}
	return nil
}

// addedByProxy reports whether a header is known to be that of a proxy which
// authenticates browsers: Cloudflare, Google, Pomerium, Teleport, oauth2-proxy, AWS,
// Azure.
func addedByProxy(name string) bool {
	switch name {
	case "Cf-Access-Jwt-Assertion", "X-Goog-Iap-Jwt-Assertion", "X-Pomerium-Jwt-Assertion", "Teleport-Jwt-Assertion",
		"X-Auth-Request-Access-Token", "X-Forwarded-Access-Token":
		return true
	}
	return strings.HasPrefix(name, "X-Amzn-Oidc-") || strings.HasPrefix(name, "X-Ms-Token-")
}

// asksForPassword reports whether browsers have a dialog of their own for a scheme.
func asksForPassword(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "basic", "digest", "negotiate", "ntlm":
		return true
	}
	return false
}

// unasked reports whether a browser causes the credential to be sent whichever page
// makes the request.
func (s Source) unasked() bool { return s.kind == inCookie || s.kind == inProxyHeader }

// isField reports whether the value of a header field is the credential.
func (s Source) isField() bool { return s.kind == inHeader || s.kind == inProxyHeader }

// conflicts reports whether both sources would read one credential. A request may
// offer several WebSocket protocols, but only one with a token.
func (s Source) conflicts(other Source) bool {
	switch {
	case s.isField() && other.isField():
		return s.name == other.name
	case s.kind != other.kind:
		return false
	case s.kind == inAuthorization:
		return strings.EqualFold(s.name, other.name)
	}
	return s.name == other.name || s.kind == inWebSocketProtocol
}

// field is the name of the request's field that the source reads, "" for the URL.
func (s Source) field() string {
	switch s.kind {
	case inHeader, inProxyHeader:
		return s.name
	case inAuthorization:
		return "Authorization"
	case inCookie:
		return "Cookie"
	case inWebSocketProtocol:
		return protocolField
	}
	return ""
}

// read returns what the source of a request holds. An empty field or parameter
// holds nothing, as clients send it for a setting that is not set. What is longer than limit is Malformed.
func (s Source) read(r *http.Request, limit int) (text string, state field.State) {
	switch s.kind {
	case inAuthorization:
		return field.Authorization(r.Header, s.name, limit)
	case inHeader, inProxyHeader:
		text, state = single(r.Header[s.name])
	case inCookie:
		text, state = field.Cookie(r.Header, s.name)
	case inWebSocketProtocol:
		text, state = readProtocol(r, s.name)
	case inQuery:
		if text, state = field.Query(r.URL.RawQuery, s.name); text == "" && state == field.Present {
			state = field.Absent
		}
	}
	if len(text) > limit {
		state = field.Malformed
	}
	return text, state
}

func single(lines []string) (text string, state field.State) {
	switch {
	case len(lines) > 1:
		return "", field.Repeated
	case len(lines) == 0 || lines[0] == "":
		return "", field.Absent
	}
	return lines[0], field.Present
}
