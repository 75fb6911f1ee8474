package compose_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	opaque "github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/webhook"
)

// TestWrongPrincipalNeverOpens: guards for one principal behind a step for
// another are a wiring mistake: 500 with both types in the log, and no load.
func TestWrongPrincipalNeverOpens(t *testing.T) {
	h := newApp(t)
	var log bytes.Buffer
	observe := guard.Observe(guard.LogTo(slog.New(slog.NewTextHandler(&log, nil)), nil))
	raw := guard.Must(apikey.New(func(context.Context, string) (*member, bool, error) { return &member{"bob", nil}, true, nil }, nil))
	prove := way{prove: func(r *http.Request, id string) { r.Header.Set("X-API-Key", id) }}
	for name, g := range map[string]guard.Middleware{
		"role": h.policy.RequireRole("user"), "permission": h.policy.RequireAll("documents:write"), "owner": h.own(), "load": h.documents.Load,
		"limit": h.byMember.Wrap, "handler": func(http.Handler) http.Handler {
			return guard.HandlerFunc(func(http.ResponseWriter, *http.Request, member) { t.Error("reached") })
		},
	} {
		log.Reset()
		rec, reached := h.get(guard.Chain(observe, raw.Wrap, g), prove, "bob", "1")
		if rec.Code != 500 || reached || h.loads > 0 {
			t.Errorf("%s: %d, reached %t, %d loads", name, rec.Code, reached, h.loads)
		}
		if s := log.String(); !strings.Contains(s, "ERROR") || !strings.Contains(s, "type compose_test.member") || !strings.Contains(s, "as *compose_test.member") {
			t.Errorf("%s: the log has %s", name, s)
		}
		if strings.Contains(rec.Body.String(), "member") {
			t.Errorf("%s: the client reads %s", name, rec.Body)
		}
	}
}

// TestZeroValuesAreClosed: what was not made by its New grants no access.
func TestZeroValuesAreClosed(t *testing.T) {
	prove := way{prove: func(r *http.Request, _ string) {
		r.Header.Set("X-API-Key", "x")
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("Webhook-Signature", "v1,x")
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: "x"})
	}}
	h := &app{}
	for name, m := range map[string]func() guard.Middleware{
		"guard.Mapped":      func() guard.Middleware { return (&guard.Mapped[member, member]{}).Wrap },
		"apikey.Keys":       func() guard.Middleware { return (&apikey.Keys[member]{}).Wrap },
		"apikey.Ring":       func() guard.Middleware { return (&apikey.Ring{}).Wrap },
		"bearer.Tokens":     func() guard.Middleware { return (&opaque.Tokens[member]{}).Wrap },
		"jwtauth.Verifier":  func() guard.Middleware { return (&jwtauth.Verifier[struct{}]{}).Wrap },
		"session.Manager":   func() guard.Middleware { return (&session.Manager[struct{}]{}).Wrap },
		"webhook.Hooks":     func() guard.Middleware { return guard.Require(&webhook.Hooks{}) },
		"ratelimit.Limiter": func() guard.Middleware { return (&ratelimit.Limiter{}).Wrap },
		"ratelimit.Bucket":  func() guard.Middleware { return (&ratelimit.Bucket{}).Wrap },
		"rbac":              func() guard.Middleware { return (&rbac.Policy[member, string]{}).RequireAll("x") },
		"owner":             func() guard.Middleware { return (&owner.Resource[member, document]{}).Load },
		"optional":          func() guard.Middleware { return guard.Optional(&apikey.Keys[member]{}) },
	} {
		for _, who := range []string{"", "bob"} {
			func() {
				defer func() { _ = recover() }() // a panic grants no access either
				rec, reached := h.get(m(), prove, who, "1")
				if reached || rec.Code < 400 {
					t.Errorf("%s: a zero value grants access to %q: %d", name, who, rec.Code)
				}
			}()
		}
	}
}
