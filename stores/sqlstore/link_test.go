package sqlstore_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/linkrace"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestLinks: of links and codes that are redeemed at once in two processes, one is.
func TestLinks(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, &sqlstore.Options{Timeout: longTimeout})
		other := b.in(t, p, &sqlstore.Options{Timeout: longTimeout})
		linkrace.Run(t, [2]linkrace.Process{{Once: s.Once(), Limits: s.RateLimits()}, {Once: other.Once(), Limits: other.RateLimits()}})
	})
}
