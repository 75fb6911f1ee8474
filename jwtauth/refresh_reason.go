package jwtauth

import (
	"errors"
	"net/http"

	"github.com/go-guard/guard"
)

// A ReuseError is behind the refusal of a refresh token that was used before.
// Its family has been ended. It is for operators, who find it with errors.As in
// guard.Decision.Err.
type ReuseError struct {
	// Subject is whose login it was.
	Subject string
	// SessionID is the sid of the login's access tokens.
	SessionID string
}

// Error does not tell the subject, which may be personal.
func (e *ReuseError) Error() string {
	return "jwtauth: a refresh token was used again: session " + e.SessionID + " was ended"
}

// The reasons of refusals, for Observe.
var (
	errForged       = errors.New("jwtauth: no refresh token of this issuer")
	errForeign      = errors.New("jwtauth: the refresh token is of another subject")
	errLoginExpired = errors.New("jwtauth: the login has expired")
	errNoFamily     = errors.New("jwtauth: the login has ended, or was idle for too long")
	errNoLogin      = errors.New("jwtauth: the subject is gone")
)

// invalidGrant is what RFC 6749, section 5.2, calls an invalid refresh token;
// the status is the guide's.
const invalidGrant = "invalid_grant"

// refuse is the one refusal of a refresh token, whatever the reason.
func (r *Refresher[C]) refuse(reason error) error {
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: invalidGrant, Message: "Invalid refresh token",
		Challenges: []string{r.issuer.verifier.challenge}, Err: reason,
	}
}

func badLogout(reason error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: invalidGrant, Message: invalidToken, Err: reason}
}

// decision is what came of a refresh or logout.
func decision(what string, err error) guard.Decision {
	d := guard.Decision{Package: "jwtauth", Guard: what, Outcome: guard.Allowed}
	if err == nil {
		return d
	}
	d.Outcome, d.Status, d.Reason, d.Err = guard.Failed, http.StatusInternalServerError, err.Error(), err
	if e, ok := errors.AsType[*guard.Error](err); ok {
		if d.Status = e.Status; e.Status < 500 {
			d.Outcome = guard.Refused
		}
		if e.Err != nil {
			d.Reason = e.Err.Error()
		}
	}
	return d
}
