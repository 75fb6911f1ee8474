package guard_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

type ofApp struct{}

func keeping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), ofApp{}, "kept")
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
