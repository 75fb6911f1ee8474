package guardtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/go-guard/guard"
)

// A Recorder holds the decisions of guards. The zero value is ready for use. It is
// safe for use by several goroutines, and must not be copied.
type Recorder struct {
	mu        sync.Mutex
	decisions []guard.Decision
}

// Observe records the decisions of the guards inside next. It is a
// guard.Middleware, and belongs outermost.
func (r *Recorder) Observe(next http.Handler) http.Handler {
	return guard.Observe(func(_ *http.Request, d guard.Decision) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.decisions = append(r.decisions, d)
	})(next)
}

// Decisions returns the decisions so far, in order.
func (r *Recorder) Decisions() []guard.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.decisions)
}

// Reset removes all decisions.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decisions = nil
}

// String returns one line per decision, for the message of a test that fails.
func (r *Recorder) String() string {
	var lines []string
	for _, d := range r.Decisions() {
		lines = append(lines, describe(&d))
	}
	if len(lines) == 0 {
		return "no decisions"
	}
	return strings.Join(lines, "\n")
}

// describe returns a line such as
//
//	rbac, role admin: refused 403, subject "2": rbac: not granted: "user"
func describe(d *guard.Decision) string {
	var b strings.Builder
	b.WriteString(d.Package)
	for _, part := range []string{d.Guard, d.Action} {
		if part != "" {
			b.WriteString(", " + part)
		}
	}
	fmt.Fprintf(&b, ": %s", d.Outcome)
	if d.Status != 0 {
		fmt.Fprintf(&b, " %d", d.Status)
	}
	if d.Subject != "" {
		fmt.Fprintf(&b, ", subject %q", d.Subject)
	}
	if d.Reason != "" {
		b.WriteString(": " + d.Reason)
	}
	return b.String()
}
