package guard

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-guard/guard/internal/wiring"
)

// An Outcome is what a guard decided.
type Outcome string

// The outcomes of a Decision.
const (
	Allowed   Outcome = "allowed"   // the request went on
	Anonymous Outcome = "anonymous" // Optional or Lenient passed it on without a principal
	Refused   Outcome = "refused"   // the client was refused
	Failed    Outcome = "failed"    // a failure of our own: 5xx
	Shadowed  Outcome = "shadowed"  // a guard in trial would have refused
)

// A Decision is what one guard decided about one request. It holds no
// credential. One refusal is one Decision.
type Decision struct {
	// Package is the package of the guard: "apikey", "bearer", "jwtauth",
	// "session", "ratelimit", "rbac" or "owner", and for an authenticator of
	// one's own the last element of its package's path. It is "guard" for
	// [HandlerFunc] without a principal, and "handler" for [Refuse] in a handler.
	Package string
	// Guard is what was required, such as "role admin" or the name of a limit.
	// It may be empty.
	Guard   string
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

// Observe calls f for every decision of the guards inside, in order, with a
// context in which PrincipalFrom returns the principal that it is about. f runs
// within the request and may be called by several goroutines. It may be nil,
// where [Decisions] is enough. Observe belongs outermost; without it, deciding
// costs nothing extra.
func Observe(f func(context.Context, Decision)) Middleware {
	return func(next http.Handler) http.Handler {
		wiring.Next("guard", next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := &recorder{Context: r.Context(), observe: f}
			rec.outer = recorderOf(rec.Context)
			next.ServeHTTP(w, r.WithContext(rec))
		})
	}
}

// Decisions yields the decisions that were made so far about the request of
// ctx, in order, each with the context it was made in, for PrincipalFrom. It is
// for an access log right inside [Observe].
func Decisions(ctx context.Context) iter.Seq2[context.Context, Decision] {
	rec := recorderOf(ctx)
	return func(yield func(context.Context, Decision) bool) {
		for _, d := range rec.all() {
			if !yield(d.ctx, d.Decision) {
				return
			}
		}
	}
}

// LogTo is an f for [Observe] that logs decisions: refusals at Info, failures of
// our own at Error, requests that went on at Debug. id, which may be nil, names
// the principal of a context.
func LogTo(l *slog.Logger, id func(context.Context) string) func(context.Context, Decision) {
	if l == nil {
		wiring.Panic("guard", "LogTo of nil")
	}
	return func(ctx context.Context, d Decision) {
		level := slog.LevelDebug
		switch d.Outcome {
		case Refused, Shadowed:
			level = slog.LevelInfo
		case Failed:
			level = slog.LevelError
		}
		if !l.Enabled(ctx, level) {
			return
		}
		attrs := append(make([]slog.Attr, 0, 8), slog.String("package", d.Package), slog.String("outcome", string(d.Outcome)))
		for _, a := range []slog.Attr{
			slog.String("guard", d.Guard), slog.Int("status", d.Status), slog.String("reason", d.Reason), slog.String("pattern", d.Pattern),
			slog.Duration("retry_after", d.RetryAfter), slog.Uint64("generation", d.Generation), slog.Int("cost", d.Cost),
		} {
			if !isZero(a.Value) {
				attrs = append(attrs, a)
			}
		}
		if id != nil {
			if principal := id(ctx); principal != "" {
				attrs = append(attrs, slog.String("principal", principal))
			}
		}
		l.LogAttrs(ctx, level, "guard", attrs...)
	}
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

// Report reports d to Observe, for guards of one's own: once per decision.
// Refusals are reported by Refuse and Deny.
func (d Decision) Report(r *http.Request) {
	if rec := recorderOf(r.Context()); rec != nil {
		d.Pattern = r.Pattern
		rec.report(r.Context(), &d)
	}
}

// ReportTo is Report where there is no request at hand.
func (d Decision) ReportTo(ctx context.Context) {
	if rec := recorderOf(ctx); rec != nil {
		d.Pattern = ""
		rec.report(ctx, &d)
	}
}

func (c *recorder) report(ctx context.Context, d *Decision) {
	for ; c != nil; c = c.outer {
		c.add(ctx, *d)
	}
}

// Refuse answers the request with err, as [Refuse] does, and reports it as a
// decision of d's guard, unless it was reported already.
func (d Decision) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	d.refuse(w, r, err, nil)
}

func (d Decision) refuse(w http.ResponseWriter, r *http.Request, err error, challenges []string) {
	e := answerOf(err)
	if rec := recorderOf(r.Context()); rec != nil && !rec.heard(e) {
		d.deny(err, e)
		d.Pattern = r.Pattern
		rec.report(r.Context(), &d)
	}
	respond(w, r, e, challenges)
}

// Deny reports err as a decision of d's guard and returns it for [Refuse], which
// does not report it again. It is for verbs that return a refusal to a handler.
// The error is an [*Error] of the caller's own; a nil err is returned as it is,
// and nothing is reported.
func (d Decision) Deny(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	answer := answerOf(err)
	e := answer.Clone()
	if direct, ok := err.(*Error); !ok || direct != answer {
		e.Err = err
	}
	if rec := recorderOf(ctx); rec != nil && !rec.heard(e) {
		d.deny(err, e)
		d.Pattern = ""
		rec.report(ctx, &d)
		e.reportedTo = rec
	}
	return e
}

// answerOf is the *Error that err is answered with. It may be shared.
func answerOf(err error) *Error {
	status := statusOf(err)
	if e, ok := asError(err); ok && e.Status == status {
		return e
	}
	return &Error{Status: status}
}

// deny makes d the decision to answer err with e.
func (d *Decision) deny(err error, e *Error) {
	d.Outcome, d.Status, d.Err = Refused, e.Status, err
	if e.Status >= http.StatusInternalServerError {
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

// heard reports whether e was reported to c already, or to a recorder inside.
func (c *recorder) heard(e *Error) bool {
	for rec := e.reportedTo; rec != nil; rec = rec.outer {
		if rec == c {
			return true
		}
	}
	return false
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

// maxDecisions bounds the memory of a recorder.
const maxDecisions = 64

// A recorder is the context node of Observe: the decisions about one request.
type recorder struct {
	context.Context
	observe func(context.Context, Decision)
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
		c.observe(ctx, d)
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
