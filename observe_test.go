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
	"github.com/go-guard/guard/internal/testing/harness"
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
			`guard//failed/500/guard: wired wrongly: a guard or handler wants a principal of type *guard_test.User, and the request was authenticated as guard_test.User/1`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			describe := func(r *http.Request, d guard.Decision) string {
				u, _ := guard.PrincipalFrom[User](r.Context())
				return fmt.Sprintf("%s/%s/%s/%d/%s/%s", d.Package, d.Guard, d.Outcome, d.Status, d.Reason, u.ID)
			}
			var got, outer, later []string
			collect := func(to *[]string) func(*http.Request, guard.Decision) {
				return func(r *http.Request, d guard.Decision) { *to = append(*to, describe(r, d)) }
			}
			log := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(w, r)
					for r, d := range guard.Decisions(r.Context()) {
						later = append(later, describe(r, d))
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
	serve(t, guard.Observe(func(*http.Request, guard.Decision) { observed++ }), func(_ http.ResponseWriter, r *http.Request) {
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
	attrs := func(r *http.Request) []slog.Attr {
		return []slog.Attr{slog.String("request_id", r.Header.Get("X-Request-Id"))}
	}
	full := guard.Decision{
		Package: "p", Guard: "g", Action: "sign-in", Subject: "7", Status: 429, Reason: "r", Pattern: "GET /",
		RetryAfter: time.Second, Generation: 3, Cost: 2,
	}
	tests := []struct {
		outcome guard.Outcome
		level   slog.Level // of the logger
		line    string     // of a Decision that has nothing else
		full    string     // of the one that has everything
	}{
		{guard.Allowed, slog.LevelDebug, "level=DEBUG", "level=INFO"},
		{guard.Allowed, slog.LevelInfo, "", "level=INFO"},
		{guard.Anonymous, slog.LevelDebug, "level=DEBUG", "level=INFO"},
		{guard.Refused, slog.LevelInfo, "level=INFO", "level=INFO"},
		{guard.Shadowed, slog.LevelInfo, "level=INFO", "level=INFO"},
		{guard.Failed, slog.LevelError, "level=ERROR", "level=ERROR"},
		{guard.Refused, slog.LevelError, "", ""},
	}
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("X-Request-Id", "42")
	for _, tt := range tests {
		var b bytes.Buffer
		l := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: tt.level, ReplaceAttr: withoutTime}))
		log := func(d guard.Decision, attrs func(*http.Request) []slog.Attr) string {
			b.Reset()
			d.Outcome = tt.outcome
			guard.LogTo(l, attrs)(r, d)
			return strings.TrimSpace(b.String())
		}
		for _, c := range []struct {
			d           guard.Decision
			level, want string
		}{
			{guard.Decision{Package: "p"}, tt.line, fmt.Sprintf(" msg=guard package=p outcome=%s method=POST", tt.outcome)},
			{full, tt.full, fmt.Sprintf(` msg=guard package=p guard=g action=sign-in outcome=%s status=429 subject=7 reason=r method=POST pattern="GET /" retry_after=1s generation=3 cost=2`, tt.outcome)},
		} {
			want := ""
			if c.level != "" {
				want = c.level + c.want
			}
			if got := log(c.d, nil); got != want {
				t.Errorf("%s: logged %q, want %q", tt.outcome, got, want)
			}
			if want != "" {
				want += " request_id=42"
			}
			if got := log(c.d, attrs); got != want {
				t.Errorf("%s: logged %q, want %q", tt.outcome, got, want)
			}
		}
	}
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// captureLog makes slog.Default() write to the buffer for the rest of the test.
func captureLog(t *testing.T) *bytes.Buffer {
	b := new(bytes.Buffer)
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime})))
	return b
}

// TestFailuresAreLogged: without an Observe a failure of our own is one line of
// slog.Default(), and all else is silent; inside one, slog.Default() is silent.
func TestFailuresAreLogged(t *testing.T) {
	down := errors.New("the database is down")
	behind := func(h http.HandlerFunc) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("GET /path", guard.Require(bearer())(h))
		return mux
	}
	tests := []struct {
		name   string
		h      http.Handler
		status int
		want   string // parts of the line, separated by |; empty for none
	}{
		{"a lookup that fails", guard.BySubject(bearer(), func(context.Context, string) (User, bool, error) { return User{}, false, down }).Wrap(http.NotFoundHandler()),
			500, `level=ERROR|package=guard_test|outcome=failed|status=500|reason="the database is down"|method=GET`},
		{"a handler of another type", behind(guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *User) {})),
			500, `level=ERROR|package=guard|*guard_test.User|*guard_test.token|pattern="GET /path"`},
		{"a handler without a step", guard.HandlerFunc(func(http.ResponseWriter, *http.Request, User) {}),
			500, "level=ERROR|no authentication step is in front"},
		{"an outage", behind(refuse(guard.Unavailable(down))), 503, "level=ERROR|package=handler|status=503|the database is down"},
		{"a verb's failure", behind(func(w http.ResponseWriter, r *http.Request) {
			guard.Refuse(w, r, guard.Decision{Package: "verb"}.Deny(r.Context(), down))
		}), 500, "level=ERROR|package=verb|the database is down"},
		{"a client that left", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, leave := context.WithCancel(r.Context())
			leave()
			guard.Refuse(w, r.WithContext(ctx), fmt.Errorf("the lookup: %w", ctx.Err()))
		}), 503, ""},
		{"a failure beside a client that left", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, leave := context.WithCancel(r.Context())
			leave()
			guard.Refuse(w, r.WithContext(ctx), errors.Join(down, ctx.Err()))
		}), 503, "level=ERROR|the database is down"},
		{"a lookup that cancels itself", behind(refuse(context.Canceled)), 503, "level=ERROR|package=handler|context canceled"},
		{"a failure that does not end the request", behind(func(_ http.ResponseWriter, r *http.Request) {
			guard.Decision{Package: "verb", Outcome: guard.Failed, Reason: "no touch"}.ReportTo(r.Context())
		}), 200, `level=ERROR|package=verb|outcome=failed|reason="no touch"`},
		{"a refusal", behind(refuse(guard.Forbidden(""))), 403, ""},
		{"an allowed request", behind(func(http.ResponseWriter, *http.Request) {}), 200, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := captureLog(t)
			r := harness.Request("/path", "Authorization", "ok:1")
			w := httptest.NewRecorder()
			tt.h.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			lines := strings.Count(log.String(), "\n")
			if want := min(len(tt.want), 1); lines != want {
				t.Errorf("%d lines, want %d: %s", lines, want, log)
			}
			for part := range strings.SplitSeq(tt.want, "|") {
				if !strings.Contains(log.String(), part) {
					t.Errorf("the log has no %q: %s", part, log)
				}
			}
			log.Reset()
			guard.Observe(nil)(tt.h).ServeHTTP(httptest.NewRecorder(), r)
			if log.Len() > 0 {
				t.Errorf("logged inside an Observe: %s", log)
			}
		})
	}
}

// TestClientThatLeft: the end of a request whose client has left is no failure of
// ours.
func TestClientThatLeft(t *testing.T) {
	var got []guard.Outcome
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) { got = append(got, d.Outcome) })
	h := observe(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard.Refuse(w, r, guard.Unavailable(r.Context().Err()))
		_ = guard.Decision{Package: "verb"}.Deny(r.Context(), r.Context().Err())
	}))
	ctx, leave := context.WithCancel(t.Context())
	leave()
	h.ServeHTTP(httptest.NewRecorder(), harness.Request("/").WithContext(ctx))
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	h.ServeHTTP(httptest.NewRecorder(), harness.Request("/").WithContext(late))
	if want := []guard.Outcome{guard.Refused, guard.Refused, guard.Failed, guard.Failed}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestObserversHaveTheirOwnRequest: what a handler changes in its request is not
// changed in the observer's, which a goroutine of the handler may cause to be read.
func TestObserversHaveTheirOwnRequest(t *testing.T) {
	reported := make(chan struct{})
	observe := guard.Observe(func(r *http.Request, d guard.Decision) {
		if r.Body != http.NoBody || r.Form != nil {
			t.Errorf("%s: body %v, form %v", d.Package, r.Body, r.Form)
		}
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /path", func(w http.ResponseWriter, r *http.Request) {
		go func() {
			defer close(reported)
			guard.Decision{Package: "verb", Outcome: guard.Allowed}.ReportTo(r.Context())
		}()
		r.Body = http.MaxBytesReader(w, r.Body, 1)
		_ = r.ParseForm()
		guard.Refuse(w, r, guard.Forbidden(""))
		<-reported
	})
	observe(mux).ServeHTTP(httptest.NewRecorder(), harness.Request("/path"))
}

// TestDecisionsOfVerbs: what a verb reports with a context alone has Observe's
// request, and the subject of the principal.
func TestDecisionsOfVerbs(t *testing.T) {
	var got []string
	observe := guard.Observe(func(r *http.Request, d guard.Decision) {
		u, _ := guard.PrincipalFrom[User](r.Context())
		got = append(got, fmt.Sprint(d.Package, " ", d.Action, " of ", d.Subject, " by ", u.ID, " at ", r.URL.Path, " from ", r.RemoteAddr, " on ", d.Pattern))
	})
	mux := http.NewServeMux()
	mux.Handle("GET /path", guard.Require(guard.BySubject(bearer(), users))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		guard.Decision{Package: "verb", Action: "sign-out", Outcome: guard.Allowed}.ReportTo(r.Context())
		guard.Decision{Package: "verb", Action: "sign-in", Subject: "2", Outcome: guard.Allowed}.ReportTo(r.Context())
	})))
	observe(mux).ServeHTTP(httptest.NewRecorder(), harness.Request("/path", "Authorization", "ok:1"))
	want := []string{
		"guard_test  of 1 by 1 at /path from 192.0.2.1:1234 on GET /path",
		"verb sign-out of 1 by 1 at /path from 192.0.2.1:1234 on GET /path",
		"verb sign-in of 2 by 1 at /path from 192.0.2.1:1234 on GET /path",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
