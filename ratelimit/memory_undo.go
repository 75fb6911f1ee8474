package ratelimit

import (
	"context"
)

// GiveBack implements Store. It returns an error for an invalid take.
func (m *Memory) GiveBack(_ context.Context, taken []Taken) error {
	var buf [maxLimits]int
	demands, timeless := make([]demand, len(taken)), true
	for i := range taken {
		t := &taken[i].Take
		if err := t.check(len(taken)); err != nil {
			return err
		}
		demands[i] = t.demand()
		timeless = timeless && t.Limit.Algorithm == InFlight
	}
	now := int64(0)
	if !timeless {
		now = m.clock()
	}
	order := m.lock(buf[:0], demands)
	defer m.unlock(order)
	for i := range demands {
		m.giveBack(&demands[i], demands[i].cost, now, stamp(taken[i].Stamp), taken[i].All)
	}
	return nil
}

// undo gives back the excess of a take of this store. Nothing escapes.
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
	s := m.shardOf(d.hash)
	s.mu.Lock()
	m.giveBack(d, cost, now, stamp(t.states[0].Stamp), false)
	s.mu.Unlock()
}

func (m *Memory) undoSeveral(t *requestTake, unused int, ended bool) {
	if unused == 0 && !hasFlights(t.demands) {
		return
	}
	var buf [maxLimits]int
	order := m.lock(buf[:0], t.demands)
	defer m.unlock(order)
	now := m.clock()
	for i := range t.demands {
		d := &t.demands[i]
		if cost := d.excess(unused, ended); cost > 0 {
			m.giveBack(d, cost, now, stamp(t.states[i].Stamp), false)
		}
	}
}

// giveBack undoes cost of a take or, if all is true, every take of its count.
func (m *Memory) giveBack(d *demand, cost int, now int64, s stamp, all bool) {
	e := m.find(d, now)
	if e.tab == nil {
		return
	}
	if all || lifeOf(e.tab.Note(e.slot)) == s.life() && restore(d.limit, e.tab.class, e.tab.Record(e.slot), now, cost, s) {
		e.tab.Expire(e.slot)
	}
}
