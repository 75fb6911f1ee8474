package guard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
