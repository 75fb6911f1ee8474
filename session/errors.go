package session

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
)

const challenge = "Session"

// Codes of the refusals.
const (
	codeMissing     = "session_missing"
	codeInvalid     = "session_invalid"
	codeExpired     = "session_expired"
	codeRepeated    = "session_repeated"
	codeCrossOrigin = "cross_origin"
	codeStale       = "insufficient_user_authentication" // RFC 9470, section 3
)

// Templates of the refusals: callers get a Clone. The causes are for Observe.
var (
	errMalformed   = dead(codeInvalid, "Invalid session", errors.New("session: malformed token"))
	errUnknown     = dead(codeInvalid, "Invalid session", errors.New("session: unknown token"))
	errUndecodable = refusal(codeInvalid, "Invalid session", errors.New("session: the data cannot be decoded"))
	errExpired     = dead(codeExpired, "Session expired", errors.New("session: the deadline is past"))
	errNoSubject   = dead(codeInvalid, "Invalid session", errors.New("session: the subject no longer exists"))
	errRepeated    = &guard.Error{Status: http.StatusBadRequest, Code: codeRepeated, Message: "More than one session cookie was sent", Err: errors.New("session: repeated cookie")}
)

// refusal returns a 401. It contains the challenge, as a login handler has no
// authentication step that adds one.
func refusal(code, message string, cause error) *guard.Error {
	return &guard.Error{Status: http.StatusUnauthorized, Code: code, Message: message, Challenges: []string{challenge}, Err: cause}
}

// dead returns the refusal of a cookie that no later request can use. The
// authentication step clears it: see guard.Scheme.
func dead(code, message string, cause error) *guard.Error {
	e := refusal(code, message, cause)
	e.Dead = true
	return e
}

// unavailable returns a 503 for a store that failed.
func unavailable(operation string, err error) error {
	return guard.Unavailable(fmt.Errorf("session: %s: %w", operation, err))
}
