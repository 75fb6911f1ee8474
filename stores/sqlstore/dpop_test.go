package sqlstore_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/once"
	sqlstore "github.com/go-guard/guard/stores/sqlstore"
)

// TestProofs: of one DPoP proof that is replayed at once in three processes, one passes.
func TestProofs(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, &sqlstore.Options{Timeout: longTimeout})
		second, third := b.in(t, p, &sqlstore.Options{Timeout: longTimeout}), b.in(t, p, &sqlstore.Options{Timeout: longTimeout})
		prover.Race(t, [3]once.Store{s.Once(), second.Once(), third.Once()})
	})
}
