package ratelimit_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// TestOutageOfATrial: the number of decisions without the store is reported, also
// where the trial would refuse.
func TestOutageOfATrial(t *testing.T) {
	store := newFaulty()
	l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "trial", Quota: 1, Window: time.Hour}, byHeader,
		&ratelimit.Options{Store: store, OnFailure: ratelimit.FailOpen(), Shadow: true, Timeout: longTimeout}))
	serve(t, l.Wrap, of("a"))
	store.set(down)
	for range 3 {
		serve(t, l.Wrap, of("a"))
	}
	store.set(nil)
	for i, want := range []string{"the store answers again; decisions made without it: 3", "the quota is used up"} {
		if d := serve(t, l.Wrap, of("a")).decisions[0]; d.Outcome != guard.Shadowed || d.Reason != want {
			t.Errorf("request %d after the outage: %+v; want %q", i+1, d, want)
		}
	}
}

// TestFailuresOfATrial: under Shadow every request proceeds, and failures of our own
// are not silent: an outage once, and others, such as a wrong order, each time.
func TestFailuresOfATrial(t *testing.T) {
	store := newFaulty()
	store.set(down)
	byUser := ratelimit.ByPrincipal(func(u user) string { return u.id })
	for name, tt := range map[string]struct {
		key   ratelimit.Key
		opts  ratelimit.Options
		r     *http.Request
		lines int // of four requests
		want  string
	}{
		"the store is down": {byHeader, ratelimit.Options{Store: store}, of("a"), 1, "FailClosed decided"},
		"a fallback":        {byHeader, ratelimit.Options{Store: store, OnFailure: ratelimit.FailOpen()}, of("a"), 1, "FailOpen decided"},
		"a wrong order":     {byUser, ratelimit.Options{}, of("a"), 4, "no authentication step"},
		"a negative cost":   {byHeader, ratelimit.Options{Cost: func(*http.Request) int { return -1 }}, of("a"), 4, "a cost of -1"},
		"a bad request":     {byHeader, ratelimit.Options{}, of(""), 0, ""},
		"over the quota":    {byHeader, ratelimit.Options{}, of("b"), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			log := harness.CaptureLog(t)
			tt.opts.Shadow, tt.opts.Timeout = true, longTimeout
			l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "trial", Quota: 1, Window: time.Hour}, tt.key, &tt.opts))
			for range 4 {
				if w, reached := harness.Serve(t, l.Wrap, nil, tt.r); !reached {
					t.Errorf("status %d", w.Code)
				}
			}
			lines := log.Lines()
			if len(lines) != tt.lines {
				t.Errorf("%q, want %d lines", lines, tt.lines)
			}
			for _, line := range lines {
				if !strings.Contains(line, "outcome=failed") || !strings.Contains(line, tt.want) {
					t.Errorf("%s does not mention %q", line, tt.want)
				}
			}
		})
	}
}
