package refresh_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

func TestRefreshGrace(t *testing.T) {
	tests := []struct {
		name string
		opts refresh.Options
		wait time.Duration
		same bool
	}{
		{"immediately", refresh.Options{}, 0, true},
		{"just before", refresh.Options{}, 10*time.Second - time.Millisecond, true},
		{"exactly then", refresh.Options{}, 10 * time.Second, false},
		{"a longer one", refresh.Options{Grace: time.Minute}, time.Minute - time.Millisecond, true},
		{"a longer one has passed", refresh.Options{Grace: time.Minute}, time.Minute, false},
		{"none", refresh.Options{NoGrace: true}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, &tt.opts)
			first := g.start("1")
			second := g.refresh(first.RefreshToken)
			g.clock.Advance(tt.wait)
			if tt.same {
				again := g.refresh(first.RefreshToken)
				if again.RefreshToken != second.RefreshToken {
					t.Error("another successor")
				}
				g.refresh(second.RefreshToken)
				g.alive(true, first, second, again)
				return
			}
			g.refused(first.RefreshToken, 401, "used again")
			g.refused(second.RefreshToken, 401, "has ended")
			g.alive(false, first, second)
		})
	}
}

// TestRepeatedAfterTheSuccessorWasUsed: a tab or a retry that comes late, within the
// grace period of the token's first use, is refused, and nothing ends. It is
// reported as a repetition and not as reuse.
func TestRepeatedAfterTheSuccessorWasUsed(t *testing.T) {
	for _, tt := range []struct {
		wait []time.Duration // before each refresh, and before the repetition of the first token
		want string
	}{
		{[]time.Duration{0, 0, 2 * time.Second}, "repeated within the grace period"},
		{[]time.Duration{0, 0, 10*time.Second - 1}, "repeated within the grace period"},
		{[]time.Duration{0, 0, 10 * time.Second}, "used again"},
		{[]time.Duration{0, 9 * time.Second, 2 * time.Second}, "used again"},
		{[]time.Duration{0, 2 * time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second}, "repeated within the grace period"},
		{[]time.Duration{0, 3 * time.Second, 3 * time.Second, 3 * time.Second, 3 * time.Second}, "used again"},
	} {
		g := newRig(t, nil)
		first := g.start("1")
		tokens := first
		for i, d := range tt.wait {
			g.clock.Advance(d)
			if i < len(tt.wait)-1 {
				tokens = g.refresh(tokens.RefreshToken)
			}
		}
		var reuse *refresh.ReuseError
		err := g.refused(first.RefreshToken, 401, tt.want)
		ended := tt.want == "used again"
		if errors.As(err, &reuse) != ended {
			t.Errorf("%v: %v", tt.wait, err)
		}
		if g.alive(!ended, first, tokens); !ended {
			g.refresh(tokens.RefreshToken)
		}
	}
}

// TestAnswersLostInAnOutage: the store used the tokens, and its answers got lost. The
// clients of the process that answered 503 are not logged out within a minute.
func TestAnswersLostInAnOutage(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts refresh.Options
		wait time.Duration // until the end of the outage
		used bool          // another client has the successor, and used it
		want string        // "" if the token yields its successor
	}{
		{"12 s", refresh.Options{}, 12 * time.Second, false, ""},
		{"almost a minute", refresh.Options{}, time.Minute - time.Millisecond, false, ""},
		{"a minute", refresh.Options{}, time.Minute, false, "used again"},
		{"the successor was used", refresh.Options{}, 12 * time.Second, true, "used again"},
		{"no grace period", refresh.Options{NoGrace: true}, time.Second, false, "used again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(t, &tt.opts)
			var tokens []*jwtauth.Tokens
			for range 32 {
				tokens = append(tokens, g.start("1"))
			}
			g.store.lost = errors.New("broken pipe")
			for _, tk := range tokens {
				g.refused(tk.RefreshToken, 503, "broken pipe")
			}
			g.clock.Advance(tt.wait / 2)
			g.refused(tokens[0].RefreshToken, 503, "broken pipe")
			g.clock.Advance(tt.wait - tt.wait/2)
			g.store.lost = nil
			other := guard.Must(refresh.New(g.issuer, g.reload, &refresh.Options{Store: g.store, Grace: time.Minute})) // another process
			if tt.opts.NoGrace {                                                                                       // the first one was used again during the outage
				tokens = tokens[1:]
			}
			if tt.used {
				for _, tk := range tokens {
					next := guard.Must(other.Refresh(t.Context(), tk.RefreshToken))
					guard.Must(other.Refresh(t.Context(), next.RefreshToken))
				}
				g.clock.Advance(time.Minute)
			}
			for _, tk := range tokens {
				if tt.want != "" {
					g.refused(tk.RefreshToken, 401, tt.want)
					continue
				}
				g.refresh(g.refresh(tk.RefreshToken).RefreshToken)
			}
		})
	}
}

// TestOtherProcessesKeepTheGracePeriod: they do not know which answers got lost.
func TestOtherProcessesKeepTheGracePeriod(t *testing.T) {
	g := newRig(t, nil)
	tokens := g.start("1")
	g.store.lost = errors.New("broken pipe")
	g.refused(tokens.RefreshToken, 503, "broken pipe")
	g.store.lost = nil
	g.clock.Advance(12 * time.Second)
	g.refresher = guard.Must(refresh.New(g.issuer, g.reload, &refresh.Options{Store: g.store}))
	g.refused(tokens.RefreshToken, 401, "used again")
}

// TestLostAnswersAreBounded: of many, the latest are remembered.
func TestLostAnswersAreBounded(t *testing.T) {
	g := newRig(t, nil)
	g.store.Store = guard.Must(refresh.NewMemory(&refresh.MemoryOptions{MaxPerSubject: 10_000}))
	var tokens []*jwtauth.Tokens
	for range 6000 {
		tokens = append(tokens, g.start("1"))
	}
	g.store.lost = errors.New("broken pipe")
	for _, tk := range tokens {
		g.refused(tk.RefreshToken, 503, "broken pipe")
	}
	g.store.lost = nil
	g.clock.Advance(12 * time.Second)
	g.refused(tokens[0].RefreshToken, 401, "used again")
	for _, tk := range tokens[len(tokens)-2048:] {
		g.refresh(tk.RefreshToken)
	}
}
