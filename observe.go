package guard

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/wiring"
)

// Observe calls f for every decision of the guards inside, in order, and for
// every sign-in, sign-out and other action of a handler inside that guard's verbs
// carry out: it is an audit log. r is the request that Observe got, without the
// pattern and path values of a router inside (see Decision.Pattern), and with the
// context of the decision, in which PrincipalFrom returns the principal that it
// is about. f runs within the request and may be called by several goroutines. It
// may be nil, where [Decisions] is enough. Observe belongs outermost.
//
// Without an Observe, failures of our own are logged by slog.Default() at Error,
// and all else is silent and costs nothing.
func Observe(f func(r *http.Request, d Decision)) Middleware {
	return func(next http.Handler) http.Handler {
		wiring.Next("guard", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := &recorder{Context: r.Context(), request: r, observe: f, outer: recorderOf(r.Context())}
			rec.served = r.WithContext(rec)
			next.ServeHTTP(w, rec.served)
		})
	}
}

// Decisions yields the first 64 decisions that were made so far about the request
// of ctx, in order, each with a request as [Observe] passes it. It is for an access
// log right inside Observe.
func Decisions(ctx context.Context) iter.Seq2[*http.Request, Decision] {
	rec := recorderOf(ctx)
	return func(yield func(*http.Request, Decision) bool) {
		for _, d := range rec.all() {
			if !yield(rec.request.WithContext(d.ctx), d.Decision) {
				return
			}
		}
	}
}

// LogTo is an f for [Observe] that logs decisions: refusals, those of a guard in
// trial too, and actions, such as a sign-in, at Info, failures of our own at Error,
// other decisions at Debug. attrs, which may be nil, returns what else belongs in the
// line, such as the request's ID and the client's address.
func LogTo(l *slog.Logger, attrs func(r *http.Request) []slog.Attr) func(r *http.Request, d Decision) {
	if l == nil {
		wiring.Panic("guard", "LogTo of nil")
	}
	return func(r *http.Request, d Decision) {
		level := slog.LevelDebug
		switch {
		case d.Outcome == Failed:
			level = slog.LevelError
		case d.Outcome == Refused, d.Outcome == Shadowed, d.Action != "":
			level = slog.LevelInfo
		}
		if !l.Enabled(r.Context(), level) {
			return
		}
		line := d.attrs(r.Method)
		if attrs != nil {
			line = append(line, attrs(r)...)
		}
		l.LogAttrs(r.Context(), level, "guard", line...)
	}
}

// attrs are what a log line says of d; what is zero is left out.
func (d *Decision) attrs(method string) []slog.Attr {
	line := append(make([]slog.Attr, 0, 12), slog.String("package", d.Package))
	for _, a := range []slog.Attr{
		slog.String("guard", d.Guard), slog.String("action", d.Action), slog.String("outcome", string(d.Outcome)), slog.Int("status", d.Status),
		slog.String("subject", d.Subject), slog.String("reason", d.Reason), slog.String("method", method), slog.String("pattern", d.Pattern),
		slog.Duration("retry_after", d.RetryAfter), slog.Uint64("generation", d.Generation), slog.Int("cost", d.Cost),
	} {
		if !isZero(a.Value) {
			line = append(line, a)
		}
	}
	return line
}

// logFailure is for a failure of our own that no Observe reports: it is never
// silent. r may be nil.
func (d *Decision) logFailure(ctx context.Context, r *http.Request) {
	method := ""
	if r != nil {
		method, d.Pattern = r.Method, r.Pattern
	}
	slog.Default().LogAttrs(ctx, slog.LevelError, "guard", d.attrs(method)...)
}

func isZero(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindString:
		return v.String() == ""
	case slog.KindInt64:
		return v.Int64() == 0
	case slog.KindUint64:
		return v.Uint64() == 0
	case slog.KindDuration:
		return v.Duration() == 0
	}
	return false
}

// Observed reports whether decisions about the request of ctx are observed.
// Report and Deny check it themselves; a guard that must cost next to nothing
// checks first, and builds no Decision in vain.
func Observed(ctx context.Context) bool { return recorderOf(ctx) != nil }

// maxDecisions bounds the memory of a recorder.
const maxDecisions = 64

// A recorder is the context node of Observe: the decisions about one request.
type recorder struct {
	context.Context
	request *http.Request // Observe's own; URL and Header are shared with the handler's
	served  *http.Request // the copy that went on, for the Pattern that a ServeMux sets
	observe func(*http.Request, Decision)
	outer   *recorder
	mu      sync.Mutex
	made    []recorded
}

type recorded struct {
	Decision
	ctx context.Context
}

type recorderKey struct{}

func (c *recorder) Value(key any) any {
	if _, ok := key.(recorderKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// String does not race with the decisions that are being added.
func (c *recorder) String() string { return fmt.Sprintf("%v.guard.Observe", c.Context) }

// GoString is String, for %#v.
func (c *recorder) GoString() string { return c.String() }

func recorderOf(ctx context.Context) *recorder {
	rec, _ := ctx.Value(recorderKey{}).(*recorder)
	return rec
}

func (c *recorder) add(ctx context.Context, d Decision) {
	c.mu.Lock()
	if len(c.made) < maxDecisions {
		c.made = append(c.made, recorded{d, ctx})
	}
	c.mu.Unlock()
	if c.observe != nil {
		c.observe(c.request.WithContext(ctx), d)
	}
}

func (c *recorder) all() []recorded {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.made)
}

// report adds d, which was made in ctx, to c and the recorders outside.
func (c *recorder) report(ctx context.Context, d Decision) {
	if d.Subject == "" {
		d.Subject = subjectOf(ctx)
	}
	if d.Pattern == "" {
		d.Pattern = c.served.Pattern
	}
	for ; c != nil; c = c.outer {
		c.add(ctx, d)
	}
}

// subjectOf is the subject of the innermost principal that has one.
func subjectOf(ctx context.Context) string {
	for n := identity.From(ctx); n != nil; n = n.Outer() {
		if s, ok := identity.Borrow[Subject](n); ok {
			return s.Sub()
		}
	}
	return ""
}

// A report is where a refusal was reported, and with which status.
type report struct {
	to     *recorder // nil for slog.Default()
	status int
}

// reached reports whether the refusal was reported to c, or to a recorder inside it,
// with this status, which a caller may have changed since.
func (r *report) reached(c *recorder, status int) bool {
	if r == nil || r.status != status {
		return false
	}
	rec := r.to
	for rec != nil && rec != c {
		rec = rec.outer
	}
	return rec == c
}
