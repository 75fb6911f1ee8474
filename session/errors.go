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
	codeCrossOrigin = "cross_origin"
	codePending     = "signin_pending"
	codeEnded       = "signin_ended"
	codeTooMany     = "too_many_cookies"
	codeSignedIn    = "signed_in"
	codeDevice      = "session_device"
	codeDeviceProof = "device_proof"
	codeNotBound    = "device_required"
)

// Templates of the refusals: callers get a Clone. The causes are for Observe.
var (
	errMalformed = dead(codeInvalid, "Invalid session", errors.New("session: malformed token"))
	errUnknown   = dead(codeInvalid, "Invalid session", errors.New("session: unknown token"))
	errFuture    = dead(codeInvalid, "Invalid session", errors.New("session: it is from the future: the clock was set back, or that of another process is fast"))
	errExpired   = dead(codeExpired, "Session expired", errors.New("session: the deadline is past"))
	errNoSubject = dead(codeInvalid, "Invalid session", errors.New("session: the subject no longer exists"))
	errEnded     = refusal(codeEnded, "Sign in again", ErrEnded)
	errOutdated  = dead(codeEnded, "Sign in again", ErrEnded)
	errSpent     = refusal(codeEnded, "Sign in again", errors.New("session: the half sign-in was completed or ended meanwhile"))
)

// These refuse a guest's session where another is alive, which it would end.
var (
	errSignedIn = conflict("Already signed in", errors.New("session: Guest for a request that is signed in"))
	errPending  = conflict("Complete the sign-in first", errors.New("session: Guest for a half sign-in"))
)

func conflict(message string, cause error) *guard.Error {
	return &guard.Error{Status: http.StatusConflict, Code: codeSignedIn, Message: message, Err: cause}
}

// errForeign is a mistake of the program.
var errForeign = errors.New("session: the session is another manager's")

// Templates of the refusals of several cookies.
var (
	errAllDead   = dead(codeInvalid, "Invalid session", errors.New("session: none of several cookies is of a live session"))
	errSubjects  = dead(codeInvalid, "Invalid session", errors.New("session: cookies of several subjects, whose sessions were ended"))
	errTooMany   = dead(codeInvalid, "Invalid session", fmt.Errorf("session: more than %d cookies", maxCandidates))
	errUnique    = dead(codeInvalid, "Invalid session", errors.New("session: several cookies of a name that a browser can have only one of"))
	errNoBrowser = &guard.Error{Status: http.StatusRequestHeaderFieldsTooLarge, Code: codeTooMany, Message: "Too many session cookies were sent", Err: errors.New("session: more cookies than a browser has")}
)

// Templates of the refusals of bound sessions. Those without a bound cookie abstain:
// behind guard.Optional, such as on the page to sign in, the request is anonymous. The
// session's cookie is not cleared, as the browser may refresh the bound one.
var (
	errNoBoundCookie  = ofDevice("the session is bound to a device, and the request has no bound cookie")
	errOldBoundCookie = ofDevice("the session is bound to a device, and the bound cookie has expired")
	errBadBoundCookie = ofDevice("the session is bound to a device, and the bound cookie is not the session's")
	errNoDevice       = ofDevice("the session is bound to a device, and this manager has no ExperimentalDevice")
	errSecondKey      = refusal(codeDevice, boundElsewhere, errors.New("session: a second key was registered for the session, which was ended"))
	errGone           = refusal(codeInvalid, "Invalid session", errors.New("session: the session of the device has ended"))
	errNotBound       = &guard.Error{Status: http.StatusForbidden, Code: codeNotBound, Message: "The session must be bound to a device", Err: errors.New("session: it is not bound to a device")}
)

func ofDevice(cause string) *guard.Error {
	return refusal(codeDevice, boundElsewhere, fmt.Errorf("session: %s: %w", cause, guard.ErrNoCredentials))
}

const boundElsewhere = "Session is bound to another device"

// errHalf abstains: a half sign-in counts as no credential where a session is wanted. Its
// cookie is not cleared.
var errHalf = fmt.Errorf("session: a half sign-in: %w", guard.ErrNoCredentials)

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

// isRefusal reports whether err refuses a session, and is no failure.
func isRefusal(err error) bool {
	e, ok := errors.AsType[*guard.Error](err)
	return ok && e.Status == http.StatusUnauthorized
}

// isOutage reports whether err is of [unavailable].
func isOutage(err error) bool {
	e, ok := errors.AsType[*guard.Error](err)
	return ok && e.Status == http.StatusServiceUnavailable
}

// unavailable returns a 503 for a store that failed.
func unavailable(operation string, err error) error {
	return guard.Unavailable(fmt.Errorf("session: %s: %w", operation, err))
}
