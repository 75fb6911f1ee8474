package claim_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/claim"
	"github.com/go-guard/guard/internal/testing/harness"
)

func TestClaim(t *testing.T) {
	table, clock := claim.New(time.Minute), harness.NewClock()
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
		if got := table.Claim(s.id, clock.Now()); got != s.want {
			t.Errorf("%s: %t, want %t", s.name, got, s.want)
		}
	}
}

// TestClaimAtOnce: of many requests of one id, few attempt; of many ids, none is
// left out for ever.
func TestClaimAtOnce(t *testing.T) {
	table, now := claim.New(time.Minute), harness.NewClock().Now()
	var claims atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if table.Claim("a", now) {
				claims.Add(1)
			}
		})
	}
	wg.Wait()
	if n := claims.Load(); n < 1 || n > 2 {
		t.Errorf("%d of 64 claims of one id", n)
	}
	for i := range 100_000 {
		if id := strconv.Itoa(i); !table.Claim(id, now.Add(time.Hour)) {
			t.Fatalf("the first claim of %q was refused", id)
		}
	}
}
