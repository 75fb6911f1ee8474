package guard_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
)

// A line for each refusal, with its reason, which the client does not see.
func ExampleObserve() {
	type User struct{ Name string }
	keys := guard.Must(apikey.New(func(context.Context, string) (User, bool, error) { return User{}, false, nil }, nil))
	observe := guard.Observe(func(r *http.Request, d guard.Decision) {
		if d.Outcome == guard.Refused {
			fmt.Println(r.Method, d.Package, d.Status, d.Reason)
		}
	})
	h := observe(keys.Wrap(http.NotFoundHandler()))

	r := httptest.NewRequest("GET", "/", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	r.Header.Set("X-API-Key", "guess")
	h.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// GET apikey 401 guard: no credentials
	// GET apikey 401 apikey: unknown key
}

// An audit log with the ID of the request.
func ExampleLogTo() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { // no time, for the example
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	audit := guard.Observe(guard.LogTo(logger, func(r *http.Request) []slog.Attr {
		return []slog.Attr{slog.String("request", r.Header.Get("X-Request-ID"))}
	}))
	h := audit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, guard.Forbidden("Not on Sundays")) }))

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Request-ID", "4f1d")
	h.ServeHTTP(httptest.NewRecorder(), r)
	// Output: level=INFO msg=guard package=handler outcome=refused status=403 reason="Not on Sundays" method=GET request=4f1d
}

// An access log with one line for each request, and in it what the guards decided.
func ExampleDecisions() {
	accessLog := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			for _, d := range guard.Decisions(r.Context()) {
				fmt.Println(r.Method, r.URL.Path, d.Outcome, d.Reason)
			}
		})
	}
	keys := guard.Must(apikey.New(func(context.Context, string) (string, bool, error) { return "", false, nil }, nil))
	h := guard.Chain(guard.Observe(nil), accessLog, keys.Wrap)(http.NotFoundHandler())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/reports", nil))
	// Output: GET /reports refused guard: no credentials
}

// A guard whose decisions are costly to describe describes them only for an observer.
func ExampleObserved() {
	describe := func(ctx context.Context) {
		if !guard.Observed(ctx) {
			fmt.Println("not observed")
			return
		}
		guard.Decision{Package: "app", Guard: "geography", Outcome: guard.Allowed, Reason: "country DE"}.ReportTo(ctx)
	}
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { describe(r.Context()) })
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { fmt.Println(d.Guard, d.Outcome, d.Reason) })

	r := httptest.NewRequest("GET", "/", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	observe(h).ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// not observed
	// geography allowed country DE
}

// A verb, called by handlers, reports its refusal and returns it. Refuse answers it and
// does not report it again.
func ExampleDecision_Deny() {
	redeem := func(ctx context.Context, coupon string) error {
		if coupon != "SPRING" {
			return guard.Decision{Package: "app", Action: "redeem"}.Deny(ctx, guard.Forbidden("Unknown coupon"))
		}
		return nil
	}
	h := func(w http.ResponseWriter, r *http.Request) {
		if err := redeem(r.Context(), r.PostFormValue("coupon")); err != nil {
			guard.Refuse(w, r, err)
		}
	}
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { fmt.Println(d.Package, d.Action, d.Outcome, d.Reason) })

	w := httptest.NewRecorder()
	observe(http.HandlerFunc(h)).ServeHTTP(w, httptest.NewRequest("POST", "/redeem", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// app redeem refused Unknown coupon
	// 403 {"error":"Forbidden","message":"Unknown coupon"}
}

// A new guard in trial: it passes every request on, and reports those that it would refuse.
func ExampleDecision_Report() {
	trial := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("User-Agent") == "" {
				guard.Decision{Package: "app", Guard: "user agent", Outcome: guard.Shadowed, Reason: "none"}.Report(r)
			}
			next.ServeHTTP(w, r)
		})
	}
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { fmt.Println(d.Guard, d.Outcome, d.Reason) })

	w := httptest.NewRecorder()
	guard.Chain(observe, trial)(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code)
	// Output:
	// user agent shadowed none
	// 404
}

// An action of the application in the same audit log, in a function that has the context
// alone.
func ExampleDecision_ReportTo() {
	closeAccount := func(ctx context.Context, id string) {
		guard.Decision{Package: "app", Action: "close account", Subject: id, Outcome: guard.Allowed}.ReportTo(ctx)
	}
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { fmt.Println(d.Action, d.Subject, d.Outcome) })

	h := observe(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { closeAccount(r.Context(), "7") }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("DELETE", "/account", nil))
	// Output: close account 7 allowed
}
