package jwtauth

import "github.com/go-guard/guard/internal/strictjson"

// A reason is why a token is refused: the message and code for the client, and
// the cause, for Observe only. None quotes the token.
type reason struct {
	answer
	cause string
}

func (r *reason) Error() string { return "jwtauth: " + r.cause }

// A pending reason may not hold for a later request: a newer key may verify the
// token.
type pending struct{ *reason }

// An answer is what a client reads. The code is finer than the error of the
// challenge, which is always invalid_token (RFC 6750, section 3.1).
type answer struct{ code, message string }

var (
	invalidToken  = answer{"token_invalid", "Invalid token"}
	tokenExpired  = answer{"token_expired", "Token expired"}
	notYetValid   = answer{"token_not_yet_valid", "Token not yet valid"}
	invalidType   = answer{"token_type_invalid", "Invalid token type"}
	invalidIssuer = answer{"token_issuer_invalid", "Invalid issuer"}
	invalidAud    = answer{"token_audience_invalid", "Invalid audience"}
	tokenRevoked  = answer{"token_revoked", "Token revoked"}
)

// The reasons, in the order of the checks.
var (
	errMalformed = &reason{invalidToken, "the credential is not one token"}
	errTooLong   = &reason{invalidToken, "the token is longer than MaxTokenBytes"}
	errSegments  = &reason{invalidToken, "the token does not have three segments"}
	errEncrypted = &reason{invalidToken, "the token has the five segments of an encrypted one (JWE)"}
	errPadded    = &reason{invalidToken, "a segment has base64 padding"}
	errBase64    = &reason{invalidToken, "a segment is not strict base64url"}

	errJSON          = &reason{invalidToken, "a segment is not one strict JSON object"}
	errDuplicate     = &reason{invalidToken, "a member name occurs twice"}
	errCase          = &reason{invalidToken, "a member name differs from a known one in case only"}
	errHeaderMembers = &reason{invalidToken, "the header has more than 64 members"}
	errMembers       = &reason{invalidToken, "the payload has more members than MaxTokenBytes allows"}
	errKind          = &reason{invalidToken, "a registered member is of the wrong JSON type"}

	errAlgorithm    = &reason{invalidToken, "alg is not the key's"}
	errNotAllowed   = &reason{invalidToken, "alg is not one of Algorithms"}
	errCritical     = &reason{invalidToken, "crit or b64 requires an extension"}
	errHeaderType   = &reason{invalidToken, "typ is not accepted"}
	errKeyID        = &reason{invalidToken, "kid is empty or too long"}
	errUnknownKey   = &reason{invalidToken, "no key of this kid and alg"}
	errAmbiguousKey = &reason{invalidToken, "the token names none of several keys"}
	errSignature    = &reason{invalidToken, "the signature does not verify"}
	errNotTrusted   = &reason{invalidToken, "iss is missing, or names none of several issuers"}
	errNotAsked     = &reason{invalidToken, "iss is not an https URL that TrustFunc may be asked about"}

	errNoType         = &reason{invalidType, "type is missing"}
	errType           = &reason{invalidType, "type has another value"}
	errNoExpiry       = &reason{tokenExpired, "exp is missing"}
	errExpired        = &reason{tokenExpired, "exp is past"}
	errNoIssuer       = &reason{invalidIssuer, "iss is missing"}
	errIssuer         = &reason{invalidIssuer, "iss has another value"}
	errNoAudience     = &reason{invalidAud, "aud is missing"}
	errAudience       = &reason{invalidAud, "aud has only other values"}
	errNotBefore      = &reason{notYetValid, "nbf is in the future"}
	errNoIssuedAt     = &reason{invalidToken, "iat is missing, and MaxAge needs it"}
	errIssuedLater    = &reason{notYetValid, "iat is in the future"}
	errTooOld         = &reason{tokenExpired, "iat is longer ago than MaxAge"}
	errDate           = &reason{invalidToken, "a date is negative or out of range"}
	errBound          = &reason{invalidToken, "cnf binds the token to a key, which is not checked"}
	errNoSubject      = &reason{invalidToken, "sub is missing or empty"}
	errSubjectNumber  = &reason{invalidToken, "sub is a number, not a string"}
	errNoMapping      = &reason{invalidToken, "sub is missing, and Subject has no answer"}
	errOthersSubject  = &reason{invalidToken, "sub begins with the Prefix of another issuer"}
	errClaims         = &reason{invalidToken, "the claims do not fit their Go type"}
	errNoID           = &reason{invalidToken, "the token has neither jti nor sid"}
	errDenied         = &reason{tokenRevoked, "the token or its session is denied"}
	errReserved       = &reason{invalidToken, "a registered claim is not a private one"}
	errSubjectUnknown = &reason{invalidToken, "the subject is unknown"}
)

// reasonOf returns why a header or payload is not strict JSON. tooMany is that of
// too many members.
func reasonOf(err strictjson.Error, tooMany *reason) *reason {
	switch err.Reason {
	case strictjson.Repeated:
		return errDuplicate
	case strictjson.Case:
		return errCase
	case strictjson.Members:
		return tooMany
	case strictjson.Type:
		return errKind
	case strictjson.Rejected:
		return errReserved
	}
	return errJSON
}
