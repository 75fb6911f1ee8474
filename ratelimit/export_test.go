package ratelimit

// Slots is how many records a store has room for as it is.
func Slots(m *Memory) (n int) {
	for i := range m.shards {
		for _, t := range m.shards[i].tables {
			n += t.slots()
		}
	}
	return n
}
