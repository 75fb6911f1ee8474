package ratelimit_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit/ratelimittest"
)

// TestMemoryTraces: in 20,000 random traces of several counts whose quotas change, no
// limit is exceeded, none refuses what it grants, and no RetryAfter is wrong.
func TestMemoryTraces(t *testing.T) {
	n := traces
	if race.Enabled || testing.Short() {
		n /= 10
	}
	c := harness.NewClock()
	ratelimittest.Traces(t, newMemory(c, 0, false), c, 0, n)
}
