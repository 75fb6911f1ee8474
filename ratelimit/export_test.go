package ratelimit

import "hash/maphash"

// Slots returns the number of records for which a store has memory now.
func Slots(m *Memory) (n int) {
	for i := range m.shards {
		for j := range m.shards[i].tables {
			n += m.shards[i].tables[j].Slots()
		}
	}
	return n
}

// Life returns the life of the record of a take, and whether it has one that has not
// expired.
func Life(m *Memory, t *Take) (life int, found bool) {
	d, now := t.demand(), m.clock()
	d.hash = maphash.String(m.seed, t.Key)
	e := m.find(&d, now)
	if e.tab == nil || e.tab.Expired(e.slot, now) {
		return 0, false
	}
	return int(lifeOf(e.tab.Note(e.slot))), true
}
