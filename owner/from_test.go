package owner_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

func TestFromPanics(t *testing.T) {
	o, _ := newHiddenPosts(t)
	other, _ := newHiddenPosts(t)
	ctx := guard.WithPrincipal(context.Background(), user{ID: "alice"})
	var inner context.Context
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.SetPathValue("id", "1")
	h := o.WithMessage("No").Require(byAuthor)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner = r.Context() }))
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

// A printed context holds neither the resource nor the principal, under any verb.
func TestPrintedContextHoldsNoResource(t *testing.T) {
	o, _ := newPosts(t)
	ran := false
	h := o.Load(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ran = true
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(verb, r.Context()); strings.Contains(s, "bob") || strings.Contains(s, "alice") {
				t.Errorf("%s: %s", verb, s)
			}
		}
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.SetPathValue("id", "2")
	h.ServeHTTP(httptest.NewRecorder(), r.WithContext(guard.WithPrincipal(r.Context(), user{ID: "alice"})))
	if !ran {
		t.Error("not reached")
	}
}
