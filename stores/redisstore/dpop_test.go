package redisstore_test

import (
	"testing"

	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/once"
)

// TestProofs: of one DPoP proof that is replayed at once in three processes, one passes.
func TestProofs(t *testing.T) {
	stores, _, _ := newStores(t)
	prover.Race(t, [3]once.Store{stores.Once(), stores.Once(), stores.Once()})
}
