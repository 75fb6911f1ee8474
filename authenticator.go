package guard

import (
	"errors"
	"net/http"
	"time"
)

// ErrNoCredentials is an authenticator's answer to a request without any of its
// credentials: the next authenticator is asked. A 401 [*Error] that wraps it
// abstains too, and its Message comes before that of Scheme.Missing. It is for a
// step such as [Require], which adds message and challenges; a handler that calls
// Authenticate itself words its own refusal.
var ErrNoCredentials = errors.New("guard: no credentials")

// An Authenticator finds out who sends a request. It must be safe for use by
// several goroutines, and it must not write a response. Where the credential covers
// the body, it may read the body, and sets Body to a reader of the same bytes.
//
// A principal or credential may also implement [Subject], [ScopeLimiter] and
// [AuthContext].
type Authenticator[P any] interface {
	// Authenticate returns the principal, or an error: ErrNoCredentials where
	// the request carries none of this authenticator's credentials, an *Error
	// where its credential is refused, and anything else is our own failure: 500, or
	// 503 for an outage (see [Refuse] and [Unavailable]).
	Authenticate(r *http.Request) (P, error)

	// Scheme describes the authenticator. It is called when a chain is built.
	Scheme() Scheme
}

// A Scheme is what holds for every request to an [Authenticator]. Challenge is
// required.
type Scheme struct {
	// Challenge is one WWW-Authenticate challenge, such as [Challenge] writes it
	// (RFC 9110, section 11.6.1).
	Challenge string
	// Alternatives are further challenges, where the credential may be sent in several
	// schemes.
	Alternatives []string
	// Vary names the request's header fields that are read. If empty, it is
	// Authorization alone.
	Vary []string
	// Missing is the message of the 401 to a request without a credential. If
	// empty, it is "Authentication required". Of several authenticators, the first
	// one's is sent.
	Missing string
	// Unknown refuses a valid credential whose principal [Map] does not find. If
	// nil, it is a 401, "Invalid credentials".
	Unknown error
	// Accepted, if not nil, sets fields of the response to a request that is
	// authenticated, before the handler runs.
	Accepted func(h http.Header)
	// Strip, if not nil, removes a credential from the URL, or from a field that
	// handlers send back, of the copy of the request that goes on. It may replace what
	// the request points to, but must not change it.
	Strip func(*http.Request)
	// Ambient is set where browsers send the credential unasked, in a cookie: it
	// clears a dead one (see Error.Dead). Under [Optional] a dead credential
	// counts as none, so that a page stays readable after its session expired. It
	// is cleared only on navigations, so that a late answer to a page's script
	// does not delete a newer cookie.
	Ambient func(http.ResponseWriter)
}

// A Subject is a credential that names whose it is, for [BySubject]. An empty
// subject belongs to no principal and is not looked up.
type Subject interface {
	Sub() string
}

// A ScopeLimiter is a principal or credential that can limit what its request may
// do, as an API key with scopes does: see [ScopeLimits]. Both are asked: a principal
// that embeds a credential of one way to sign in must answer for the others, too.
type ScopeLimiter interface {
	// ScopeLimit returns the scopes that the request may not exceed. Where
	// limited is false there is no limit; where it is true and scopes is empty,
	// nothing is allowed.
	ScopeLimit() (scopes []string, limited bool)
}

// An AuthContext is a principal or credential that knows how its subject signed in:
// a session, a token, an introspection. Package stepup asks it. What it does not
// know is the zero value, which satisfies no requirement.
type AuthContext interface {
	// AuthTime is when the subject signed in: the auth_time of OpenID Connect Core,
	// section 2. Use of the credential, its rotation and its refresh do not renew it.
	AuthTime() time.Time
	// AMR is how the subject signed in, in names of RFC 8176, such as "pwd" and "otp".
	// The caller must not modify it.
	AMR() []string
	// ACR is the authentication context class, such as the provider's name for two
	// factors (OpenID Connect Core, section 2).
	ACR() string
}
