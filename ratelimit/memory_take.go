package ratelimit

import (
	"hash/maphash"
	"time"

	"github.com/go-guard/guard/internal/table"
)

// take fills states. The demands must be valid. Nothing escapes, so callers have
// demands and states on their stacks.
func (m *Memory) take(demands []demand, states []State) {
	if len(demands) > 1 {
		m.takeSeveral(demands, states)
		return
	}
	d, now := &demands[0], int64(0)
	d.hash = maphash.String(m.seed, d.key)
	s := m.shardOf(d.hash)
	if d.class != classInFlight { // which knows no times
		now = m.clock() // before the lock: no one waits for it, and a take counts from its arrival
	}
	s.mu.Lock()
	states[0] = m.step(s, d, now)
	s.mu.Unlock()
}

// takeSeveral takes from several counts, or from none of them.
func (m *Memory) takeSeveral(demands []demand, states []State) {
	var buf [maxLimits]int
	var entries [maxLimits]entry
	now := m.clock()
	order := m.lock(buf[:0], demands)
	defer m.unlock(order)
	granted, ready, last := true, true, len(demands)-1
	for i := range demands {
		d, e, s := &demands[i], &entries[i], m.shardOf(demands[i].hash)
		*e = m.find(d, now)
		if e.tab != nil && e.tab.Expired(e.slot, now) { // another one of the call may get the slot
			e.tab.Release(e.slot)
			e.tab = nil
		}
		ready = ready && e.tab != nil && !d.force && e.tab.class >= d.class
		switch {
		case e.tab == nil:
			states[i] = unused(s, e.tag, d, now)
		case i == last && granted && ready && d.cost > 0: // if this refuses, nothing is taken
			states[i] = m.act(s, *e, d, now, take)
		default:
			states[i] = m.act(s, *e, d, now, peek)
		}
		granted = granted && states[i].RetryAfter <= 0
	}
	switch {
	case granted && ready: // no record moves
		for i := range last {
			if demands[i].cost > 0 {
				states[i] = m.act(m.shardOf(demands[i].hash), entries[i], &demands[i], now, take)
			}
		}
	case granted && m.makeRoomForAll(demands, states, entries[:], now) && m.takeNew(demands, states, entries[:], now):
		for i := range demands {
			if entries[i].tab != nil && demands[i].cost > 0 {
				states[i] = m.step(m.shardOf(demands[i].hash), &demands[i], now)
			}
		}
	case m.layouts[0].NoEviction:
		m.waitForSlots(demands, states, entries[:], now)
	}
}

// makeRoomForAll moves the records that need a larger class. If one of them must stay
// in its class, and is too small, it returns false.
func (m *Memory) makeRoomForAll(demands []demand, states []State, entries []entry, now int64) bool {
	for i := range demands {
		d := &demands[i]
		if entries[i].tab == nil || d.cost == 0 || !d.force && entries[i].tab.class >= d.class {
			continue
		}
		e := m.find(d, now) // again: another one's move may have moved it
		if e.tab == nil {
			continue // or evicted it
		}
		s := m.shardOf(d.hash)
		e = m.makeRoom(s, e, d, now)
		if states[i] = m.act(s, e, d, now, peek); states[i].RetryAfter > 0 {
			return false
		}
	}
	return true
}

// takeNew takes from the counts that have no record. If one of them gets no slot, it
// undoes that, and returns false.
func (m *Memory) takeNew(demands []demand, states []State, entries []entry, now int64) bool {
	for i := range demands {
		if entries[i].tab != nil || demands[i].cost == 0 {
			continue
		}
		states[i] = m.step(m.shardOf(demands[i].hash), &demands[i], now)
		if states[i].RetryAfter <= 0 {
			continue
		}
		for j := range i {
			if entries[j].tab == nil {
				m.giveBack(&demands[j], 0, now, 0, true)
			}
		}
		return false
	}
	return true
}

// An entry is where the record of a demand is. Without a record, tab is nil.
type entry struct {
	tag  uint64
	tab  *classTable
	slot int
	wait int64 // for a slot of a larger class; positive if the record must stay
}

// find returns the entry of a demand. Its record may have expired.
func (m *Memory) find(d *demand, now int64) entry {
	s, tag := m.shardOf(d.hash), d.tag()
	if tab := s.table(d.class); tab != nil {
		if slot := tab.Find(tag); slot >= 0 {
			return entry{tag, tab, slot, 0}
		}
	}
	if isSliding(d.class) {
		if others := m.seen[d.id%seenSize].Load() &^ (1 << d.class); others != 0 {
			return findIn(s, others, tag, now)
		}
	}
	return entry{tag: tag}
}

// findIn searches a record of another quota in the tables of classes. As a tag has at
// most one record, an expired one is released.
func findIn(s *shard, others uint32, tag uint64, now int64) entry {
	for i := range s.tables {
		t := &s.tables[i]
		if others>>t.class&1 == 0 {
			continue
		}
		slot := t.Find(tag)
		if slot >= 0 && !t.Expired(slot, now) {
			return entry{tag, t, slot, 0}
		}
		if slot >= 0 {
			t.Release(slot)
		}
	}
	return entry{tag: tag}
}

// step returns the state of one demand, after taking it if the limit grants it.
func (m *Memory) step(s *shard, d *demand, now int64) State {
	e := m.find(d, now)
	if d.cost == 0 {
		if e.tab == nil {
			return unused(s, e.tag, d, now)
		}
		return m.act(s, e, d, now, peek)
	}
	if e.tab == nil {
		if e = m.place(s, e.tag, d, now); e.tab == nil {
			return unused(s, e.tag, d, now)
		}
	}
	if d.force || e.tab.class < d.class {
		e = m.makeRoom(s, e, d, now)
	}
	return m.act(s, e, d, now, take)
}

// newClass returns the class of a demand's record if it is new.
func (d *demand) newClass() int {
	if d.force && isSliding(d.class) {
		return max(d.class, slidingClass(d.cost))
	}
	return d.class
}

// unused returns the state of a count that has no record.
func unused(s *shard, tag uint64, d *demand, now int64) State {
	if tab := s.table(d.newClass()); tab != nil {
		if wait := d.slotWait(tab.Wait(tag, now, 1)); wait > 0 {
			return State{RetryAfter: wait, Reset: wait}
		}
	}
	return State{Remaining: d.limit.capacity()}
}

// place gives a count a record, if there is a slot.
func (m *Memory) place(s *shard, tag uint64, d *demand, now int64) entry {
	tab := m.addTable(s, d.newClass())
	slot := tab.Place(tag, 0, now)
	if slot < 0 {
		return entry{tag: tag}
	}
	m.see(d, tab.class)
	return entry{tag, tab, slot, 0}
}

// makeRoom moves a Sliding record to a larger class if it has no room for a demand that
// is granted. If a full store has no slot there, the record stays.
func (m *Memory) makeRoom(s *shard, e entry, d *demand, now int64) entry {
	class := e.tab.class
	if !isSliding(class) {
		return e
	}
	n, expired := 0, e.tab.Expired(e.slot, now)
	if !expired {
		n = count(class, e.tab.Record(e.slot), now)
	}
	n = min(n, maxCount-d.cost) + d.cost
	if n <= capacity(class) || n > d.limit.Quota && !d.force {
		return e
	}
	to := m.addTable(s, max(d.class, slidingClass(n)))
	from := s.table(class) // addTable may have moved it
	slot := to.Place(e.tag, from.Note(e.slot), now)
	if slot < 0 {
		return entry{e.tag, from, e.slot, to.Wait(e.tag, now, 1)}
	}
	if !expired {
		move(d.limit, to.class, to.Record(slot), class, from.Record(e.slot), now)
	}
	from.Release(e.slot)
	m.see(d, to.class)
	return entry{e.tag, to, slot, 0}
}

const seenSize = 256

// see notes that a record of the demand's limit has a class.
func (m *Memory) see(d *demand, class int) {
	if seen := &m.seen[d.id%seenSize]; isSliding(class) && seen.Load()>>class&1 == 0 {
		seen.Or(1 << class)
	}
}

// act returns the state of a record after an action.
func (m *Memory) act(s *shard, e entry, d *demand, now int64, do action) State {
	rec, quota, class := e.tab.Record(e.slot), d.limit.Quota, e.tab.class
	if e.wait > 0 {
		quota = min(quota, capacity(class))
	}
	note := e.tab.Note(e.slot)
	life := lifeOf(note)
	if do != peek {
		if table.Int64(rec) <= now { // new, or expired: what was taken before is not given back
			life = s.newLife()
		}
		if d.force {
			do = force
		}
	}
	var state State
	switch {
	case isExact(class):
		state = stepStamps(d.limit, quota, rec, now, d.cost, do)
	case isSliding(class):
		state = sixteenthsOf(class, rec).step(d.limit, quota, now, d.cost, do)
	case class == classGCRA:
		state = stepGCRA(d.limit, rec, now, d.cost, do)
	case class == classInFlight:
		state = stepCounter(d.limit, rec, now, never, inFlightWait, d.cost, do)
	default:
		end, wait := m.endOf(d.period, now)
		state = stepCounter(d.limit, rec, now, end, wait, d.cost, do)
	}
	switch {
	case state.RetryAfter > 0 && d.force:
		state.RetryAfter = 0
	case state.RetryAfter > 0: // when its units have expired, the count may need a new slot
		state.RetryAfter = max(state.RetryAfter, time.Duration(e.wait))
	case do != peek:
		if n := noteOf(life, min(quota, exactQuota)); n != note {
			e.tab.SetNote(e.slot, n)
		}
		state.Stamp = int64(stampOf(state.Stamp, life))
	}
	return state
}
