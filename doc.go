// Package guard authenticates and authorizes requests to any net/http handler.
//
// It is the vocabulary of the packages below it. An [Authenticator] finds the
// principal of a request. [Require], [Optional] and [Lenient] put the principal into
// the request's context. [PrincipalFrom] and [HandlerFunc] pass it to handlers.
// [Refuse] answers a request with an error.
//
//	keys := guard.Must(apikey.New(lookup, nil))
//	mux.Handle("GET /protected", keys.Wrap(guard.HandlerFunc(hello)))
//
// # Guarantees
//
// Guards fail closed. A bad credential is refused, and no later authenticator is
// asked. A failure of our own (a store that is down, a lookup's error) is answered 503
// or 500, never 401, 403 or 404, and its text reaches no client. The principal is in
// the request's context and nowhere else. No guard wraps the http.ResponseWriter, and
// none makes an exception for a method such as OPTIONS.
//
// # Order
//
// The order that reveals least to anonymous callers, outermost first: [Observe]
// and [OnError], CORS, the router, a rate limit by address, authentication, a
// rate limit by principal, roles and permissions, ownership, the handler.
//
// # Not covered
//
// Exempt paths belong to the router: wrap the routes that need a guard. TLS,
// CORS and CSRF tokens are not provided; cookie sessions refuse cross-site
// requests themselves (see package session).
//
// Packages apikey, bearer, jwtauth, session and webhook have authenticators. Packages
// rbac, owner, ratelimit and stepup have the guards that run behind them. Package format has
// error formats other than [JSON].
package guard
