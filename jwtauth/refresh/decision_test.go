package refresh_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// seenBy returns the decisions that g's Observe gets while do runs: action, guard,
// outcome, status and subject.
func (g *rig) seenBy(do func(ctx context.Context) error) string {
	g.t.Helper()
	g.seen = nil
	harness.Serve(g.t, g.observe(), func(w http.ResponseWriter, r *http.Request) {
		if err := do(r.Context()); err != nil {
			guard.Refuse(w, r, err)
		}
	}, harness.Request("/"))
	return g.decisions()
}

func (g *rig) decisions() string {
	var list []string
	for _, d := range g.seen {
		if d.Package != "refresh" && d.Outcome != guard.Allowed {
			g.t.Errorf("a decision of %s: %+v", d.Package, d)
		}
		if d.Package == "refresh" {
			list = append(list, fmt.Sprintf("%s,%s,%s,%d,%s", d.Action, d.Guard, d.Outcome, d.Status, d.Subject))
		}
	}
	return strings.Join(list, "|")
}

// TestMethodsAreDecisions: each reports one action with the subject.
func TestMethodsAreDecisions(t *testing.T) {
	start := func(g *rig, subject string) func(context.Context) error {
		return func(ctx context.Context) error { _, err := g.refresher.Start(ctx, subject, nil); return err }
	}
	use := func(g *rig, token string) func(context.Context) error {
		return func(ctx context.Context) error { _, err := g.refresher.Refresh(ctx, token); return err }
	}
	end := func(g *rig, subject, token string) func(context.Context) error {
		return func(ctx context.Context) error { return g.refresher.Revoke(ctx, subject, token) }
	}
	endAll := func(g *rig) func(context.Context) error {
		return func(ctx context.Context) error { return g.refresher.RevokeSubject(ctx, "1") }
	}
	down := func(g *rig) { g.store.err = errors.New("down") }
	for _, tt := range []struct {
		name string
		do   func(g *rig, mine *jwtauth.Tokens) func(context.Context) error
		want string
	}{
		{"Start", func(g *rig, _ *jwtauth.Tokens) func(context.Context) error { return start(g, "1") }, "sign-in,,allowed,0,1"},
		{"Start of an unknown subject", func(g *rig, _ *jwtauth.Tokens) func(context.Context) error { return start(g, "3") }, "sign-in,,refused,401,3"},
		{"Start of no subject", func(g *rig, _ *jwtauth.Tokens) func(context.Context) error { return start(g, "") }, "sign-in,,failed,500,"},
		{"Start without a store", func(g *rig, _ *jwtauth.Tokens) func(context.Context) error { down(g); return start(g, "1") }, "sign-in,,failed,503,1"},
		{"Refresh", func(g *rig, mine *jwtauth.Tokens) func(context.Context) error { return use(g, mine.RefreshToken) }, "refresh,,allowed,0,1"},
		{"Refresh of a forged token", func(g *rig, _ *jwtauth.Tokens) func(context.Context) error { return use(g, "x") }, "refresh,,refused,401,"},
		{"Refresh of an ended login", func(g *rig, mine *jwtauth.Tokens) func(context.Context) error {
			g.refused(g.endedBy(mine), 401, "ended")
			return use(g, mine.RefreshToken)
		}, "refresh,,refused,401,1"},
		{"Refresh of an expired login", func(g *rig, mine *jwtauth.Tokens) func(context.Context) error {
			g.clock.Advance(30 * 24 * time.Hour)
			return use(g, mine.RefreshToken)
		}, "refresh,,refused,401,1"},
		{"Refresh without a store", func(g *rig, mine *jwtauth.Tokens) func(context.Context) error {
			down(g)
			return use(g, mine.RefreshToken)
		}, "refresh,,failed,503,1"},
		{"Revoke", func(g *rig, mine *jwtauth.Tokens) func(context.Context) error { return end(g, "1", mine.RefreshToken) }, "sign-out,,allowed,0,1"},
		{"Revoke of another's", func(g *rig, mine *jwtauth.Tokens) func(context.Context) error { return end(g, "2", mine.RefreshToken) }, "sign-out,,refused,400,2"},
		{"Revoke without a store", func(g *rig, mine *jwtauth.Tokens) func(context.Context) error {
			down(g)
			return end(g, "1", mine.RefreshToken)
		}, "sign-out,,failed,503,1"},
		{"RevokeSubject", func(g *rig, _ *jwtauth.Tokens) func(context.Context) error { return endAll(g) }, "sign-out,all logins,allowed,0,1"},
		{"RevokeSubject without a store", func(g *rig, _ *jwtauth.Tokens) func(context.Context) error { down(g); return endAll(g) }, "sign-out,all logins,failed,503,1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, nil)
			if got := g.seenBy(tt.do(g, g.start("1"))); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// endedBy ends the login of tokens and returns its refresh token.
func (g *rig) endedBy(tokens *jwtauth.Tokens) string {
	g.t.Helper()
	if err := g.refresher.Revoke(g.t.Context(), "1", tokens.RefreshToken); err != nil {
		g.t.Fatal(err)
	}
	return tokens.RefreshToken
}

// TestHandlersAreDecisions: each request to a handler is one action with the subject,
// also where an access token of another login is denied.
func TestHandlersAreDecisions(t *testing.T) {
	g := newRig(t, nil)
	mine, other := g.start("1"), g.start("1")
	single := guard.Must(g.issuer.Issue("1", claims{}))
	renew, logout, everywhere := g.refresher.RefreshHandler(), g.guardedLogout(), g.refresher.LogoutAllHandler()
	alone := g.refresher.LogoutHandler()
	for _, tt := range []struct {
		name   string
		h      http.Handler
		method string
		access string
		token  string
		want   string
	}{
		{"refresh", renew, "POST", "", mine.RefreshToken, "refresh,,allowed,0,1"},
		{"refresh, forged", renew, "POST", "", "x", "refresh,,refused,401,"},
		{"refresh, GET", renew, "GET", "", mine.RefreshToken, "refresh,,refused,405,"},
		{"logout, forged", logout, "POST", mine.AccessToken, "x", "sign-out,,refused,400,1"},
		{"logout of another login", logout, "POST", mine.AccessToken, other.RefreshToken, "sign-out,,allowed,0,1"},
		{"logout by the refresh token alone", alone, "POST", "", mine.RefreshToken, "sign-out,,allowed,0,1"},
		{"logout by a forged token alone", alone, "POST", "", "x", "sign-out,,refused,400,"},
		{"logout everywhere", everywhere, "POST", single.AccessToken, "", "sign-out,all logins,allowed,0,1"},
	} {
		g.seen = nil
		g.serve(tt.h, tt.method, tt.access, tokenBody(tt.token))
		if got := g.decisions(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		for _, d := range g.seen {
			if d.Package == "jwtauth" && d.Action != "" {
				t.Errorf("%s: a second action: %+v", tt.name, d)
			}
		}
	}
}

// TestHandlersUseTheChosenFormat: what guard.OnError sets holds for every refusal.
func TestHandlersUseTheChosenFormat(t *testing.T) {
	g := newRig(t, nil)
	mine := g.start("1")
	for _, tt := range []struct {
		name   string
		h      http.Handler
		method string
		access string
		body   string
		want   string
	}{
		{"refresh, forged", g.refresher.RefreshHandler(), "POST", "", tokenBody("x"),
			`{"title":"Unauthorized","status":401,"detail":"Invalid refresh token","code":"refresh_token_invalid"}`},
		{"refresh, GET", g.refresher.RefreshHandler(), "GET", "", "",
			`{"title":"Method Not Allowed","status":405,"detail":"Method Not Allowed","code":"method_not_allowed"}`},
		{"logout, forged", g.refresher.LogoutHandler(), "POST", mine.AccessToken, tokenBody("x"),
			`{"title":"Bad Request","status":400,"detail":"Invalid token","code":"refresh_token_invalid"}`},
		{"logout, a bad access token", g.guardedLogout(), "POST", "x", tokenBody("x"),
			`{"title":"Unauthorized","status":401,"detail":"Invalid token","code":"token_invalid"}`},
		{"logout everywhere, GET", g.refresher.LogoutAllHandler(), "GET", mine.AccessToken, "",
			`{"title":"Method Not Allowed","status":405,"detail":"Method Not Allowed","code":"method_not_allowed"}`},
	} {
		w := g.serve(guard.OnError(format.Problem)(tt.h), tt.method, tt.access, tt.body)
		if w.Body.String() != tt.want || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s %v", tt.name, w.Body, w.Header())
		}
	}
}

// TestCodes: an expired login differs from an invalid token.
func TestCodes(t *testing.T) {
	code := func(err error) string {
		e, _ := errors.AsType[*guard.Error](err)
		if e == nil {
			return ""
		}
		return e.Code
	}
	g := newRig(t, &refresh.Options{NoGrace: true})
	first, second, third := g.start("1"), g.start("1"), g.start("2")
	g.refresh(first.RefreshToken)
	for name, token := range map[string]string{"forged": "x", "reused": first.RefreshToken, "ended": g.endedBy(second)} {
		if _, err := g.refresher.Refresh(t.Context(), token); code(err) != "refresh_token_invalid" {
			t.Errorf("%s: %v, code %q", name, err, code(err))
		}
	}
	if err := g.refresher.Revoke(t.Context(), "1", third.RefreshToken); code(err) != "refresh_token_invalid" {
		t.Errorf("Revoke of another's: %v, code %q", err, code(err))
	}
	if _, err := g.refresher.Start(t.Context(), "3", nil); code(err) != "subject_unknown" {
		t.Errorf("Start of an unknown subject: %v, code %q", err, code(err))
	}
	g.clock.Advance(30 * 24 * time.Hour)
	if _, err := g.refresher.Refresh(t.Context(), third.RefreshToken); code(err) != "refresh_token_expired" {
		t.Errorf("expired: %v, code %q", err, code(err))
	}
}
