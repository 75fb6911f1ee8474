// Package source names the places in a request where a credential may be, for the
// Sources of packages apikey, bearer and jwtauth.
//
//	&jwtauth.VerifierOptions{Sources: []source.Source{source.Authorization("Bearer"), source.Cookie("token")}}
//
// A request has one credential in all sources together. The same one in several of
// them counts once; different ones are refused with 400, and so is a field, cookie or
// parameter that is sent twice. An empty field or parameter counts as none, and so does
// an empty cookie beside a credential.
//
// A body is not a source: no handler reads it before the request is authenticated.
package source

import "github.com/go-guard/guard/internal/credential"

// A Source is a place in a request where a credential may be. The zero Source is
// not valid.
type Source = credential.Source

// Header is the header field with this name, such as "X-API-Key". Its whole value
// is the credential. Authorization, Cookie, Sec-WebSocket-Protocol and headers that
// proxies are known to add have sources of their own.
func Header(name string) Source { return credential.Header(name) }

// ProxyHeader is a header field that a proxy adds after it authenticated a browser by
// a cookie of its own, such as "Cf-Access-Jwt-Assertion". Its whole value is the
// credential. The browser attaches the proxy's cookie to requests that other sites
// make, so that unsafe ones are refused as with [Cookie]. The credential must be
// signed, for a client that reaches this program around the proxy can set the header.
//
// Authorization is no such source: behind a proxy that adds it, wrap the handler in
// http.CrossOriginProtection.
func ProxyHeader(name string) Source { return credential.ProxyHeader(name) }

// Authorization is the Authorization field with this scheme, such as "Bearer" (RFC
// 9110, section 11.6.2). The scheme is read in any case, and named in challenges;
// other schemes are ignored. Basic and others for which browsers ask for a password are
// not valid. An apikey.Ring leaves credentials without its prefix to the next
// authenticator, so that it can share "Bearer" with JWTs.
func Authorization(scheme string) Source { return credential.Authorization(scheme) }

// Cookie is the cookie with this name. Browsers attach cookies to requests that
// other sites make. So unsafe requests from another origin are refused with 403
// (http.CrossOriginProtection) unless TrustedOrigins lists it: all but GET, HEAD and
// OPTIONS, which must change nothing, and also those that open a WebSocket. A request
// with the same credential in another source, but a ProxyHeader, is not refused.
//
// If the cookie's credential is malformed, unknown, revoked or expired,
// guard.Optional treats the request as anonymous, and navigations clear the cookies
// of all sources: with path / and without a domain. One that was set with another
// path or domain is not cleared. If another source also holds a credential, a refusal
// clears nothing.
//
// Two cookies of this name are refused with 400, as two credentials are, until one of
// them expires: which one counts would be a guess. A subdomain, or an older version of
// the application with another path, can cause that, but not for a name that begins
// with __Host-: a browser has at most one such cookie (RFC 6265bis, section 4.1.3.2).
func Cookie(name string) Source { return credential.Cookie(name) }

// WebSocketProtocol is the element behind name in the Sec-WebSocket-Protocol of a
// request that opens a WebSocket (RFC 6455, section 4.1). Browsers can set no other
// header there:
//
//	new WebSocket(url, ["bearer", token, "chat"])
//
// The token is removed from the request that inner handlers see, so that none sends
// it back. The name remains, as the last one: a browser accepts the connection only if
// the server selects one of its protocols, "bearer" or "chat" here. Browsers send
// tokens of letters, digits and -._~+ here, as JWTs are, and no others. More than 100
// protocols are refused with 400.
func WebSocketProtocol(name string) Source { return credential.WebSocketProtocol(name) }

// InsecureQuery is the query parameter with this name. URLs end in the access logs
// of every proxy, in browser histories and in Referer headers (RFC 6750, section
// 2.3): use it only for clients that can send nothing else. The parameter is removed
// from the URL that inner handlers see; outer handlers still see it.
//
// A query in which readers may differ about the parameter is refused with 400: with
// more than 10,000 parameters, with a bad escape in its value or in a name, or with a
// semicolon before or behind it.
func InsecureQuery(name string) Source { return credential.InsecureQuery(name) }
