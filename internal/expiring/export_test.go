package expiring

// ChunkSize is the number of entries in a chunk.
const ChunkSize = chunk

// Chunks returns how many chunks h holds.
func (h *Heap[E]) Chunks() int { return len(h.list) }
