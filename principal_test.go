package guard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-guard/guard"
)

type ofApp struct{}

var ofGuard guard.StepKey // of a guard that keeps something about a principal

func keeping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(context.WithValue(r.Context(), &ofGuard, "kept"), ofApp{}, "kept")
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// TestInnerStepHides: an inner step decides who it is, also where it knows
// nobody; the credential of whoever it hides is hidden, too,
// as is what guards in between kept about them.
func TestInnerStepHides(t *testing.T) {
	outer := guard.Require(guard.BySubject(bearer(), users))
	inner := scheme{"X-Inner", "Inner", nil}
	tests := []struct {
		name, inner string
		mw          guard.Middleware
		user, token string
	}{
		{"none inside", "", pass, "1", "1"},
		{"nobody inside", "", guard.Optional(guard.BySubject(inner, users)), "", ""},
		{"a bad one inside, leniently", "bad", guard.Lenient(guard.BySubject(inner, users)), "", ""},
		{"another inside", "ok:2", guard.Optional(guard.BySubject(inner, users)), "2", "2"},
		{"another type inside", "ok:2", guard.Require(inner), "1", "2"},
		{"nobody of another type inside", "", guard.Optional(inner), "1", "1"},
		{"by hand", "", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), User{ID: "3"})))
			})
		}, "3", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, reached := serve(t, guard.Chain(outer, keeping, tt.mw), func(_ http.ResponseWriter, r *http.Request) {
				u, known := guard.PrincipalFrom[User](r.Context())
				if u.ID != tt.user || known != (tt.user != "") {
					t.Errorf("user %q, %t; want %q", u.ID, known, tt.user)
				}
				c, known := guard.CredentialFrom[*token](r.Context())
				if known != (tt.token != "") || known && c.sub != tt.token {
					t.Errorf("token %v, %t; want %q", c, known, tt.token)
				}
				if kept := r.Context().Value(&ofGuard); (kept == nil) != (tt.name != "none inside") {
					t.Errorf("what a guard kept: %v", kept)
				}
				if r.Context().Value(ofApp{}) != "kept" {
					t.Error("the application's value is gone")
				}
			}, "Authorization", "ok:1", "X-Inner", tt.inner)
			if !reached {
				t.Error("not reached")
			}
		})
	}
}

// TestKeep: a step keeps one thing, for all contexts of its request alike and
// for nobody behind a further step.
func TestKeep(t *testing.T) {
	var one, other guard.StepKey
	if guard.Keep(t.Context(), &guard.Kept{Key: &one, Value: 1}) || guard.Keep(guard.WithPrincipal(t.Context(), User{ID: "1"}), &guard.Kept{Key: &one, Value: 1}) {
		t.Error("kept where there is no step")
	}
	for range 2 { // requests
		serve(t, guard.Require(bearer()), func(_ http.ResponseWriter, r *http.Request) {
			ctx := r.Context()
			part, cancel := context.WithCancel(ctx)
			defer cancel()
			if ctx.Value(&one) != nil {
				t.Error("something of the request before")
			}
			if !guard.Keep(part, &guard.Kept{Key: &one, Value: 1}) || guard.Keep(ctx, &guard.Kept{Key: &one, Value: 2}) || guard.Keep(ctx, &guard.Kept{Key: &other, Value: 2}) {
				t.Error("kept none, or two")
			}
			if ctx.Value(&one) != 1 || part.Value(&one) != 1 || ctx.Value(&other) != nil || ctx.Value(one) != nil {
				t.Errorf("found %v, %v, %v", ctx.Value(&one), part.Value(&one), ctx.Value(&other))
			}
			if by := guard.WithPrincipal(ctx, User{ID: "2"}); by.Value(&one) != nil || guard.Keep(by, &guard.Kept{Key: &one, Value: 1}) {
				t.Error("found behind, or kept at, a principal set by hand")
			}
			guard.Require(bearer())(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				inner := r.Context()
				if inner.Value(&one) != nil || !guard.Keep(inner, &guard.Kept{Key: &one, Value: 3}) || inner.Value(&one) != 3 || ctx.Value(&one) != 1 {
					t.Error("a further step does not keep its own")
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		}, "Authorization", "ok:1")
	}
}

// TestKeepAtOnce: of many that keep at once one does, and all find what it kept.
func TestKeepAtOnce(t *testing.T) {
	var key guard.StepKey
	serve(t, guard.Require(bearer()), func(_ http.ResponseWriter, r *http.Request) {
		var kept atomic.Int32
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				if guard.Keep(r.Context(), &guard.Kept{Key: &key, Value: i}) {
					kept.Add(1)
					if r.Context().Value(&key) != i {
						t.Error("not what was kept")
					}
				}
				r.Context().Value(&key)
			})
		}
		all.Wait()
		if kept.Load() != 1 {
			t.Errorf("%d kept", kept.Load())
		}
	}, "Authorization", "ok:1")
}

// TestWrongPrincipalType: a handler that asks for another type than was
// authenticated is our mistake, 500, and never 401.
func TestWrongPrincipalType(t *testing.T) {
	h := guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *User) { t.Error("ran") })
	for name, mw := range map[string]guard.Middleware{
		"User behind *User": guard.BySubject(bearer(), users).Wrap,
		"token":             guard.Require(bearer()),
		"nobody of another": guard.Optional(bearer()),
	} {
		header := "ok:1"
		if strings.HasPrefix(name, "nobody") {
			header = ""
		}
		w, _ := serve(t, mw, h, "Authorization", header)
		if w.Code != 500 || strings.Contains(w.Body.String(), "User") {
			t.Errorf("%s: status %d, %s", name, w.Code, w.Body)
		}
	}
	if w, _ := serve(t, pass, h); w.Code != 401 {
		t.Errorf("no step at all: status %d, want 401", w.Code)
	}
}

func TestChainOrder(t *testing.T) {
	var order string
	mark := func(s string) guard.Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order += s
				next.ServeHTTP(w, r)
			})
		}
	}
	list := []guard.Middleware{mark("a"), mark("b")}
	chain := guard.Chain(list...)
	list[0] = mark("changed later")
	serve(t, chain, func(http.ResponseWriter, *http.Request) { order += "h" })
	if order != "abh" {
		t.Errorf("order %q", order)
	}
}
