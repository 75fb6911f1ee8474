package guard

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/go-guard/guard/internal/wiring"
)

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

func (c *recorder) report(ctx context.Context, d *Decision) {
	for ; c != nil; c = c.outer {
		c.add(ctx, *d)
	}
}

// A report is where a refusal was reported, and with which status.
type report struct {
	to     *recorder
	status int
}

// reached reports whether c, or a recorder inside it, has this status: a
// caller may change an error that was reported.
func (r *report) reached(c *recorder, status int) bool {
	if r == nil || r.status != status {
		return false
	}
	for rec := r.to; rec != nil; rec = rec.outer {
		if rec == c {
			return true
		}
	}
	return false
}
