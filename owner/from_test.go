package owner_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/owner"
)

func TestFromPanics(t *testing.T) {
	o, _ := newPosts(t)
	other, _ := newPosts(t)
	ctx := guard.WithPrincipal(context.Background(), user{ID: "alice"})
	var inner context.Context
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.SetPathValue("id", "1")
	h := o.HideAll().Require(byAuthor)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner = r.Context() }))
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got := o.From(inner); got.ID != "1" {
		t.Errorf("From = %v", got)
	}
	if s := fmt.Sprint(inner); strings.Contains(s, "alice") {
		t.Errorf("the context prints %s", s)
	}
	for name, f := range map[string]func(){
		"no step":            func() { o.From(ctx) },
		"another resource":   func() { other.From(inner) },
		"another principal":  func() { o.From(guard.WithPrincipal(inner, user{ID: "bob"})) },
		"nil Require":        func() { o.Require(nil) },
		"nil Visible":        func() { o.Visible(nil) },
		"nil Bypass":         func() { o.Bypass(nil) },
		"nil BypassCheck":    func() { o.BypassCheck(nil) },
		"nil handler":        func() { o.Load(nil) },
		"nil handler behind": func() { o.Require(byAuthor)(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// Derived copies leave what they were derived from as it was.
func TestDerivedCopies(t *testing.T) {
	o, _ := newPosts(t)
	_ = o.HideAll().WithMessage("x").Bypass(func(context.Context) bool { return true }).Visible(func(user, post) bool { return false })
	if w, _, _ := get(o.Require(byAuthor), o, "alice", "2"); w.Code != 403 || w.Body.String() != e(403, "Access denied") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestNewErrors(t *testing.T) {
	_, err := owner.New[user, post](nil, &owner.Options{NotFound: []error{nil}})
	if err == nil || !strings.Contains(err.Error(), "loader is nil") || !strings.Contains(err.Error(), "nil error") {
		t.Errorf("%v", err)
	}
	l := &loader{}
	if o, err := owner.New(l.load, nil); err != nil {
		t.Error(err)
	} else if w, _, _ := get(o.Load, o, "alice", "9"); w.Body.String() != e(404, "Not found") {
		t.Errorf("%s", w.Body)
	}
}

func TestSame(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"a", "a", true}, {"a", "b", false}, {"", "", false}, {"a", "", false}, {"a", "A", false}} {
		if got := owner.Same(tt.a, tt.b); got != tt.want {
			t.Errorf("Same(%q, %q) = %t", tt.a, tt.b, got)
		}
	}
	if owner.Same(0, 0) || !owner.Same(7, 7) || owner.Same([16]byte{}, [16]byte{}) {
		t.Error("Same of other types")
	}
	if owner.Same[any](nil, nil) || !owner.Same[any](1, 1) {
		t.Error("Same of interfaces")
	}
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	o, _ := newPosts(t)
	h := o.Visible(byAuthor).Require(byAuthor)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(guard.WithPrincipal(r.Context(), user{ID: "alice"}))
	r.SetPathValue("id", "1")
	w := httptest.NewRecorder()
	if got := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); got > 2 {
		t.Errorf("%v allocations, want 2", got)
	}
}
