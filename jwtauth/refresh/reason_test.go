package refresh_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// TestOneRefusalIsOneDecision: a refusal that a method reported and a handler
// passes to guard.Refuse is one Decision, and so is a refusal of this package's
// handlers.
func TestOneRefusalIsOneDecision(t *testing.T) {
	// handler answers a request with the error of a method.
	handler := func(f func(r *http.Request) error) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, f(r)) })
	}
	refreshing := func(g *rig, token string) http.Handler {
		return handler(func(r *http.Request) error {
			_, err := g.refresher.Refresh(r.Context(), token)
			return err
		})
	}
	revoking := func(g *rig, subject, token string) http.Handler {
		return handler(func(r *http.Request) error { return g.refresher.Revoke(r.Context(), subject, token) })
	}
	reused := func(g *rig) string { // a token that was used long ago
		first := g.start("1").RefreshToken
		g.refresh(g.refresh(first).RefreshToken)
		g.clock.Advance(10 * time.Second)
		return first
	}
	tests := []struct {
		name   string
		action string // and the guard
		status int
		build  func(g *rig, mine *jwtauth.Tokens) (h http.Handler, method, body string)
	}{
		{"Refresh of a forged token", "refresh", 401, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			return refreshing(g, "forged"), "POST", ""
		}},
		{"Refresh of a used token", "refresh", 401, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			return refreshing(g, reused(g)), "POST", ""
		}},
		{"Refresh of a used token without a denylist", "refresh", 503, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			token := reused(g)
			g.deny.err = errors.New("down")
			return refreshing(g, token), "POST", ""
		}},
		{"Refresh without a store", "refresh", 503, func(g *rig, mine *jwtauth.Tokens) (http.Handler, string, string) {
			g.store.err = errors.New("down")
			return refreshing(g, mine.RefreshToken), "POST", ""
		}},
		{"Refresh with a bug in reload", "refresh", 500, func(g *rig, mine *jwtauth.Tokens) (http.Handler, string, string) {
			g.reloadErr = errors.New("a bug")
			return refreshing(g, mine.RefreshToken), "POST", ""
		}},
		{"Revoke of a forged token", "sign-out", 400, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			return revoking(g, "1", "forged"), "POST", ""
		}},
		{"Revoke of another subject's token", "sign-out", 400, func(g *rig, mine *jwtauth.Tokens) (http.Handler, string, string) {
			return revoking(g, "2", mine.RefreshToken), "POST", ""
		}},
		{"Revoke without a store", "sign-out", 503, func(g *rig, mine *jwtauth.Tokens) (http.Handler, string, string) {
			g.store.err = errors.New("down")
			return revoking(g, "1", mine.RefreshToken), "POST", ""
		}},
		{"RevokeSubject without a store", "sign-out all logins", 503, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			g.store.err = errors.New("down")
			return handler(func(r *http.Request) error { return g.refresher.RevokeSubject(r.Context(), "1") }), "POST", ""
		}},
		{"RefreshHandler and a forged token", "refresh", 401, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			return g.refresher.RefreshHandler(), "POST", tokenBody("forged")
		}},
		{"RefreshHandler and a used token", "refresh", 401, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			return g.refresher.RefreshHandler(), "POST", tokenBody(reused(g))
		}},
		{"RefreshHandler and a used token without a denylist", "refresh", 503, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			token := reused(g)
			g.deny.err = errors.New("down")
			return g.refresher.RefreshHandler(), "POST", tokenBody(token)
		}},
		{"RefreshHandler and a GET", "refresh", 405, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			return g.refresher.RefreshHandler(), "GET", ""
		}},
		{"RefreshHandler and a large body", "refresh", 413, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			return g.refresher.RefreshHandler(), "POST", strings.Repeat(" ", 1<<20+1)
		}},
		{"LogoutHandler and a forged token", "sign-out", 400, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			return g.refresher.LogoutHandler(), "POST", tokenBody("forged")
		}},
		{"LogoutHandler without a store", "sign-out", 503, func(g *rig, mine *jwtauth.Tokens) (http.Handler, string, string) {
			g.store.err = errors.New("down")
			return g.refresher.LogoutHandler(), "POST", tokenBody(mine.RefreshToken)
		}},
		{"LogoutAllHandler without a store", "sign-out all logins", 503, func(g *rig, _ *jwtauth.Tokens) (http.Handler, string, string) {
			g.store.err = errors.New("down")
			return g.refresher.LogoutAllHandler(), "POST", ""
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, nil)
			mine := g.start("1")
			h, method, body := tt.build(g, mine)
			w := g.serve(h, method, mine.AccessToken, body)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			var refusals []guard.Decision
			for _, d := range g.seen {
				if d.Outcome == guard.Refused || d.Outcome == guard.Failed {
					refusals = append(refusals, d)
				}
			}
			if len(refusals) != 1 {
				t.Fatalf("%d decisions, want 1: %+v", len(refusals), refusals)
			}
			d := refusals[0]
			if action := strings.TrimSpace(d.Action + " " + d.Guard); d.Package != "refresh" || action != tt.action || d.Status != tt.status {
				t.Errorf("decision of %s %q with status %d, want refresh %q with %d", d.Package, action, d.Status, tt.action, tt.status)
			}
		})
	}
}

// TestRefusalsBelongToTheCaller: a message that a caller sets does not appear in
// a later refusal.
func TestRefusalsBelongToTheCaller(t *testing.T) {
	g := newRig(t, nil)
	shared := guard.Forbidden("Account locked")
	token := g.start("1").RefreshToken
	g.reloadErr = shared
	_, err := g.refresher.Refresh(t.Context(), token)
	e, ok := errors.AsType[*guard.Error](err)
	if !ok {
		t.Fatalf("Refresh: %v", err)
	}
	e.Message = "changed"
	if message := shared.(*guard.Error).Message; message != "Account locked" {
		t.Errorf("the error of reload has the message %q", message)
	}
}

// TestReasonOfAMissingToken: the log does not call a missing token a forged one.
func TestReasonOfAMissingToken(t *testing.T) {
	const want = "refresh: no refresh token, or two cookies with one"
	for _, cookie := range []bool{false, true} {
		g := newRig(t, &refresh.Options{Cookie: cookie})
		g.serve(g.refresher.RefreshHandler(), "POST", "", "{}")
		g.serve(g.refresher.LogoutHandler(), "POST", "", "{}")
		if len(g.seen) != 2 || g.seen[0].Reason != want || g.seen[1].Reason != want {
			t.Errorf("cookie %t: %+v", cookie, g.seen)
		}
		if err := g.refresher.Revoke(t.Context(), "1", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Revoke: %v", err)
		}
	}
}

// TestRefusalOfAHandlerHasThePattern: the Decision names the route.
func TestRefusalOfAHandlerHasThePattern(t *testing.T) {
	g := newRig(t, nil)
	mux := http.NewServeMux()
	mux.Handle("POST /refresh", g.refresher.RefreshHandler())
	g.serve(mux, "POST", "", tokenBody("forged"))
	if len(g.seen) != 1 || g.seen[0].Pattern != "POST /refresh" {
		t.Errorf("%+v", g.seen)
	}
}

// TestReuseErrorHidesTheSubject: its text is logged, and a subject may be
// personal data.
func TestReuseErrorHidesTheSubject(t *testing.T) {
	if text := (&refresh.ReuseError{Subject: "alice", SessionID: "s"}).Error(); strings.Contains(text, "alice") {
		t.Errorf("%q", text)
	}
}
