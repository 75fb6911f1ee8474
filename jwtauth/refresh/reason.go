package refresh

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-guard/guard"
)

// A ReuseError is the cause of a refusal because a refresh token was used again;
// its family has ended. It is for operators: find it in guard.Decision.Err with
// errors.As.
type ReuseError struct {
	// Subject is the subject of the login.
	Subject string
	// SessionID is the sid claim of the login's access tokens.
	SessionID string
}

// Error does not contain the subject, which may be personal data.
func (e *ReuseError) Error() string {
	return "refresh: a refresh token was used again: session " + e.SessionID + " was ended"
}

// The reasons of refusals, for Observe.
var (
	errForged    = errors.New("refresh: not a refresh token of this issuer")
	errForeign   = errors.New("refresh: the refresh token belongs to another subject")
	errExpired   = errors.New("refresh: the login has expired")
	errEnded     = errors.New("refresh: the login has ended or was idle for too long")
	errNoSubject = errors.New("refresh: the subject does not exist")
)

// invalidGrant is the code of an invalid refresh token (RFC 6749, section 5.2).
// That section's status is 400; ours, 401, is the guide's.
const invalidGrant = "invalid_grant"

// refuse returns the refusal of a refresh token, which is the same for every
// reason.
func (r *Refresher[C]) refuse(reason error) error {
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: invalidGrant, Message: "Invalid refresh token",
		Challenges: []string{r.challenge}, Err: reason,
	}
}

func refuseLogout(reason error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: invalidGrant, Message: "Invalid token", Err: reason}
}

// unavailable is guard.Unavailable with a cause that errors.As finds.
func unavailable(cause error) error {
	return &guard.Error{Status: http.StatusServiceUnavailable, Err: cause}
}

func decision(guardName string) guard.Decision {
	return guard.Decision{Package: "refresh", Guard: guardName, Outcome: guard.Allowed}
}

// report reports the outcome of a method to Observe, and returns err as the
// caller's own copy.
func report(ctx context.Context, guardName string, err error) error {
	if err != nil {
		return decision(guardName).Deny(ctx, err)
	}
	decision(guardName).ReportTo(ctx)
	return nil
}
