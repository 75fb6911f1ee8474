package passkey

import (
	"errors"
	"net/http"

	"github.com/go-guard/guard"
)

// ErrCounter is the cause of the refusal of a sign-in whose signature counter is not greater
// than the stored one: two authenticators may have the key (WebAuthn, section 6.1.1). In
// Observe, errors.Is(d.Err, ErrCounter) is the moment to mail the owner, d.Subject.
var ErrCounter error = newCause("passkey: the signature counter is not greater than the stored one: the authenticator may have been cloned")

// The refusals. Each has a cause, for Observe only, which quotes nothing of the request.

// invalid is the 401 for a response that is not accepted.
func invalid(cause error) error {
	return &guard.Error{Status: http.StatusUnauthorized, Code: "passkey_invalid", Message: "Invalid passkey", Err: cause}
}

// unknown is the 401 for a credential that is not stored. Its code is apart, so that the
// page can call PublicKeyCredential.signalUnknownCredential.
func unknown() error {
	return &guard.Error{Status: http.StatusUnauthorized, Code: "passkey_unknown", Message: "Invalid passkey", Err: errUnknown}
}

// limit is the 409 for an account with too many passkeys.
func limit() error {
	return &guard.Error{Status: http.StatusConflict, Code: "passkey_limit", Message: "The account has too many passkeys. Remove one first.", Err: errLimit}
}

// badName is the 422 for the name of a passkey.
func badName() error {
	return &guard.Error{Status: http.StatusUnprocessableEntity, Code: "name_invalid", Message: "Enter a short name, such as that of the device.", Err: errName}
}

// badRequest is the 400 for a body that is no response of an authenticator.
func badRequest(cause error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: "invalid_request", Err: cause}
}

var (
	errBody    = errors.New("passkey: the body is not one strict JSON object of a credential's toJSON")
	errTooLong = errors.New("passkey: the body is longer than 64 KiB")
	errLimit   = errors.New("passkey: the account has MaxPerAccount passkeys")
	errName    = errors.New("passkey: the name is not 1 to 64 bytes of text")
	errSubject = errors.New("passkey: the subject has no or more than 255 bytes")
)

// A cause is why a response is refused by 401.
type cause struct{ text string }

func (c *cause) Error() string { return c.text }

func newCause(text string) *cause { return &cause{text} }

var (
	errChallenge     = newCause("passkey: the challenge is none of this relying party")
	errNoCookie      = newCause("passkey: no cookie of this challenge: it was made in another browser, expired or was used")
	errTwoCookies    = newCause("passkey: two cookies of this challenge")
	errForeignCookie = newCause("passkey: the challenge's cookie is of another relying party or key")
	errCeremony      = newCause("passkey: the challenge is that of the other ceremony")
	errExpired       = newCause("passkey: the challenge is older than five minutes, or of the future")
	errUsed          = newCause("passkey: the challenge was used before")
	errAccount       = newCause("passkey: the registration was begun for another account")

	errID          = newCause("passkey: the credential's ID is malformed, or id and rawId differ")
	errType        = newCause("passkey: the credential's type is not public-key")
	errClientData  = newCause("passkey: the client data is not one strict JSON object")
	errClientType  = newCause("passkey: the client data is of another ceremony")
	errOrigin      = newCause("passkey: the origin is none of the relying party")
	errFrame       = newCause("passkey: the page was in a frame of another origin")
	errAuthData    = newCause("passkey: the authenticator data is malformed")
	errRPID        = newCause("passkey: the authenticator data is of another relying party")
	errPresence    = newCause("passkey: the authenticator had no user presence")
	errVerified    = newCause("passkey: the authenticator did not verify the user")
	errBackup      = newCause("passkey: a backup state without backup eligibility")
	errAttestation = newCause("passkey: the attestation object is malformed, or its statement or algorithm is not accepted")
	errPublicKey   = newCause("passkey: the public key is malformed, off its curve, or not of 2048 to 4096 bits RSA")
	errExists      = newCause("passkey: the credential is registered already")
	errUnknown     = newCause("passkey: the credential is not registered")
	errOther       = newCause("passkey: the credential is of another account")
	errUserHandle  = newCause("passkey: the user handle is missing or of another account")
	errSignature   = newCause("passkey: the signature is not that of the credential")
	errRemoved     = newCause("passkey: the credential was removed, or used with a greater counter, meanwhile")
)
