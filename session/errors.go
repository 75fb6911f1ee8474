package session

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
)

const challenge = "Session"

// Templates of the refusals: callers get a Clone. The causes are for Observe.
var (
	errMalformed   = refusal("Invalid session", errors.New("session: malformed token"))
	errUnknown     = refusal("Invalid session", errors.New("session: unknown token"))
	errUndecodable = refusal("Invalid session", errors.New("session: the data cannot be decoded"))
	errExpired     = refusal("Session expired", errors.New("session: the deadline is past"))
	errNoSubject   = refusal("Invalid session", errors.New("session: the subject no longer exists"))
	errRepeated    = &guard.Error{Status: http.StatusBadRequest, Message: "More than one session cookie was sent", Err: errors.New("session: repeated cookie")}
)

// refusal returns a 401. It contains the challenge, as a login handler has no
// authentication step that adds one.
func refusal(message string, cause error) *guard.Error {
	return &guard.Error{Status: http.StatusUnauthorized, Message: message, Challenges: []string{challenge}, Err: cause}
}

// unavailable returns a 503 for a store that failed.
func unavailable(operation string, err error) error {
	return guard.Unavailable(fmt.Errorf("session: %s: %w", operation, err))
}
