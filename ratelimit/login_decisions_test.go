package ratelimit_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

func TestLoginIsObserved(t *testing.T) {
	l := newLogin(t, &ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 1, Window: time.Hour}})
	seen := observeLogins(t, l, fromIP("203.0.113.7"), fromIP("203.0.113.7"), fromIP("junk"))
	if len(seen) != 3 {
		t.Fatalf("%d decisions about 3 attempts: %+v", len(seen), seen)
	}
	if d := seen[0].Decision; d.Package != "ratelimit" || d.Outcome != guard.Allowed || d.Guard != "login-address" {
		t.Errorf("%+v", d)
	}
	if d := seen[1].Decision; d.Outcome != guard.Refused || d.Status != 429 || d.RetryAfter < 59*time.Minute || d.Guard != "login-address" {
		t.Errorf("%+v", d)
	}
	if d := seen[2].Decision; d.Outcome != guard.Refused || d.Status != 400 || d.Guard != "login" {
		t.Errorf("%+v", d)
	}
	for _, d := range seen {
		if strings.Contains(d.Reason, "alice") {
			t.Errorf("the name of an account is in %+v", d.Decision)
		}
	}
}

// An observed decision, and the status of its answer.
type observed struct {
	guard.Decision
	answered int
}

// observeLogins makes an attempt for each request, as a handler does.
func observeLogins(t *testing.T, l *ratelimit.Login, requests ...*http.Request) (seen []observed) {
	t.Helper()
	for _, r := range requests {
		a := serve(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				attempt, err := l.Attempt(r, "alice@example.com")
				if err != nil {
					guard.Refuse(w, r, err)
				}
				attempt.Fail(r.Context())
			})
		}, r)
		for _, d := range a.decisions {
			seen = append(seen, observed{d, a.Code})
		}
	}
	return seen
}

// TestOneRefusalOneDecision: a refused attempt was reported by Attempt and again
// by guard.Refuse, and the first report could have another status than the answer.
func TestOneRefusalOneDecision(t *testing.T) {
	secret := []byte("sixteen bytes...")
	broken := func(*http.Request) (netip.Addr, error) { return netip.Addr{}, &guard.Error{Status: 200} }
	for name, tt := range map[string]struct {
		ip       func(*http.Request) (netip.Addr, error)
		opts     ratelimit.LoginOptions
		outcomes []guard.Outcome
		status   int // of the second attempt
	}{
		"quota used up": {clientip.Direct(), ratelimit.LoginOptions{Address: ratelimit.Limit{Quota: 1, Window: time.Hour}},
			[]guard.Outcome{guard.Allowed, guard.Refused}, 429},
		"store down": {clientip.Direct(), ratelimit.LoginOptions{Store: &faulty{fault: down}, Secret: secret, OnFailure: ratelimit.FailClosed(), Timeout: longTimeout},
			[]guard.Outcome{guard.Failed, guard.Failed}, 503},
		"fallback down": {clientip.Direct(), ratelimit.LoginOptions{Store: &faulty{fault: down}, Secret: secret, OnFailure: ratelimit.Fallback(&faulty{fault: down}), Timeout: longTimeout},
			[]guard.Outcome{guard.Failed, guard.Failed}, 503},
		"address without a valid status": {broken, ratelimit.LoginOptions{},
			[]guard.Outcome{guard.Failed, guard.Failed}, 500},
	} {
		t.Run(name, func(t *testing.T) {
			l := guard.Must(ratelimit.NewLogin(tt.ip, &tt.opts))
			seen := observeLogins(t, l, fromIP("203.0.113.7"), fromIP("203.0.113.7"))
			if len(seen) != 2 {
				t.Fatalf("%d decisions about 2 attempts: %+v", len(seen), seen)
			}
			for i, d := range seen {
				if d.Outcome != tt.outcomes[i] {
					t.Errorf("attempt %d: outcome %q, want %q", i+1, d.Outcome, tt.outcomes[i])
				}
				if d.Package != "ratelimit" {
					t.Errorf("attempt %d: reported by %q", i+1, d.Package)
				}
				if d.Outcome != guard.Allowed && d.Status != d.answered {
					t.Errorf("attempt %d: reported %d, answered %d", i+1, d.Status, d.answered)
				}
			}
			if seen[1].answered != tt.status {
				t.Errorf("answered %d, want %d", seen[1].answered, tt.status)
			}
		})
	}
}
