package session_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

func TestDeadlines(t *testing.T) {
	tests := []struct {
		name string
		opts session.Options
		used []time.Duration // times of use, from its creation
		at   time.Duration
		want string
	}{
		{"idle, just", session.Options{}, nil, 30*time.Minute - time.Millisecond, "alice"},
		{"idle", session.Options{}, nil, 30 * time.Minute, expired},
		{"idle for an hour, just", session.Options{}, nil, 90*time.Minute - time.Millisecond, expired},
		{"idle for an hour", session.Options{}, nil, 90 * time.Minute, invalid},
		{"used", session.Options{}, []time.Duration{29 * time.Minute}, 59*time.Minute - time.Millisecond, "alice"},
		{"idle after its use", session.Options{}, []time.Duration{29 * time.Minute}, 59 * time.Minute, expired},
		{"a use that is not written", session.Options{}, []time.Duration{3*time.Minute - time.Millisecond}, 30 * time.Minute, expired},
		{"a use that is", session.Options{}, []time.Duration{3 * time.Minute}, 30 * time.Minute, "alice"},
		{"used after its end", session.Options{}, []time.Duration{30 * time.Minute}, 31 * time.Minute, expired},
		{"lifetime, just", session.Options{Lifetime: time.Hour}, []time.Duration{25 * time.Minute, 50 * time.Minute}, time.Hour - time.Millisecond, "alice"},
		{"lifetime", session.Options{Lifetime: time.Hour}, []time.Duration{25 * time.Minute, 50 * time.Minute}, time.Hour, expired},
		{"lifetime of an hour ago", session.Options{Lifetime: time.Hour}, []time.Duration{25 * time.Minute, 50 * time.Minute}, 2 * time.Hour, invalid},
		{"short", session.Options{Lifetime: time.Minute}, nil, time.Minute, expired},
		{"no idle timeout", session.Options{Lifetime: 7 * 24 * time.Hour, IdleTimeout: 7 * 24 * time.Hour}, nil, 7*24*time.Hour - time.Millisecond, "alice"},
		{"a minute at least", session.Options{IdleTimeout: 5 * time.Minute}, []time.Duration{59 * time.Second}, 5 * time.Minute, expired},
		{"half at most", session.Options{IdleTimeout: time.Minute}, []time.Duration{30 * time.Second}, time.Minute, "alice"},
		{"as set", session.Options{TouchEvery: time.Second}, []time.Duration{time.Second}, 30 * time.Minute, "alice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := harness.NewClock()
			start := now.Time
			tt.opts.Now = now.Now
			m := manager(t, &tt.opts)
			s, c := create(t, m, "alice")
			if !s.AuthTime().Equal(start) || !s.LastSeen().Equal(start) || !s.Deadline().After(start) {
				t.Errorf("%v, %v, %v", s.AuthTime(), s.LastSeen(), s.Deadline())
			}
			for _, d := range tt.used {
				now.Time = start.Add(d)
				serve(t, m.Wrap, request("GET", with(c)))
			}
			now.Time = start.Add(tt.at)
			alive(t, m, c, tt.want)
			list, err := m.List(t.Context(), "alice")
			if err != nil || (len(list) == 1) != (tt.want == "alice") {
				t.Errorf("listed: %v, %v", list, err)
			}
		})
	}
}

// Settings that became shorter hold for sessions that exist.
func TestShorterSettings(t *testing.T) {
	now := harness.NewClock()
	store := newMemory(t, &session.MemoryOptions{Now: now.Now})
	m := manager(t, &session.Options{Store: store, Now: now.Now})
	_, c := create(t, m, "alice")
	now.Advance(10 * time.Minute)
	alive(t, manager(t, &session.Options{Store: store, Now: now.Now, IdleTimeout: 10 * time.Minute}), c, expired)
	alive(t, manager(t, &session.Options{Store: store, Now: now.Now, Lifetime: 10 * time.Minute}), c, expired)
	alive(t, manager(t, &session.Options{Store: store, Now: now.Now, IdleTimeout: time.Hour}), c, "alice")
}

// A long handler has an old Session, which other requests may have extended.
func TestLongHandler(t *testing.T) {
	now := harness.NewClock()
	m := manager(t, &session.Options{Now: now.Now})
	s, c := create(t, m, "alice")
	for range 3 {
		now.Advance(20 * time.Minute)
		alive(t, m, c, "alice")
	}
	next, err := m.Update(t.Context(), s, func(p *profile) error { p.Role = "x"; return nil })
	if err != nil || !next.Deadline().Equal(now.Time.Add(30*time.Minute)) {
		t.Fatal(next, err)
	}
	if _, err := m.Rotate(recorder(), request("POST", with(c)), s); err != nil {
		t.Error(err)
	}
	now.Advance(30 * time.Minute)
	_, err = m.Update(t.Context(), next, func(*profile) error { return nil })
	refused(t, err, 401, "Invalid session") // it was rotated
	_, err = m.Update(t.Context(), nil, func(*profile) error { return nil })
	refused(t, err, 401, "Not authenticated")
	_, err = m.Rotate(recorder(), request("POST"), nil)
	refused(t, err, 401, "Not authenticated")
}

// A touch is best effort: its failure is reported, and the request is answered.
func TestTouchFails(t *testing.T) {
	now := harness.NewClock()
	methods := "Touch"
	store := failing(newMemory(t, &session.MemoryOptions{Now: now.Now}), &methods)
	m := manager(t, &session.Options{Store: store, Now: now.Now})
	_, c := create(t, m, "alice")
	now.Advance(20 * time.Minute)
	var seen []string
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) {
		seen = append(seen, d.Guard+" "+string(d.Outcome)+" "+d.Reason)
	})
	w, reached := serve(t, guard.Chain(observe, m.Wrap), request("GET", with(c)))
	if w.Code != 200 || !reached || strings.Join(seen, ",") != "touch failed "+errDown.Error()+", allowed " {
		t.Errorf("%d, reached %t, observed %q", w.Code, reached, seen)
	}
	now.Advance(10 * time.Minute)
	alive(t, m, c, expired)
}

// A touch continues when the client disconnects. It ends before the deadline, and
// within a second.
func TestTouchIsLimited(t *testing.T) {
	now := harness.NewClock()
	var left time.Duration
	var cause error
	store := &faulty{newMemory(t, &session.MemoryOptions{Now: now.Now}), func(ctx context.Context, method string) error {
		if method == "Touch" {
			deadline, _ := ctx.Deadline()
			left, cause = time.Until(deadline), ctx.Err()
		}
		return nil
	}}
	m := manager(t, &session.Options{Store: store, Now: now.Now})
	_, c := create(t, m, "alice")
	now.Advance(20 * time.Minute)
	disconnected, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Authenticate(request("GET", with(c)).WithContext(disconnected)); err != nil {
		t.Fatal(err)
	}
	if left <= 0 || left > time.Second || cause != nil {
		t.Errorf("%v left, %v", left, cause)
	}
	now.Advance(30*time.Minute - 20*time.Millisecond)
	alive(t, m, c, "alice")
	if left > 20*time.Millisecond {
		t.Errorf("a touch may be %v late", left)
	}
}
