package expiring_test

import (
	"testing"

	"github.com/go-guard/guard/internal/expiring"
)

// A Heap releases chunks when it shrinks, except for one empty chunk.
func TestChunksAreReleased(t *testing.T) {
	var h expiring.Heap[*entry]
	for i := range 4 * expiring.ChunkSize {
		h.Push(&entry{Node: expiring.Node{Deadline: int64(i)}})
	}
	for h.Len() > 0 {
		e, _ := h.First()
		h.Remove(e)
		if free := h.Chunks()*expiring.ChunkSize - h.Len(); free >= 2*expiring.ChunkSize {
			t.Fatalf("%d entries in %d chunks", h.Len(), h.Chunks())
		}
	}
	if h.Chunks() != 1 {
		t.Errorf("an empty heap has %d chunks, want 1", h.Chunks())
	}
}
