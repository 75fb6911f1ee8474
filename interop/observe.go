package interop

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/go-guard/guard"
)

// Prometheus counts decisions. The number of label values is bounded: no label holds
// what a client can choose, such as a path or an ID. The pattern is that of the route.
func Prometheus(reg prometheus.Registerer) guard.Middleware {
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "guard_decisions_total",
		Help: "Decisions of guards.",
	}, []string{"package", "guard", "outcome", "pattern"})
	reg.MustRegister(decisions)
	return guard.Observe(func(_ *http.Request, d guard.Decision) {
		decisions.WithLabelValues(d.Package, d.Guard, string(d.Outcome), d.Pattern).Inc()
	})
}

// OpenTelemetry counts decisions, and adds each as an event to the span of the request,
// if there is one. An internal failure sets the status of the span to error; a refusal
// does not.
func OpenTelemetry(meter metric.Meter) (guard.Middleware, error) {
	decisions, err := meter.Int64Counter("guard.decisions", metric.WithDescription("Decisions of guards."))
	if err != nil {
		return nil, err
	}
	return guard.Observe(func(r *http.Request, d guard.Decision) {
		ctx := r.Context()
		attributes := []attribute.KeyValue{
			attribute.String("guard.package", d.Package),
			attribute.String("guard.name", d.Guard),
			attribute.String("guard.outcome", string(d.Outcome)),
			attribute.String("http.route", d.Pattern),
		}
		decisions.Add(ctx, 1, metric.WithAttributes(attributes...))
		span := trace.SpanFromContext(ctx)
		span.AddEvent("guard", trace.WithAttributes(append(attributes, attribute.String("guard.reason", d.Reason))...))
		if d.Outcome == guard.Failed {
			span.SetStatus(codes.Error, d.Reason)
		}
	}), nil
}

// Slog logs decisions with the user's ID, the request's ID and the client's address.
func Slog(l *slog.Logger) guard.Middleware {
	return guard.Observe(guard.LogTo(l, func(r *http.Request) []slog.Attr {
		attrs := []slog.Attr{slog.String("request_id", r.Header.Get("X-Request-Id")), slog.String("remote", r.RemoteAddr)}
		if u, ok := guard.PrincipalFrom[User](r.Context()); ok {
			attrs = append(attrs, slog.String("principal", u.ID))
		}
		return attrs
	}))
}

// AccessLog logs one line per request with the decisions of all guards. It must be the
// next middleware after an Observe.
func AccessLog(l *slog.Logger) guard.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				var guards []string
				for _, d := range guard.Decisions(r.Context()) {
					guards = append(guards, d.Package+" "+string(d.Outcome))
				}
				l.LogAttrs(r.Context(), slog.LevelInfo, "request",
					slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("guards", guards))
			}()
			next.ServeHTTP(w, r)
		})
	}
}
