package ratelimit

import "time"

// Records of the memory store come in classes by their size: 0 is GCRA, 1 to 16
// are Sliding of that quota, 17 is Sliding above. A record also tells by itself
// when it expires and how much of its quota is used, so that limits of one
// // class share a table. The first two words are when it expires.
const (
	classGCRA    = 0
	classBuckets = exactQuota + 1
)

func class(l *Limit) int {
	switch {
	case l.Algorithm == GCRA:
		return classGCRA
	case l.Quota <= exactQuota:
		return l.Quota
	}
	return classBuckets
}

// stride is the size of a record in words of 32 bits.
func stride(class int) int {
	switch class {
	case classGCRA:
		return 4
	case classBuckets:
		return bucketsAt + bucketCount
	}
	return 1 + class
}

func get64(rec []uint32) int64    { return int64(rec[0]) | int64(rec[1])<<32 }
func put64(rec []uint32, v int64) { rec[0], rec[1] = uint32(v), uint32(v>>32) }

// look is the state before a take of cost.
func look(l *Limit, rec []uint32, now int64, cost int) State {
	switch class(l) {
	case classGCRA:
		return lookGCRA(l, get64(rec), now, cost)
	case classBuckets:
		return lookBuckets(l, rec, now, cost)
	}
	var g stamps
	g.load(rec, now)
	return g.look(l, now, cost)
}

// debit takes cost, which look granted, and is the state after it.
func debit(l *Limit, rec []uint32, now int64, cost int) State {
	switch class(l) {
	case classGCRA:
		tat := max(get64(rec), now) + int64(cost)*l.interval()
		put64(rec, tat)
		put64(rec[2:], int64(l.capacity())*l.interval())
		s := lookGCRA(l, tat, now, 0)
		s.RetryAfter, s.Stamp = 0, tat
		return s
	case classBuckets:
		return debitBuckets(l, rec, now, cost)
	}
	var g stamps
	g.load(rec, now)
	stamp := g.push(l, now, cost)
	g.save(l, rec)
	s := g.look(l, now, 0)
	s.RetryAfter, s.Stamp = 0, stamp
	s.Reset = min(s.Reset, l.Window) // not a rounded one more
	return s
}

// restore undoes a debit and reports whether the record is empty now.
func restore(l *Limit, rec []uint32, now int64, cost int, stamp int64) (empty bool) {
	switch class(l) {
	case classGCRA:
		// The take is worked off at its stamp, and before that in part.
		tat := get64(rec)
		tat -= max(min(int64(cost)*l.interval(), stamp-now, tat-now), 0)
		put64(rec, tat)
		return tat <= now
	case classBuckets:
		return restoreBuckets(rec, cost, stamp)
	}
	var g stamps
	g.load(rec, now)
	g.remove(cost, stamp)
	g.save(l, rec)
	return g.n == 0
}

// lowBits are those of the first two words that are not a record's expiry.
func lowBits(class int) int64 {
	if class == classGCRA || class == classBuckets {
		return 0
	}
	return unitMask
}

// used is which part of its quota a record has used.
func used(class int, rec []uint32, now int64) float64 {
	switch class {
	case classGCRA:
		return float64(get64(rec)-now) / float64(get64(rec[2:]))
	case classBuckets:
		return float64(usedBuckets(rec, now)) / float64(rec[bucketQuota])
	}
	n := 1
	newest, unit := get64(rec)&^unitMask, units[get64(rec)&unitMask]
	for _, ago := range rec[2:] {
		if ago == noStamp || newest-int64(ago)*unit <= now {
			break
		}
		n++
	}
	return float64(n) / float64(class)
}

// lookGCRA: tat is the time at which everything is worked off (the theoretical
// arrival time of ITU-T I.371).
func lookGCRA(l *Limit, tat, now int64, cost int) State {
	interval := l.interval()
	room := int64(l.capacity()) * interval
	backlog := max(tat-now, 0)
	return State{
		Remaining:  int(max(room-backlog, 0) / interval),
		RetryAfter: time.Duration(max(backlog+int64(max(cost, 1))*interval-room, 0)),
		Reset:      time.Duration(backlog),
	}
}

// stamps are when the takes of an exact log expire, the newest first.
//
// In a record they are the newest, in nanoseconds, and by how many units it is
// newer than each of the others: 4 bytes each. The unit is from 1 µs to 10 ms, a
// four billionth of the window or little more, and stamps are rounded up to it.
type stamps struct {
	at [exactQuota]int64
	n  int
}

// Units are multiples of 8, which leaves the low bits of the newest stamp for
// the number of the unit.
var units = [...]int64{1e3, 1e4, 1e5, 1e6, 1e7, 1e7, 1e7, 1e7}

const (
	unitMask = 7
	noStamp  = 1<<32 - 1
)

// unitOf is the smallest one in which a window has less than 1<<32.
func unitOf(l *Limit) (i, unit int64) {
	for i < 4 && int64(l.Window)/units[i] > 4e9 {
		i++
	}
	return i, units[i]
}

// load leaves out what has expired.
func (g *stamps) load(rec []uint32, now int64) {
	newest, unit := get64(rec)&^unitMask, units[get64(rec)&unitMask]
	if newest <= now {
		return
	}
	g.at[0], g.n = newest, 1
	for _, ago := range rec[2:] {
		at := newest - int64(ago)*unit
		if ago == noStamp || at <= now {
			return
		}
		g.at[g.n] = at
		g.n++
	}
}

func (g *stamps) save(l *Limit, rec []uint32) {
	i, unit := unitOf(l)
	put64(rec, g.at[0]|i)
	for k := range rec[2:] {
		if rec[2+k] = noStamp; 1+k < g.n {
			rec[2+k] = uint32((g.at[0] - g.at[1+k]) / unit)
		}
	}
}

func (g *stamps) look(l *Limit, now int64, cost int) State {
	s := State{Remaining: l.Quota - g.n}
	if g.n == 0 {
		return s
	}
	s.Reset = time.Duration(g.at[0] - now)
	if over := g.n + max(cost, 1) - l.Quota; over > 0 { // so many of the oldest must go
		s.RetryAfter = time.Duration(g.at[g.n-over] - now)
	}
	return s
}

// push adds cost takes, which fit.
func (g *stamps) push(l *Limit, now int64, cost int) (stamp int64) {
	_, unit := unitOf(l)
	stamp = (now + int64(l.Window) + unit - 1) / unit * unit
	if g.n > 0 { // where time ran backwards, takes still come in order
		stamp = max(stamp, g.at[0])
	}
	copy(g.at[cost:], g.at[:g.n])
	g.n += cost
	for i := range cost {
		g.at[i] = stamp
	}
	return stamp
}

func (g *stamps) remove(cost int, stamp int64) {
	kept := 0
	for _, at := range g.at[:g.n] {
		if at == stamp && cost > 0 {
			cost--
			continue
		}
		g.at[kept] = at
		kept++
	}
	g.n = kept
}
