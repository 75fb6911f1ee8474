package guard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
)

// TestObserve: one decision per guard, in order, each with its principal.
func TestObserve(t *testing.T) {
	cause := errors.New("the reason")
	tests := []struct {
		name, header string
		inner        http.HandlerFunc
		want         []string
	}{
		{"goes on", "ok:1", func(http.ResponseWriter, *http.Request) {}, []string{`guard_test//allowed/0//1`}},
		{"anonymous", "", func(http.ResponseWriter, *http.Request) {}, []string{`guard_test//anonymous/0//`}},
		{"bad", "bad", nil, []string{`guard_test//refused/401/bad Authorization/`}},
		{"a guard behind", "ok:1", func(w http.ResponseWriter, r *http.Request) {
			guard.Decision{Package: "rbac", Guard: "role a"}.Refuse(w, r, &guard.Error{Status: 403, Code: "code"})
		}, []string{`guard_test//allowed/0//1`, `rbac/role a/refused/403/code/1`}},
		{"a handler", "ok:1", refuse(&guard.Error{Status: 404, Err: cause}), []string{`guard_test//allowed/0//1`, `handler//refused/404/the reason/1`}},
		{"a failure", "ok:1", refuse(cause), []string{`guard_test//allowed/0//1`, `handler//failed/500/the reason/1`}},
		{"a failure without a status", "ok:1", refuse(&guard.Error{Err: cause}), []string{`guard_test//allowed/0//1`, `handler//failed/500/the reason/1`}},
		{"nil", "ok:1", refuse(nil), []string{`guard_test//allowed/0//1`, `handler//failed/500/refused without an error/1`}},
		{"its own reason", "ok:1", func(w http.ResponseWriter, r *http.Request) {
			guard.Decision{Package: "p", Reason: "mine"}.Refuse(w, r, cause)
		}, []string{`guard_test//allowed/0//1`, `p//failed/500/mine/1`}},
		{"no principal of the type", "ok:1", guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *User) {}), []string{`guard_test//allowed/0//1`,
			`guard//failed/500/guard: wired wrongly: a guard wants a principal of type *guard_test.User, and the request was authenticated as guard_test.User/1`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			describe := func(ctx context.Context, d guard.Decision) string {
				u, _ := guard.PrincipalFrom[User](ctx)
				return fmt.Sprintf("%s/%s/%s/%d/%s/%s", d.Package, d.Guard, d.Outcome, d.Status, d.Reason, u.ID)
			}
			var got, outer, later []string
			collect := func(to *[]string) func(context.Context, guard.Decision) {
				return func(ctx context.Context, d guard.Decision) { *to = append(*to, describe(ctx, d)) }
			}
			log := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(w, r)
					for ctx, d := range guard.Decisions(r.Context()) {
						later = append(later, describe(ctx, d))
					}
					for range guard.Decisions(r.Context()) {
						break // a reader may stop
					}
				})
			}
			mw := guard.Chain(guard.Observe(collect(&outer)), guard.Observe(collect(&got)), log, guard.Optional(guard.BySubject(bearer(), users)))
			serve(t, mw, tt.inner, "Authorization", tt.header)
			for _, seen := range [][]string{got, outer, later} {
				if !slices.Equal(seen, tt.want) {
					t.Errorf("observed %q, want %q", seen, tt.want)
				}
			}
		})
	}
	for range guard.Decisions(context.Background()) {
		t.Error("a decision without Observe")
	}
	guard.Decision{}.ReportTo(context.Background())
}

// TestDecisionsAreBounded: one request cannot make a recorder grow for ever.
func TestDecisionsAreBounded(t *testing.T) {
	observed := 0
	serve(t, guard.Observe(func(context.Context, guard.Decision) { observed++ }), func(_ http.ResponseWriter, r *http.Request) {
		for range 10_000 {
			guard.Decision{Package: "p"}.ReportTo(r.Context())
		}
		recorded := 0
		for range guard.Decisions(r.Context()) {
			recorded++
		}
		if recorded > 64 || observed != 10_000 {
			t.Errorf("%d recorded, %d observed", recorded, observed)
		}
	})
}

func TestDecisionPattern(t *testing.T) {
	var got []string
	mux := http.NewServeMux()
	mux.Handle("GET /posts/{id}", guard.Require(bearer())(http.NotFoundHandler()))
	h := guard.Observe(func(_ context.Context, d guard.Decision) { got = append(got, d.Pattern) })(mux)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/posts/1", nil))
	if !slices.Equal(got, []string{"GET /posts/{id}"}) {
		t.Errorf("patterns %q", got)
	}
}

func TestLogTo(t *testing.T) {
	id := func(ctx context.Context) string {
		u, _ := guard.PrincipalFrom[User](ctx)
		return u.ID
	}
	full := guard.Decision{Package: "p", Guard: "g", Status: 429, Reason: "r", Pattern: "GET /", RetryAfter: time.Second, Generation: 3, Cost: 2}
	tests := []struct {
		outcome guard.Outcome
		level   slog.Level
		want    string
	}{
		{guard.Allowed, slog.LevelInfo, ""},
		{guard.Anonymous, slog.LevelDebug, "level=DEBUG msg=guard package=p outcome=anonymous"},
		{guard.Refused, slog.LevelInfo, "level=INFO msg=guard package=p outcome=refused"},
		{guard.Shadowed, slog.LevelInfo, "level=INFO msg=guard package=p outcome=shadowed"},
		{guard.Failed, slog.LevelError, "level=ERROR msg=guard package=p outcome=failed"},
		{guard.Refused, slog.LevelError, ""},
	}
	const rest = " guard=g status=429 reason=r pattern=\"GET /\" retry_after=1s generation=3 cost=2"
	for _, tt := range tests {
		var b bytes.Buffer
		l := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: tt.level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		ctx := guard.WithPrincipal(context.Background(), User{ID: "7"})
		for _, d := range []guard.Decision{{Package: "p"}, full} {
			for _, id := range []func(context.Context) string{nil, id} {
				b.Reset()
				d.Outcome = tt.outcome
				guard.LogTo(l, id)(ctx, d)
				want := tt.want
				if want != "" && d.Guard != "" {
					want += rest
				}
				if want != "" && id != nil {
					want += " principal=7"
				}
				if got := strings.TrimSpace(b.String()); got != want {
					t.Errorf("%s: logged %q, want %q", tt.outcome, got, want)
				}
			}
		}
		guard.LogTo(l, id)(context.Background(), guard.Decision{}) // anonymous
	}
}

// TestOneRefusalIsOneDecision: a refusal that a verb reported is not reported
// again where the handler passes it to Refuse, also when it is wrapped or changed.
func TestOneRefusalIsOneDecision(t *testing.T) {
	refusal := &guard.Error{Status: 429, Message: "later", Err: errors.New("the quota is used up")}
	pass := func(err error) error { return err }
	tests := []struct {
		name   string
		err    error // of the verb
		change func(error) error
		status int
		want   string
	}{
		{"a refusal", refusal, pass, 429, "verb/refused/429/the quota is used up"},
		{"wrapped by the handler", refusal, func(err error) error { return fmt.Errorf("login: %w", err) }, 429, "verb/refused/429/the quota is used up"},
		{"with another message", refusal, func(err error) error {
			e, _ := errors.AsType[*guard.Error](err)
			e.Message = "try tomorrow"
			return e
		}, 429, "verb/refused/429/the quota is used up"},
		{"a plain failure", errors.New("hunter2"), pass, 500, "verb/failed/500/hunter2"},
		{"an outage", context.DeadlineExceeded, pass, 503, "verb/failed/503/context deadline exceeded"},
		{"a refusal in a wrapper of the verb", fmt.Errorf("store: %w", refusal), pass, 429, "verb/refused/429/the quota is used up"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got, outer []string
			collect := func(to *[]string) guard.Middleware {
				return guard.Observe(func(_ context.Context, d guard.Decision) {
					*to = append(*to, fmt.Sprintf("%s/%s/%d/%s", d.Package, d.Outcome, d.Status, d.Reason))
				})
			}
			w, _ := serve(t, guard.Chain(collect(&outer), collect(&got)), func(w http.ResponseWriter, r *http.Request) {
				err := guard.Decision{Package: "verb"}.Deny(r.Context(), tt.err)
				if _, direct := tt.err.(*guard.Error); !direct && !errors.Is(err, tt.err) {
					t.Errorf("%v is not %v", err, tt.err)
				}
				guard.Refuse(w, r, tt.change(err))
			})
			if w.Code != tt.status || strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if !slices.Equal(got, []string{tt.want}) || !slices.Equal(outer, got) {
				t.Errorf("decisions %q and, outside, %q; want %q", got, outer, tt.want)
			}
		})
	}
	if refusal.Message != "later" {
		t.Errorf("a handler changed the guard's refusal to %q", refusal.Message)
	}
	if err := (guard.Decision{}).Deny(t.Context(), nil); err != nil {
		t.Errorf("the denial of no error is %v", err)
	}
}

// TestDeniedElsewhere: a refusal that was reported to one request is reported
// again for another.
func TestDeniedElsewhere(t *testing.T) {
	var decisions int
	observe := guard.Observe(func(context.Context, guard.Decision) { decisions++ })
	var err error
	for range 2 {
		serve(t, observe, func(w http.ResponseWriter, r *http.Request) {
			if err == nil {
				err = guard.Decision{}.Deny(r.Context(), guard.Forbidden(""))
			}
			guard.Refuse(w, r, err)
		})
	}
	if decisions != 2 {
		t.Errorf("%d decisions, want 2", decisions)
	}
}

// TestObserverOwnsItsError: an observer that changes a Decision's error changes
// no answer.
func TestObserverOwnsItsError(t *testing.T) {
	shared := &guard.Error{Status: 403, Message: "no"}
	w, _ := serve(t, guard.Observe(func(_ context.Context, d guard.Decision) {
		e, _ := errors.AsType[*guard.Error](d.Err)
		e.Message = "changed"
	}), refuse(shared))
	if shared.Message != "no" || !strings.Contains(w.Body.String(), `"no"`) {
		t.Errorf("%q, answered %s", shared.Message, w.Body)
	}
}
