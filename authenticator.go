package guard

import (
	"errors"
	"net/http"
)

// ErrNoCredentials is an authenticator's answer to a request that carries none
// of its credentials: the next authenticator is asked. An [*Error] that wraps
// it abstains too, and names what was missing.
var ErrNoCredentials = errors.New("guard: no credentials")

// An Authenticator finds out who sends a request. It must be safe for use by
// several goroutines, and it must not write.
//
// One that reads another header than Authorization also has a method
// Vary() []string that names it, and one whose credentials can be mapped to
// principals that may be gone has a method Unknown() error: the refusal of a
// credential that proves nobody known. One that finds its credential where it
// must not stay, in the URL, has a method Hide() func(*http.Request): what it
// returns, unless nil, takes the credential out of the copy of the request that
// goes on, and may replace but not change what the request points to.
type Authenticator[P any] interface {
	// Authenticate returns the principal, or an error: ErrNoCredentials where
	// the request carries none of this authenticator's credentials, an *Error
	// where it refuses the one there is, and anything else is our own failure.
	Authenticate(r *http.Request) (P, error)

	// Challenge returns one WWW-Authenticate challenge, such as the one that
	// [Challenge] writes (RFC 9110, section 11.6.1). It is called once, when
	// the chain is built.
	Challenge() string
}

// Require passes on requests that one of the authenticators knows, with its
// principal in their context, and refuses all others. Authenticators are asked
// in order; the first that does not abstain decides, so that a bad credential
// never falls through to the next.
//
// Where all abstain, the 401 has the challenges of all and the message of the
// first, which its Options.Missing sets. Credentials of several kinds need one
// type of principal:
//
//	guard.Require(guard.BySubject(tokens, load), guard.BySubject(sessions, load))
func Require[P any](a ...Authenticator[P]) Middleware { return newStep(require, a).wrap }

// Optional is Require that also passes on requests without any credential; for
// them PrincipalFrom reports nobody. A bad credential is refused all the same.
func Optional[P any](a ...Authenticator[P]) Middleware { return newStep(optional, a).wrap }

// Lenient is Optional that takes a refused credential for none: what would be
// 401 is nobody. 400, 403 and failures of our own stay what they are.
func Lenient[P any](a ...Authenticator[P]) Middleware { return newStep(lenient, a).wrap }
