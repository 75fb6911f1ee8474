package redisstore_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/hookrace"
	"github.com/go-guard/guard/once"
)

// TestWebhooks: of deliveries that come at once to three processes, one is handled.
func TestWebhooks(t *testing.T) {
	stores, _, _ := newStores(t)
	hookrace.Run(t, [3]once.Store{stores.Once(), stores.Once(), stores.Once()})
}
