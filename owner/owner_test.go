package owner_test

import (
	"context"
	"strings"
	"testing"

	"github.com/go-guard/guard/owner"
)

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

// Deriving a copy does not change the original.
func TestDerivedCopies(t *testing.T) {
	o, _ := newPosts(t)
	_ = o.WithMessage("x").Bypass(func(context.Context) (bool, error) { return true, nil }).Visible(func(user, post) bool { return false })
	if w, _, _ := get(o.Require(byAuthor), o, "alice", "2"); w.Code != 403 || w.Body.String() != e(403, "Access denied") {
		t.Errorf("%d %s", w.Code, w.Body)
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

// An empty id in an interface owns nothing, either.
func TestSameOfInterfaces(t *testing.T) {
	for _, tt := range []struct {
		a, b any
		want bool
	}{{"", "", false}, {0, 0, false}, {nil, nil, false}, {"1", "1", true}, {1, 1, true}, {"1", 1, false}} {
		if got := owner.Same(tt.a, tt.b); got != tt.want {
			t.Errorf("Same(%#v, %#v) = %t", tt.a, tt.b, got)
		}
	}
}
