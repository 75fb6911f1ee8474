package dpop

import (
	"net/http"

	"github.com/go-guard/guard"
)

// A reason is why a request is refused: what the client reads, and the cause, for
// Observe only. None quotes the proof or the token.
type reason struct {
	answer *answer
	cause  string
}

func (r *reason) Error() string { return "dpop: " + r.cause }

// An answer is what a client reads: word is the error of the challenge.
type answer struct{ code, word, message string }

var (
	invalidProof = &answer{"invalid_dpop_proof", "invalid_dpop_proof", "Invalid DPoP proof"}
	useNonce     = &answer{"use_dpop_nonce", "use_dpop_nonce", "A DPoP nonce is required"}
	invalidToken = &answer{"token_invalid", "invalid_token", "Invalid token"} // RFC 6750, section 3.1
)

// The reasons, in the order of the checks.
var (
	errNotBound      = &reason{invalidToken, "the token is not bound to a key"}
	errConfirmation  = &reason{invalidToken, "cnf is not an object of texts"}
	errOtherMethod   = &reason{invalidToken, "cnf has a confirmation that is not checked here"}
	errNoMethod      = &reason{invalidToken, "cnf has no confirmation"}
	errAsBearer      = &reason{invalidToken, "a token that is bound to a DPoP key was not sent in the scheme DPoP"}
	errNotDPoP       = &reason{invalidToken, "a token without a DPoP key was sent in the scheme DPoP"}
	errNoCertificate = &reason{invalidToken, "the token is bound to a client certificate, and the connection has none"}
	errCertificate   = &reason{invalidToken, "the client certificate is another than that of the token"}
	errProxyField    = &reason{invalidToken, "the proxy's field does not hold one certificate"}

	errMissing   = &reason{invalidProof, "the request has no proof"}
	errSeveral   = &reason{invalidProof, "the request has more than one proof"}
	errTooLong   = &reason{invalidProof, "the proof is longer than 4096 bytes"}
	errCompact   = &reason{invalidProof, "the proof is not three segments of base64url"}
	errHeader    = &reason{invalidProof, "the header is not one strict JSON object"}
	errPayload   = &reason{invalidProof, "the payload is not one strict JSON object"}
	errDuplicate = &reason{invalidProof, "a member name occurs twice"}
	errKind      = &reason{invalidProof, "a member is of the wrong JSON type"}
	errMembers   = &reason{invalidProof, "the header or payload has more than 64 members"}
	errType      = &reason{invalidProof, "typ is not dpop+jwt"}
	errAlgorithm = &reason{invalidProof, "alg is not one of Algorithms"}
	errCritical  = &reason{invalidProof, "crit or b64 requires an extension"}
	errNoKey     = &reason{invalidProof, "jwk is missing"}
	errPrivate   = &reason{invalidProof, "jwk has a private or a symmetric key"}
	errKeyUse    = &reason{invalidProof, "jwk is for another algorithm or use"}
	errKey       = &reason{invalidProof, "jwk is not a sound key for alg"}
	errOtherKey  = &reason{invalidProof, "jwk is another key than that of the token"}
	errSignature = &reason{invalidProof, "the signature does not verify"}
	errID        = &reason{invalidProof, "jti is missing or empty, or has more than 256 bytes"}
	errMethod    = &reason{invalidProof, "htm is not the method of the request"}
	errURL       = &reason{invalidProof, "htu is not the URL of the request"}
	errNoTime    = &reason{invalidProof, "iat is missing, or no time"}
	errOld       = &reason{invalidProof, "iat is more than 60 seconds ago"}
	errAhead     = &reason{invalidProof, "iat is more than 5 seconds ahead"}
	errExpired   = &reason{invalidProof, "exp is past"}
	errEarly     = &reason{invalidProof, "nbf is in the future"}
	errNoHash    = &reason{invalidProof, "ath is missing"}
	errHash      = &reason{invalidProof, "ath is not the hash of the token"}
	errNeedless  = &reason{invalidProof, "ath is in a proof without a token"}
	errNoNonce   = &reason{useNonce, "nonce is missing"}
	errNonce     = &reason{useNonce, "nonce is not one of this origin's keys"}
	errOldNonce  = &reason{useNonce, "nonce is older than five minutes"}
	errUsed      = &reason{invalidProof, "the proof was used before"}
)

// refuse returns the refusal for a reason: with a challenge as a 401, and without one as
// a 400 (RFC 9449, sections 5 and 7.1).
func (p *Proofs) refuse(r *reason, status int) *guard.Error {
	e := &guard.Error{Status: status, Code: r.answer.code, Message: r.answer.message, Err: r}
	if status == http.StatusUnauthorized {
		e.Challenges = append([]string{p.challenge + `, error="` + r.answer.word + `"`}, p.others...)
	}
	if p.nonces != nil && r.answer != invalidToken {
		e.Header = http.Header{nonceField: {p.nonces.next(p.now())}}
	}
	return e
}
