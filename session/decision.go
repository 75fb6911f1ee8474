package session

import (
	"context"
	"net/http"

	"github.com/go-guard/guard"
)

// conclude reports d, an action that was done, or refused with err, and returns
// the error for guard.Refuse.
func conclude(r *http.Request, d guard.Decision, err error) error {
	d.Package = "session"
	if err != nil {
		d.Pattern = r.Pattern
		return d.Deny(r.Context(), err)
	}
	d.Outcome = guard.Allowed
	d.Report(r)
	return nil
}

// concludeIn is conclude without a request at hand.
func concludeIn(ctx context.Context, d guard.Decision, err error) error {
	d.Package = "session"
	if err != nil {
		return d.Deny(ctx, err)
	}
	d.Outcome = guard.Allowed
	d.ReportTo(ctx)
	return nil
}

// subjectOf is the subject of s, for a Decision: "" if s is nil, a half sign-in or a
// guest's, which authenticate no one.
func subjectOf[D any](s *Session[D]) string {
	if s == nil {
		return ""
	}
	return s.state().subject()
}
