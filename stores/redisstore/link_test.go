package redisstore_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/linkrace"
)

// TestLinks: of links and codes that are redeemed at once, one is.
func TestLinks(t *testing.T) {
	stores, _, _ := newStores(t)
	p := linkrace.Process{Once: stores.Once(), Limits: stores.RateLimits()}
	linkrace.Run(t, [2]linkrace.Process{p, p})
}
