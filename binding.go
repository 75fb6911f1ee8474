package guard

import "net/http"

// A Binding checks that the sender of a token has the key that the token is bound to
// (RFC 7800): a stolen token is useless without the key. It is the option Bound of
// packages jwtauth and bearer, and package dpop has two of them. It must be safe for use
// by several goroutines, and it must not write to the client.
type Binding interface {
	// Challenges are the WWW-Authenticate challenges without an error, one for each
	// scheme that tokens may be sent in. It is called when a guard is made.
	Challenges() []string

	// Confirm checks a token that is valid otherwise: its signature, its time and its
	// scopes. It is called at each request, also where the token is cached.
	//
	// scheme is that of the Authorization field, as the guard spells it: "DPoP" or
	// "Bearer". It is empty for a token from elsewhere. token is as it was sent. cnf is the
	// JSON text of that claim of the token, or of that member of its introspection, and any
	// JSON value. It is empty for a token that is not bound, which Confirm decides about as
	// well.
	//
	// An *Error is a refusal, and any other error is our own failure. The guard adds the
	// realm to the challenges of a refusal.
	Confirm(r *http.Request, scheme, token, cnf string) error

	// Accepted sets fields of the response to a request that is authenticated.
	Accepted(h http.Header)
}
