package attempt_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/attempt"
	"github.com/go-guard/guard/internal/testing/harness"
)

func TestDue(t *testing.T) {
	table, clock := attempt.New(time.Minute), harness.NewClock()
	steps := []struct {
		name    string
		advance time.Duration
		id      string
		want    bool
	}{
		{"the first", 0, "a", true},
		{"again", 0, "a", false},
		{"another id", 0, "b", true},
		{"just before", time.Minute - time.Millisecond, "a", false},
		{"after", time.Millisecond, "a", true},
		{"a clock set back", -time.Hour, "a", true},
		{"again there", time.Second, "a", false},
	}
	for _, s := range steps {
		clock.Advance(s.advance)
		if got := table.Due(s.id, clock.Now()); got != s.want {
			t.Errorf("%s: %t, want %t", s.name, got, s.want)
		}
	}
}

// TestAtOnce: of many requests of one id, few attempt; of many ids, none is
// left out for ever.
func TestAtOnce(t *testing.T) {
	table, now := attempt.New(time.Minute), harness.NewClock().Now()
	var attempts atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if table.Due("a", now) {
				attempts.Add(1)
			}
		})
	}
	wg.Wait()
	if n := attempts.Load(); n < 1 || n > 2 {
		t.Errorf("%d attempts of 64 of one id", n)
	}
	for i := range 100_000 {
		if id := strconv.Itoa(i); !table.Due(id, now.Add(time.Hour)) {
			t.Fatalf("the first attempt of %q was refused", id)
		}
	}
}
