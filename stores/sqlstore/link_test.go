package sqlstore_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/linkrace"
)

// TestLinks: of links and codes that are redeemed at once in two processes, one is.
func TestLinks(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		other := b.in(t, p, nil)
		linkrace.Run(t, [2]linkrace.Process{{Once: s.Once(), Limits: s.RateLimits()}, {Once: other.Once(), Limits: other.RateLimits()}})
	})
}
