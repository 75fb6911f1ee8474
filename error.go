package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/status"
)

// Error is a refusal: how a request is answered in place of its handler. The
// zero value, a nil and a status outside 400 to 599 are answered 500.
//
// An Error that a guard returns belongs to the caller: changing it changes no
// other answer.
type Error struct {
	// Status is the status of the response, 400 to 599.
	Status int
	// Code is a short, stable name for machines, such as "insufficient_scope": what
	// clients and translations depend on. Clients see it where the error format has
	// a place for it. If empty, it is a default for the status. docs/errors.md lists
	// all of them.
	Code string
	// Message is the sentence that the client reads. If empty, it is a default
	// sentence for the status.
	Message string
	// Challenges are the WWW-Authenticate field lines. If empty, a 401 carries
	// those of the authentication step in front, or "Bearer" without one.
	Challenges []string
	// Header is set on the response, such as Retry-After. Its Set-Cookie and Vary are
	// added to those that are there.
	Header http.Header
	// Err is the cause, for Observe only: no client and no ErrorHandler sees it.
	// It must hold no credential.
	Err error

	// Dead marks the refusal of a credential that browsers send unasked (see
	// Scheme.Ambient) and that no later request can use: it is expired, unknown or
	// malformed. An outage does not make a credential dead, and one that came in
	// another way than in a cookie is not: where [Map] finds no principal, or its
	// function says Dead, the request must have no field of Scheme.Vary but Cookie.
	Dead bool

	reported *report // by [Decision.Deny]
}

// Clone returns a copy that shares nothing but the cause: guards keep an Error
// that they built once, and return a clone of it.
func (e *Error) Clone() *Error {
	if e == nil {
		return nil
	}
	c := &struct {
		Error
		challenge [1]string // most have one: it costs no allocation of its own
	}{Error: *e}
	switch len(e.Challenges) {
	case 0:
	case 1:
		c.challenge[0] = e.Challenges[0]
		c.Challenges = c.challenge[:]
	default:
		c.Challenges = slices.Clone(e.Challenges)
	}
	c.Header = e.Header.Clone()
	return &c.Error
}

// copyFor is a clone of e, which answers err: it keeps err as its cause, unless that
// is e itself.
func (e *Error) copyFor(err error) *Error {
	c := e.Clone()
	if err != error(e) {
		c.Err = err
	}
	return c
}

// Error is for logs: it includes the cause, and is never sent to a client.
func (e *Error) Error() string {
	if e == nil {
		return "guard: a nil *Error"
	}
	s := fmt.Sprintf("guard: %d %s", e.Status, http.StatusText(e.Status))
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Unauthorized is a 401: the request needs valid credentials. An empty message
// means "Authentication required".
func Unauthorized(message string) error {
	return &Error{Status: http.StatusUnauthorized, Message: message}
}

// Forbidden is a 403: the principal is denied. An empty message means "Access
// denied".
func Forbidden(message string) error {
	return &Error{Status: http.StatusForbidden, Message: message}
}

// NotFound is a 404. An empty message means "Not found".
func NotFound(message string) error {
	return &Error{Status: http.StatusNotFound, Message: message}
}

// Unavailable is a 503 for an outage, such as a store that is down; err is its
// cause. It is not a 401, 403 or 404 whatever err wraps.
func Unavailable(err error) error {
	return &Error{Status: http.StatusServiceUnavailable, Err: opaque{err}}
}

// opaque hides an ErrNoCredentials or *Error in the cause of an outage: either
// would turn it into a refusal.
type opaque struct{ error }

func (o opaque) Error() string {
	if o.error == nil {
		return "unavailable"
	}
	return o.error.Error()
}

func (o opaque) Is(target error) bool {
	return target != ErrNoCredentials && o.error != nil && errors.Is(o.error, target)
}

// Challenge returns one challenge of a WWW-Authenticate field: a scheme and pairs
// of parameter names and values, which are written as quoted-strings (RFC 9110,
// sections 5.6.4 and 11.6.1). Pairs with an empty value are omitted. It is an
// error where the scheme or a name is not a token, and where a value cannot be
// quoted: only printable ASCII can.
func Challenge(scheme string, params ...string) (string, error) {
	if !field.IsToken(scheme) {
		return "", fmt.Errorf("guard: challenge scheme %q is not a token", scheme)
	}
	if len(params)%2 != 0 {
		return "", fmt.Errorf("guard: challenge parameter %q has no value", params[len(params)-1])
	}
	var b strings.Builder
	b.WriteString(scheme)
	sep := " "
	for i := 0; i < len(params); i += 2 {
		name, value := params[i], params[i+1]
		if value == "" {
			continue
		}
		if !field.IsToken(name) {
			return "", fmt.Errorf("guard: challenge parameter name %q is not a token", name)
		}
		quoted, ok := field.Quote(value)
		if !ok {
			return "", fmt.Errorf("guard: challenge parameter %s: %q is not quotable: only printable ASCII is", name, value)
		}
		b.WriteString(sep + name + "=" + quoted)
		sep = ", "
	}
	return b.String(), nil
}

// asError finds the *Error in err's chain. A nil one does not count.
func asError(err error) (*Error, bool) {
	e, ok := errors.AsType[*Error](err)
	return e, ok && e != nil
}

// statusOf is the status with which err is answered.
func statusOf(err error) int {
	if e, ok := asError(err); ok {
		if e.Status < 400 || e.Status > 599 {
			return http.StatusInternalServerError
		}
		return e.Status
	}
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		return http.StatusInternalServerError
	case tooLarge:
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrNoCredentials):
		return http.StatusUnauthorized
	case isOutage(err):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// isOutage reports whether err is temporary. A missing file and an address that
// does not parse are not, though their errors are net.Errors.
func isOutage(err error) bool {
	type timeout interface {
		error
		Timeout() bool
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	if t, ok := errors.AsType[timeout](err); ok && t.Timeout() {
		return true
	}
	if request, ok := errors.AsType[*url.Error](err); ok && request.Op != "parse" {
		return true
	}
	_, network := errors.AsType[*net.OpError](err)
	_, name := errors.AsType[*net.DNSError](err)
	return network || name
}

// message is e's own, or the default of its status.
func (e *Error) message() string {
	if e.Message == "" {
		return status.Message(e.Status)
	}
	return e.Message
}
