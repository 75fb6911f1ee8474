package jwtauth

// A refusal is why a token is refused: what the client reads, and the precise
// reason, which only Observe is told. Neither quotes the token.
type refusal struct{ message, reason string }

func (r *refusal) Error() string { return "jwtauth: " + r.reason }

const (
	invalidToken  = "Invalid token"
	tokenExpired  = "Token expired"
	notYetValid   = "Token not yet valid"
	invalidType   = "Invalid token type"
	invalidIssuer = "Invalid issuer"
	invalidAud    = "Invalid audience"
	tokenRevoked  = "Token revoked"
)

// The reasons, in the order in which they are looked for.
var (
	errMalformed = &refusal{invalidToken, "the credential is no single token, or too long"}
	errTooLong   = &refusal{invalidToken, "the token is longer than MaxTokenBytes"}
	errSegments  = &refusal{invalidToken, "the token has not three segments"}
	errBase64    = &refusal{invalidToken, "a segment is not strict base64url"}

	errJSON      = &refusal{invalidToken, "a segment is not one strict JSON object"}
	errDuplicate = &refusal{invalidToken, "a member name stands twice"}
	errCase      = &refusal{invalidToken, "a member name differs from a known one in case only"}
	errMembers   = &refusal{invalidToken, "a segment has too many members"}
	errKind      = &refusal{invalidToken, "a registered member is of the wrong JSON type"}

	errAlgorithm    = &refusal{invalidToken, "alg is not the key's"}
	errCritical     = &refusal{invalidToken, "crit or b64 asks for an extension"}
	errHeaderType   = &refusal{invalidToken, "typ is of another kind of token"}
	errKeyID        = &refusal{invalidToken, "kid is empty or too long"}
	errUnknownKey   = &refusal{invalidToken, "no key of this kid and alg"}
	errAmbiguousKey = &refusal{invalidToken, "the token names none of several keys"}
	errSignature    = &refusal{invalidToken, "the signature does not verify"}

	errNoType      = &refusal{invalidType, "type is missing"}
	errType        = &refusal{invalidType, "type is another"}
	errNoExpiry    = &refusal{tokenExpired, "exp is missing"}
	errExpired     = &refusal{tokenExpired, "exp is past"}
	errNoIssuer    = &refusal{invalidIssuer, "iss is missing"}
	errIssuer      = &refusal{invalidIssuer, "iss is another"}
	errNoAudience  = &refusal{invalidAud, "aud is missing"}
	errAudience    = &refusal{invalidAud, "aud names others only"}
	errNotBefore   = &refusal{notYetValid, "nbf is in the future"}
	errIssuedLater = &refusal{notYetValid, "iat is in the future"}
	errDate        = &refusal{invalidToken, "a date is negative or out of range"}
	errBound       = &refusal{invalidToken, "cnf binds the token to a key that nothing here checks"}
	errNoSubject   = &refusal{invalidToken, "sub is missing or empty"}
	errClaims      = &refusal{invalidToken, "the claims do not fit their Go type"}
	errNoID        = &refusal{invalidToken, "the token has neither jti nor sid to be denied by"}
	errDenied      = &refusal{tokenRevoked, "the token or its session is denied"}
	errReserved    = &refusal{invalidToken, "a registered claim is not a private one"}
	errNobody      = &refusal{invalidToken, "the subject is gone"}
)

// commonRefusals are those that cost a stranger nothing to cause, and the one
// that every client causes in time.
var commonRefusals = []*refusal{
	errMalformed, errTooLong, errSegments, errBase64, errJSON, errAlgorithm, errHeaderType, errUnknownKey, errSignature, errExpired,
}
