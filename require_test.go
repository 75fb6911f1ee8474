package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

const secretText = "dial tcp db.internal: hunter2"

// TestSteps: how Require, Optional and Lenient treat every answer of an
// authenticator.
func TestSteps(t *testing.T) {
	first := scheme{"X-First", `First realm="1"`, map[string]error{
		"down":     errors.New(secretText),
		"outage":   guard.Unavailable(errors.New(secretText)),
		"twice":    &guard.Error{Status: 400, Message: "twice"},
		"banned":   guard.Forbidden("banned"),
		"missing":  &guard.Error{Status: 401, Message: "First required", Err: guard.ErrNoCredentials},
		"wrapped":  fmt.Errorf("context: %w", guard.Unauthorized("wrapped")),
		"nil":      (*guard.Error)(nil),
		"timeout":  context.DeadlineExceeded,
		"deceived": guard.Unavailable(guard.ErrNoCredentials),
	}}
	second := scheme{"X-Second", `Second realm="2"`, nil}
	all := []string{first.challenge, second.challenge}
	tests := []struct {
		name, first, second     string
		require, optional, weak int // status; 200 reached with a principal, 204 reached as anonymous
		message                 string
	}{
		{"first", "ok:1", "", 200, 200, 200, ""},
		{"second", "", "ok:2", 200, 200, 200, ""},
		{"both", "ok:1", "ok:2", 200, 200, 200, ""},
		{"none", "", "", 401, 204, 204, "Authentication required"},
		{"none, named", "missing", "", 401, 204, 204, "First required"},
		{"named, then second", "missing", "ok:2", 200, 200, 200, ""},
		{"a bad credential never falls through", "bad", "ok:2", 401, 401, 204, "bad X-First"},
		{"a good one before a bad one decides", "ok:1", "bad", 200, 200, 200, ""},
		{"a wrapped refusal", "wrapped", "ok:2", 401, 401, 204, "wrapped"},
		{"our failure", "down", "ok:2", 500, 500, 500, "The request could not be processed"},
		{"our outage", "outage", "ok:2", 503, 503, 503, "The service is unavailable. Try again later."},
		{"a timeout", "timeout", "", 503, 503, 503, "The service is unavailable. Try again later."},
		{"an outage that calls itself no credentials", "deceived", "ok:2", 503, 503, 503, "The service is unavailable. Try again later."},
		{"a malformed request", "twice", "ok:2", 400, 400, 400, "twice"},
		{"a forbidden one", "banned", "ok:2", 403, 403, 403, "banned"},
		{"a typed nil", "nil", "ok:2", 500, 500, 500, "The request could not be processed"},
	}
	kinds := []struct {
		name string
		mw   guard.Middleware
		want func(i int) int
	}{
		{"Require", guard.Require(first, second), func(i int) int { return tests[i].require }},
		{"Optional", guard.Optional(first, second), func(i int) int { return tests[i].optional }},
		{"Lenient", guard.Lenient(first, second), func(i int) int { return tests[i].weak }},
	}
	for _, kind := range kinds {
		for i, tt := range tests {
			t.Run(kind.name+"/"+tt.name, func(t *testing.T) {
				want := kind.want(i)
				w, reached := serve(t, kind.mw, func(w http.ResponseWriter, r *http.Request) {
					if _, known := guard.PrincipalFrom[*token](r.Context()); !known {
						w.WriteHeader(204)
					}
				}, "X-First", tt.first, "X-Second", tt.second)
				if w.Code != want || reached != (want < 300) {
					t.Fatalf("status %d, reached %t; want %d: %s", w.Code, reached, want, w.Body)
				}
				if got := w.Header()["Vary"]; !slices.Equal(got, []string{"X-First, X-Second"}) {
					t.Errorf("Vary %q", got)
				}
				if reached {
					return
				}
				if want := fmt.Sprintf(`{"error":%q,"message":%q}`, http.StatusText(want), tt.message); w.Body.String() != want {
					t.Errorf("body %s, want %s", w.Body, want)
				}
				if strings.Contains(fmt.Sprint(w.Body, w.Header()), "hunter2") {
					t.Error("our failure's text reached the client")
				}
				if got := w.Header()["Www-Authenticate"]; w.Code == 401 && !slices.Equal(got, all) || w.Code != 401 && got != nil {
					t.Errorf("challenges %q", got)
				}
				if got := w.Header()["Cache-Control"]; !slices.Equal(got, []string{"no-store"}) {
					t.Errorf("Cache-Control %q", got)
				}
			})
		}
	}
}
