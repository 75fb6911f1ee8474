package sqlstore_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/hookrace"
	"github.com/go-guard/guard/once"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestWebhooks: of deliveries that come at once to three processes, one is handled.
func TestWebhooks(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		o := &sqlstore.Options{Timeout: longTimeout}
		s, p := b.stores(t, o)
		hookrace.Run(t, [3]once.Store{s.Once(), b.in(t, p, o).Once(), b.in(t, p, o).Once()})
	})
}
