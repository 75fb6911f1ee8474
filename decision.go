package guard

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// An Outcome is what a guard decided.
type Outcome string

// The outcomes of a Decision.
const (
	Allowed   Outcome = "allowed"   // the request went on
	Anonymous Outcome = "anonymous" // Optional or Lenient passed it on without a principal
	Refused   Outcome = "refused"   // the client was refused, or left before it was answered
	Failed    Outcome = "failed"    // a failure of our own: 5xx, or an outage that a fallback hides from the client
	Shadowed  Outcome = "shadowed"  // a guard in trial would have refused
)

// A Decision is what one guard decided about one request. It holds no
// credential. One refusal is one Decision.
type Decision struct {
	// Package is the package of the guard: "apikey", "bearer", "jwtauth",
	// "refresh", "session", "password", "oauth", "link", "totp", "passkey", "ratelimit",
	// "rbac", "owner", "stepup" or "webhook". For an authenticator of one's own it is the
	// last element of its package's path. It is "guard" for [HandlerFunc] without a
	// principal, and "handler" for [Refuse] in a handler.
	Package string
	// Guard is what was required, such as "role admin" or the name of a limit.
	// It may be empty.
	Guard string
	// Action is what was done, or was to be done, where a handler did more than
	// serve a request: "sign-in", "pending" (half a sign-in), "link" (a provider's account),
	// "sign-out", "refresh", "rotate", "issue", "update", "redeem", "revoke", "swap", and of
	// a second factor "enroll", "confirm", "disable", "unlock", "import" and "recovery
	// codes"; of a passkey "register", "rename" and "remove"; "bind" of a session to a
	// device; and of a webhook "handle" and "replay". It is empty for guards.
	Action string
	// Subject is who the decision is about, where that is known: the subject of
	// the credential or, without one, of the principal (see the interface
	// [Subject]). Of a webhook's actions it is the delivery's ID.
	Subject string
	Outcome Outcome
	// Status is the status of a refusal or failure, 0 for what went on.
	Status int
	// Reason is the cause's text, or else the refusal's code or message.
	Reason string
	// Pattern is the pattern of the http.ServeMux that matched, if one did.
	Pattern string
	// RetryAfter is how long a refused client has to wait, 0 if not known.
	RetryAfter time.Duration
	// Generation is the number of the policy that decided, 0 if there is none.
	Generation uint64
	// Cost is what the request took from a quota.
	Cost int
	// Err is the error of a refusal or failure, for errors.Is. Its text is for
	// operators, not for clients.
	Err error
}

// Report reports d to Observe, for guards of one's own: once per decision. A
// failure is logged where there is no Observe. Refusals are reported by Refuse
// and Deny.
func (d Decision) Report(r *http.Request) {
	d.reportTo(recorderOf(r.Context()), r.Context(), r)
}

// ReportTo is Report where there is no request at hand.
func (d Decision) ReportTo(ctx context.Context) {
	rec := recorderOf(ctx)
	if rec != nil {
		d.Pattern = "" // the recorder knows it
	}
	d.reportTo(rec, ctx, nil)
}

// reportTo reports d to rec, the recorder of ctx, or logs a failure where that is
// nil. r is nil where there is no request at hand.
func (d Decision) reportTo(rec *recorder, ctx context.Context, r *http.Request) {
	switch {
	case rec != nil:
		if r != nil {
			d.Pattern = r.Pattern
		}
		rec.report(ctx, d)
	case d.Outcome == Failed:
		d.logFailure(ctx, r)
	}
}

// Refuse answers the request with err, as [Refuse] does, and reports it as a
// decision of d's guard, unless it was reported already.
func (d Decision) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	d.refuse(w, r, err, nil)
}

func (d Decision) refuse(w http.ResponseWriter, r *http.Request, err error, challenges []string) {
	e := answerOf(err)
	d.reportDenial(recorderOf(r.Context()), r.Context(), r, err, e)
	respond(w, r, e, challenges)
}

// Deny reports err as a decision of d's guard, as Refuse does, and returns it for
// [Refuse], which does not report it again. It is for verbs that return a refusal
// to a handler. A verb that has the request sets d.Pattern. The error is an
// [*Error] of the caller's own; a nil err is returned as it is, and nothing is
// reported.
func (d Decision) Deny(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := answerOf(err).copyFor(err)
	rec := recorderOf(ctx)
	if d.reportDenial(rec, ctx, nil, err, e) {
		e.reported = &report{rec, e.Status}
	}
	return e
}

// reportDenial reports that err is answered with e, unless it was reported already.
// Without a recorder it is silent, except for a failure.
func (d Decision) reportDenial(rec *recorder, ctx context.Context, r *http.Request, err error, e *Error) (reported bool) {
	if e.reported.reached(rec, e.Status) || rec == nil && !isFailure(ctx, err, e) {
		return false
	}
	d.deny(ctx, err, e)
	d.reportTo(rec, ctx, r)
	return true
}

// answerOf is the *Error that err is answered with. It may be shared.
func answerOf(err error) *Error {
	status := statusOf(err)
	if e, ok := asError(err); ok && e.Status == status {
		return e
	}
	return &Error{Status: status}
}

// isFailure reports whether the answer e to err is a failure of our own. The end of
// a request whose client has left is none.
func isFailure(ctx context.Context, err error, e *Error) bool {
	return e.Status >= http.StatusInternalServerError && !(ctx.Err() == context.Canceled && root(err) == context.Canceled)
}

// root is the innermost error that err wraps. An error that joins several is its
// own: one of them may be a failure.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if o, ok := err.(opaque); ok {
			inner = o.error
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}

// deny makes d the decision to answer err with e.
func (d *Decision) deny(ctx context.Context, err error, e *Error) {
	d.Outcome, d.Status, d.Err = Refused, e.Status, err
	if isFailure(ctx, err, e) {
		d.Outcome = Failed
	}
	if direct, ok := err.(*Error); ok && direct != nil {
		d.Err = direct.Clone() // an observer may change it
	}
	if d.Reason == "" {
		given, _ := asError(err)
		d.Reason = reasonOf(given, err)
	}
}

// reasonOf is the Reason of a Decision: e is err's *Error, or nil.
func reasonOf(e *Error, err error) string {
	switch {
	case err == nil:
		return "refused without an error"
	case e == nil:
		return err.Error()
	case e.Err != nil:
		return e.Err.Error()
	case e.Code != "":
		return e.Code
	}
	return e.message()
}
