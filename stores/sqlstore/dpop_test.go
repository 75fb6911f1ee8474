package sqlstore_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/once"
)

// TestProofs: of one DPoP proof that is replayed at once in three processes, one passes.
func TestProofs(t *testing.T) {
	onEach(t, func(t *testing.T, b backend) {
		s, p := b.stores(t, nil)
		second, third := b.in(t, p, nil), b.in(t, p, nil)
		prover.Race(t, [3]once.Store{s.Once(), second.Once(), third.Once()})
	})
}
