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
	errNoToken   = errors.New("refresh: no refresh token, or two cookies with one")
	errForeign   = errors.New("refresh: the refresh token belongs to another subject")
	errExpired   = errors.New("refresh: the login has expired")
	errRepeated  = errors.New("refresh: the refresh token was repeated within the grace period, after its successor was used")
	errEnded     = errors.New("refresh: the login has ended or was idle for too long")
	errMoved     = errors.New("refresh: the subject's credential epoch has moved since its credentials were verified")
	errRefEnded  = errors.New("refresh: the login at the other system has ended")
	errUnproved  = errors.New("refresh: the login is bound to a key, and the request has no proof of it")
	errOtherKey  = errors.New("refresh: the login is bound to another key")
	errNoSubject = errors.New("refresh: the subject does not exist")
)

// Codes of the refusals of a refresh token. RFC 6749, section 5.2, has one word for
// all of them, invalid_grant, and the status 400; ours, 401, is the guide's.
const (
	codeInvalid = "refresh_token_invalid"
	codeExpired = "refresh_token_expired"
)

// refuse returns the refusal of a refresh token. Its message is the same for every
// reason. Only a client that has a genuine token learns that it has expired.
func (r *Refresher[C]) refuse(reason error) error {
	code := codeInvalid
	if reason == errExpired {
		code = codeExpired
	}
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: code, Message: "Invalid refresh token",
		Challenges: []string{r.challenge}, Err: reason,
	}
}

// refuseStart returns the refusal of a login.
func (r *Refresher[C]) refuseStart() error {
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: "subject_unknown", Message: "Invalid credentials",
		Challenges: []string{r.challenge}, Err: errNoSubject,
	}
}

// refuseStale returns the refusal of a login that relies on what has ended meanwhile.
func (r *Refresher[C]) refuseStale(reason error) error {
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: "signin_ended", Message: "Sign in again",
		Challenges: []string{r.challenge}, Err: reason,
	}
}

func refuseLogout(reason error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: codeInvalid, Message: "Invalid token", Err: reason}
}

// unavailable is guard.Unavailable with a cause that errors.As finds.
func unavailable(cause error) error {
	return &guard.Error{Status: http.StatusServiceUnavailable, Err: cause}
}

// Guards of a sign-out of more than one login.
const (
	allLogins   = "all logins"
	loginsOfRef = "logins of a ref"
)

func decision(action, subject string) guard.Decision {
	return guard.Decision{Package: "refresh", Action: action, Subject: subject, Outcome: guard.Allowed}
}

// report reports d, or its refusal by err, to Observe, and returns err as the
// caller's own copy.
func report(ctx context.Context, d guard.Decision, err error) error {
	if err != nil {
		return d.Deny(ctx, err)
	}
	d.ReportTo(ctx)
	return nil
}
