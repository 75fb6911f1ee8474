package sqlstore_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/hookrace"
	"github.com/go-guard/guard/once"
)

// TestWebhooks: of deliveries that come at once to three processes, one is handled.
func TestWebhooks(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		hookrace.Run(t, [3]once.Store{s.Once(), b.in(t, p, nil).Once(), b.in(t, p, nil).Once()})
	})
}
