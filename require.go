package guard

// Require passes on requests that one of the authenticators accepts, with the
// principal in their context, and refuses all others. Authenticators are asked
// in order; the first that does not abstain decides, so that a bad credential
// never falls through to the next.
//
// Where all abstain, the 401 has the challenges of all and the message of the
// first (Scheme.Missing), which its Options.Missing sets. Credentials of several kinds need one
// type of principal:
//
//	guard.Require(guard.BySubject(tokens, load), guard.BySubject(sessions, load))
func Require[P any](a ...Authenticator[P]) Middleware { return newStep(require, a).wrap }

// Optional is Require that also passes on requests without any credential; for
// them PrincipalFrom reports false. A bad credential is still refused, except for
// a dead one that a browser sent unasked, such as an expired session's cookie: it
// counts as none, and is cleared.
func Optional[P any](a ...Authenticator[P]) Middleware { return newStep(optional, a).wrap }

// Lenient is Optional that treats a refused credential as none: what would be
// 401 is anonymous. 400, 403 and failures of our own remain as they are.
func Lenient[P any](a ...Authenticator[P]) Middleware { return newStep(lenient, a).wrap }

type mode int

const (
	require mode = iota
	optional
	lenient
)

// vary names the fields that select an answer. Require needs no Vary for
// Authorization: shared caches do not store such answers (RFC 9111, section
// 3.5). An answer that anonymous callers also get varies by every field.
func (s Scheme) vary(m mode) []string {
	if len(s.Vary) > 0 || m == require {
		return s.Vary
	}
	return []string{"Authorization"}
}
