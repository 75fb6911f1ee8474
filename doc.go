// Package guard authenticates and authorizes requests to any net/http handler.
//
// It is the vocabulary that the packages below it share: an [Authenticator]
// finds out who sends a request, [Require], [Optional] and [Lenient] put that
// principal into the request's context, [PrincipalFrom] and [HandlerFunc] hand
// it to handlers, and [Refuse] is the one way in which a request is refused.
//
//	keys := guard.Must(apikey.New(lookup, nil))
//	mux.Handle("GET /protected", keys.Wrap(guard.HandlerFunc(hello)))
//
// # Guarantees
//
// Guards fail closed. A credential that is present and bad is refused, and no
// later authenticator is asked. A failure of our own (a store that is down, a
// lookup's error) is answered 503 or 500, never 401, 403 or 404, and its text
// reaches no client. Identity lives in the request's context and nowhere else.
// No guard wraps the http.ResponseWriter, and none makes an exception for a
// method such as OPTIONS.
//
// # Order
//
// The order that tells strangers least, outermost first: [Observe] and
// [OnError], CORS, the router, a rate limit by address, authentication, a rate
// limit by principal, roles and permissions, ownership, the handler.
//
// # Not covered
//
// Paths that shall be exempt are the router's matter: wrap the routes that need
// a guard. TLS, CORS and CSRF tokens are not provided; cookie sessions refuse
// cross-site requests themselves (see package session).
//
// Authenticators are in packages apikey, bearer, jwtauth and session; guards
// that stand behind them in rbac, owner and ratelimit.
package guard
