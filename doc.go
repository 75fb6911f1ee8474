// Package guard authenticates and authorizes requests to any net/http handler.
//
// It is the vocabulary of the packages below it. An [Authenticator] finds out
// who sends a request. [Require], [Optional] and [Lenient] put that principal
// into the request's context. [PrincipalFrom] and [HandlerFunc] give it to
// handlers. [Refuse] answers a request with an error.
//
//	keys := guard.Must(apikey.New(lookup, nil))
//	mux.Handle("GET /protected", keys.Wrap(guard.HandlerFunc(hello)))
//
// # Guarantees
//
// Guards fail closed. A bad credential is refused, and no later authenticator
// is asked. A failure of our own (a store that is down, a lookup's error) is
// answered 503 or 500, never 401, 403 or 404, and its text reaches no client.
// Identity lives in the request's context and nowhere else. No guard wraps the
// http.ResponseWriter, and none makes an exception for a method such as OPTIONS.
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
// Authenticators are in packages apikey, bearer, jwtauth, session and webhook, guards
// that run behind them in rbac, owner and ratelimit, and other error formats
// than [JSON] in format.
package guard
