package ratelimit

import (
	"context"
	"hash/maphash"
)

// GiveBack implements Store. It returns an error for an invalid take.
func (m *Memory) GiveBack(_ context.Context, taken []Taken) error {
	var hashBuffer [maxLimits]uint64
	var orderBuffer [maxLimits]int
	hashes, timeless := hashBuffer[:0], true
	for i := range taken {
		if err := taken[i].check(len(taken)); err != nil {
			return err
		}
		hashes = append(hashes, maphash.String(m.seed, taken[i].Key))
		timeless = timeless && taken[i].Limit.Algorithm == InFlight
	}
	now := int64(0)
	if !timeless {
		now = m.clock()
	}
	order := m.lock(orderBuffer[:0], hashes)
	defer m.unlock(order)
	for i := range taken {
		t := &taken[i]
		c := compiledLimit{limit: &t.Limit, id: t.Limit.id(), class: classOf(&t.Limit)}
		d := demand{compiledLimit: &c, period: t.period()}
		m.giveBack(&d, t.Cost, hashes[i], now, stamp(t.Stamp), t.All)
	}
	return nil
}

// undo gives back the excess of a valid take. Nothing escapes.
func (m *Memory) undo(t *requestTake, unused int, ended bool) {
	if len(t.demands) > 1 {
		m.undoSeveral(t, unused, ended)
		return
	}
	d, now := &t.demands[0], origin
	cost := d.excess(unused, ended)
	if cost == 0 {
		return
	}
	if d.class != classInFlight { // which has no times
		now = m.clock()
	}
	hash := maphash.String(m.seed, d.key)
	s := m.shardOf(hash)
	s.mu.Lock()
	m.giveBack(d, cost, hash, now, stamp(t.states[0].Stamp), false)
	s.mu.Unlock()
}

func (m *Memory) undoSeveral(t *requestTake, unused int, ended bool) {
	if unused == 0 && !hasFlights(t.demands) {
		return
	}
	var hashBuffer [maxLimits]uint64
	var orderBuffer [maxLimits]int
	hashes := m.hashes(hashBuffer[:0], t.demands)
	order := m.lock(orderBuffer[:0], hashes)
	defer m.unlock(order)
	now := m.clock()
	for i := range t.demands {
		d := &t.demands[i]
		if cost := d.excess(unused, ended); cost > 0 {
			m.giveBack(d, cost, hashes[i], now, stamp(t.states[i].Stamp), false)
		}
	}
}

// giveBack undoes cost of a take or, if all is true, every take of its count.
func (m *Memory) giveBack(d *demand, cost int, hash uint64, now int64, s stamp, all bool) {
	e := m.find(m.shardOf(hash), d, hash, now)
	if e.tab == nil {
		return
	}
	if all || lifeOf(e.tab.Note(e.slot)) == s.life() && restore(d.limit, e.tab.class, e.tab.Record(e.slot), now, cost, s) {
		e.tab.Release(e.slot)
	}
}
