package ratelimit

import "time"

// waitForSlots raises the waits of a call that is refused until there are slots for
// all of its counts that will need one.
func (m *Memory) waitForSlots(demands []demand, states []State, entries []entry, now int64) {
	end := now
	for i := range demands {
		entries[i] = m.find(&demands[i], now) // it may have moved
		end = max(end, now+int64(states[i].RetryAfter))
	}
	for start := int64(0); start < end; { // later, more records have expired
		start = end
		for i := range demands {
			if !entries[i].needsSlot(&demands[i], start, now) {
				continue
			}
			s, class, n := m.shardOf(demands[i].hash), demands[i].newClass(), 0
			tab := s.table(class)
			if tab == nil {
				continue
			}
			for j := range demands {
				if m.shardOf(demands[j].hash) == s && demands[j].newClass() == class &&
					entries[j].needsSlot(&demands[j], start, now) && tab.SharesGroup(entries[i].tag, entries[j].tag) {
					n++
				}
			}
			if wait := demands[i].slotWait(tab.Wait(entries[i].tag, now, n)); wait > states[i].RetryAfter {
				states[i].RetryAfter, states[i].Reset = wait, max(states[i].Reset, wait)
				end = max(end, now+int64(wait))
			}
		}
	}
}

// needsSlot reports whether a take at a later time needs a slot that the demand has
// not got now.
func (e *entry) needsSlot(d *demand, at, now int64) bool {
	if d.cost == 0 {
		return false
	}
	return e.tab == nil || e.tab.Expired(e.slot, at) || e.tab.class < d.class && !d.force &&
		count(e.tab.class, e.tab.Record(e.slot), now) > capacity(e.tab.class)-d.cost
}

// slotWait returns how long a demand must wait for a slot that is free after a time.
func (d *demand) slotWait(ns int64) time.Duration {
	if d.class == classInFlight {
		return min(time.Duration(ns), inFlightWait)
	}
	return time.Duration(ns)
}
