package webhook

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/go-guard/guard"
)

// The causes of a 401, for Observe.
var (
	errRepeated = errors.New("webhook: a field, or the time in it, was sent twice")
	errLong     = fmt.Errorf("webhook: the signature field has more than %d bytes", maxField)
	errTooMany  = fmt.Errorf("webhook: more than %d signatures", maxSignatures)
	errNone     = errors.New("webhook: no signature of the version and algorithm that this sender uses")
	errNoTime   = errors.New("webhook: no time")
	errTime     = errors.New("webhook: the time is not in Unix seconds")
	errOld      = fmt.Errorf("webhook: it is older than %v, or the clocks differ", tolerance)
	errFuture   = fmt.Errorf("webhook: it is newer than %v from now, or the clocks differ", tolerance)
	errMismatch = errors.New("webhook: no signature is that of this content: something was altered, or the secret is another one")
)

// The causes of a 400.
var (
	errNoID     = errors.New("webhook: no id, or several")
	errID       = fmt.Errorf("webhook: the id is longer than %d bytes, is not printable ASCII, or has the character behind {id} in Content", maxID)
	errType     = fmt.Errorf("webhook: the type was sent twice, or is longer than %d bytes", maxID)
	errNotFound = errors.New("webhook: the challenge is missing")
)

// invalid is the 401 for every delivery whose signature does not count.
func invalid(cause error) error {
	return &guard.Error{
		Status: http.StatusUnauthorized, Code: "signature_invalid", Message: message, Challenges: []string{challenge}, Err: cause,
	}
}

const (
	message   = "Invalid signature"
	challenge = "Webhook"
)

// malformed is the 400 for a delivery that its form has no reading for.
func malformed(cause error) error {
	return &guard.Error{Status: http.StatusBadRequest, Code: "delivery_invalid", Message: "Invalid delivery", Err: cause}
}

// inProgress is the 409 for a delivery that another request is handling. The sender
// tries again.
func inProgress() error {
	return &guard.Error{
		Status: http.StatusConflict, Code: "delivery_in_progress", Message: "The delivery is being handled",
		Header: http.Header{"Retry-After": {"10"}}, Err: errBusy,
	}
}

var errBusy = errors.New("webhook: another request is handling this delivery")
