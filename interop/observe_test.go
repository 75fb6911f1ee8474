package interop_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/interop"
)

// walk sends an anonymous request, one by Carol, who has no permission, one by Bob, and
// one with an API key that must not appear anywhere.
func walk(h http.Handler) {
	for _, key := range []string{"", "key_carol", "key_bob", "s3cret"} {
		r := httptest.NewRequest("GET", "/posts/1", nil)
		if key != "" {
			r.Header.Set("X-API-Key", key)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

func TestPrometheus(t *testing.T) {
	reg := prometheus.NewRegistry()
	walk(interop.Prometheus(reg)(interop.ServeMux(interop.NewGuards())))
	want := `
# HELP guard_decisions_total Decisions of guards.
# TYPE guard_decisions_total counter
guard_decisions_total{guard="",outcome="allowed",package="apikey",pattern="GET /posts/{id}"} 2
guard_decisions_total{guard="load",outcome="allowed",package="owner",pattern="GET /posts/{id}"} 1
guard_decisions_total{guard="",outcome="refused",package="apikey",pattern="GET /posts/{id}"} 2
guard_decisions_total{guard="permission posts:read",outcome="allowed",package="rbac",pattern="GET /posts/{id}"} 1
guard_decisions_total{guard="permission posts:read",outcome="refused",package="rbac",pattern="GET /posts/{id}"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestOpenTelemetry(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("guard")
	observe, err := interop.OpenTelemetry(meter)
	if err != nil {
		t.Fatal(err)
	}
	spans := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
	traced := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, span := tracer.Start(r.Context(), "request")
			defer span.End()
			h.ServeHTTP(w, r.WithContext(ctx))
		})
	}
	g := interop.NewGuards()
	walk(traced(observe(interop.ServeMux(g))))
	traced(observe(g.Posts.Load(http.NotFoundHandler()))).ServeHTTP(httptest.NewRecorder(), // a wiring without authentication
		httptest.NewRequest("GET", "/", nil).WithContext(guard.WithPrincipal(t.Context(), "not a User")))

	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, p := range got.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints {
		total += p.Value
	}
	if total != 8 {
		t.Errorf("%d decisions counted, want 8", total)
	}
	wantEvents := []int{1, 2, 3, 1, 1}
	for i, span := range spans.Ended() {
		if len(span.Events()) != wantEvents[i] {
			t.Errorf("span %d: %d events, want %d", i, len(span.Events()), wantEvents[i])
		}
		failed := i == len(wantEvents)-1
		if (span.Status().Code == codes.Error) != failed {
			t.Errorf("span %d: status %v", i, span.Status())
		}
	}
}

func TestSlogAndAccessLog(t *testing.T) {
	var out bytes.Buffer
	l := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	walk(guard.Chain(interop.Slog(l), interop.AccessLog(l))(interop.ServeMux(interop.NewGuards())))
	got := out.String()
	for _, want := range []string{
		`guards="[apikey refused]"`, `guards="[apikey allowed rbac refused]"`, `guards="[apikey allowed rbac allowed owner allowed]"`,
		"level=INFO", "level=DEBUG", "GET /posts/{id}",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	if strings.Contains(got, "s3cret") || strings.Contains(got, "key_") {
		t.Error("the log holds a key")
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestAuditUnderChi: a line has the method, chi's pattern and request ID, and the
// client's address behind a proxy.
func TestAuditUnderChi(t *testing.T) {
	var out bytes.Buffer
	address := clientip.XFF(netip.MustParsePrefix("192.0.2.0/24"))
	observe := guard.Observe(guard.LogTo(slog.New(slog.NewTextHandler(&out, nil)), func(r *http.Request) []slog.Attr {
		client, _ := address(r)
		return []slog.Attr{slog.String("request_id", middleware.GetReqID(r.Context())), slog.String("client", client.String())}
	}))
	r := httptest.NewRequest("GET", "/posts/1", nil)
	r.Header.Set("X-Request-Id", "r-17")
	r.Header.Set("X-Forwarded-For", "1.2.3.4, 203.0.113.9")
	r.Header.Set("X-API-Key", "key_carol")
	guard.Chain(middleware.RequestID, observe)(interop.Chi(interop.NewGuards())).ServeHTTP(httptest.NewRecorder(), r)
	got := out.String()
	for _, want := range []string{"level=INFO", "package=rbac", "outcome=refused", "method=GET pattern=/posts/{id}", "request_id=r-17 client=203.0.113.9\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the line lacks %s: %s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 1 {
		t.Errorf("%d lines, want 1: %s", n, got)
	}
}
