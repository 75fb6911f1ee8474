package link

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
)

// ErrInvalid is the cause of a refused link or code, for a form that shows it in place.
// Its text, for Observe, says why.
var ErrInvalid = errors.New("link: invalid")

// The causes of a refusal.
var (
	errMalformed      = fmt.Errorf("%w: malformed, or longer than a token", ErrInvalid)
	errForged         = fmt.Errorf("%w: forged, or of another purpose, URL or key", ErrInvalid)
	errExpired        = fmt.Errorf("%w: expired", ErrInvalid)
	errFuture         = fmt.Errorf("%w: it expires later than one that is issued now", ErrInvalid)
	errUnknownSubject = fmt.Errorf("%w: the subject does not exist any more", ErrInvalid)
	errState          = fmt.Errorf("%w: the state has changed since it was issued", ErrInvalid)
	errBusy           = fmt.Errorf("%w: another request redeems it, or one of the same state, at this time", ErrInvalid)
	errSpent          = fmt.Errorf("%w: one of the same state was redeemed before, and the state has not changed since, or has come back", ErrInvalid)
	errCode           = fmt.Errorf("%w: a wrong or expired code, or of another state", ErrInvalid)
	errCodeMalformed  = fmt.Errorf("%w: not a code of as many digits", ErrInvalid)
	errCodeUnknown    = fmt.Errorf("%w: a code of an unknown subject", ErrInvalid)
)

// invalidLink is the 400 for every link that does not work.
func invalidLink(cause error) error {
	return &guard.Error{
		Status: http.StatusBadRequest, Code: "link_invalid", Message: "Invalid or expired link", Err: cause,
		Header: http.Header{"Referrer-Policy": {"no-referrer"}}, // the URL may have the token
	}
}

// invalidCode is the 400 for every code that does not work.
func invalidCode(cause error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: "code_invalid", Message: "Invalid or expired code", Err: cause}
}

// errNotIssued is in the decision about a subject that does not exist. It is not
// returned: a handler that passed it on would reveal to everyone who has an account.
var errNotIssued = errors.New("link: the subject does not exist: nothing was issued")
