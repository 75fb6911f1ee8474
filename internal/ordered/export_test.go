package ordered

// ChunkSize is the number of elements in a chunk.
const ChunkSize = chunk

// Chunks returns how many chunks l holds.
func (l *List[E]) Chunks() int { return len(l.chunks) }
