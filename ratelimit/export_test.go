package ratelimit

// Slots returns the number of records for which a store has memory now.
func Slots(m *Memory) (n int) {
	for i := range m.shards {
		for j := range m.shards[i].tables {
			n += m.shards[i].tables[j].Slots()
		}
	}
	return n
}
