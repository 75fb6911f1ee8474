package identity_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/identity"
	"github.com/go-guard/guard/internal/testing/race"
)

type user struct{ id string }

type token struct{ text string }

func (t *token) Text() string { return t.text }

type texter interface{ Text() string }

// with returns ctx with an authenticated P, mapped from credential unless that
// is nil.
func with[P any](ctx context.Context, p P, credential any) *identity.Node {
	n := identity.New(ctx, p, true)
	n.Credential = credential
	return n
}

func TestFor(t *testing.T) {
	outer := with(t.Context(), user{"outer"}, nil)
	tests := []struct {
		name string
		ctx  context.Context
		want string // the user's id; "anonymous", or "" without a step
	}{
		{"no step", t.Context(), ""},
		{"another type", with(t.Context(), &token{"a"}, nil), ""},
		{"innermost", with(outer, user{"inner"}, nil), "inner"},
		{"behind another type", with(outer, &token{"a"}, nil), "outer"},
		{"behind values", context.WithValue(outer, user{}, 1), "outer"},
		{"hidden by an anonymous step", identity.New(outer, user{}, false), "anonymous"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if n, u := identity.For[user](tt.ctx); u != nil {
				got = u.id
			} else if n != nil {
				got = "anonymous"
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestCredential(t *testing.T) {
	mapped := with(t.Context(), user{"1"}, &token{"a"})
	tests := []struct {
		name string
		ctx  context.Context
		want string
	}{
		{"no step", t.Context(), ""},
		{"mapped", mapped, "a"},
		{"mapped twice", with(t.Context(), 1, identity.Derived{Credential: user{"1"}, From: &token{"b"}}), "b"},
		{"the principal itself", with(t.Context(), &token{"c"}, nil), "c"},
		{"the principal in an interface", with[any](t.Context(), &token{"d"}, nil), "d"},
		{"behind another type", with(mapped, 1, 2), "a"},
		{"hidden with its principal", with(mapped, user{"2"}, nil), ""},
		{"hidden by an anonymous step", identity.New(mapped, user{}, false), ""},
		{"anonymous", identity.New(t.Context(), (*token)(nil), false), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if c, ok := identity.Credential[texter](tt.ctx); ok {
				got = c.Text()
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if c, ok := identity.Credential[*token](tt.ctx); ok && c.text != tt.want {
				t.Errorf("by its type: %q, want %q", c.text, tt.want)
			}
		})
	}
}

// TestPrinted: a printed context shows types, never a principal or credential.
func TestPrinted(t *testing.T) {
	ctx := with(t.Context(), user{"s3cret"}, &token{"s3cret"})
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, ctx); strings.Contains(s, "s3cret") || !strings.Contains(s, "identity_test.user") {
			t.Errorf("%s: %s", format, s)
		}
	}
}

// TestWalksAllocateNothing: a question costs no allocation, however far the
// answer is.
func TestWalksAllocateNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	var ctx context.Context = with(t.Context(), user{"1"}, &token{"a"})
	for range 4 {
		ctx = context.WithValue(with(ctx, 1, 2), user{}, 1)
	}
	for name, f := range map[string]func(){
		"For":        func() { identity.For[user](ctx) },
		"Credential": func() { identity.Credential[*token](ctx) },
		"interface":  func() { identity.Credential[texter](ctx) },
	} {
		if got := testing.AllocsPerRun(100, f); got > 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

type named struct{ name string }

func (n named) Name() string { return n.name }

func (n *named) Rename(name string) { n.name = name }

// TestCredentialIsACopy: an interface gets the principal itself, as the
// application knows it, never a pointer into the node.
func TestCredentialIsACopy(t *testing.T) {
	ctx := with(t.Context(), named{"alice"}, nil)
	if c, ok := identity.Credential[interface{ Name() string }](ctx); !ok || c != any(named{"alice"}) {
		t.Errorf("%#v, %t; want a named", c, ok)
	}
	if c, ok := identity.Credential[any](ctx); !ok || c != any(named{"alice"}) {
		t.Errorf("%#v, %t; want a named", c, ok)
	}
	if c, ok := identity.Credential[interface{ Rename(string) }](ctx); ok {
		t.Errorf("%#v can change the principal", c)
	}
	p := &named{"bob"}
	if c, ok := identity.Credential[any](with(t.Context(), p, nil)); !ok || c != any(p) {
		t.Errorf("%#v, %t; want the pointer", c, ok)
	}
}
