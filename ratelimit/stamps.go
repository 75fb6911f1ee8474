package ratelimit

import (
	"time"

	"github.com/go-guard/guard/internal/table"
)

// stamps holds the times at which the takes of an exact log expire, the newest
// first.
//
// A record has the newest stamp in nanoseconds and, for each other one, its
// distance from the newest in units, in 4 bytes. The unit is 1 µs to 10 ms, at
// least a four billionth of the window, and stamps are rounded up to it.
type stamps struct {
	at [exactQuota]int64
	n  int
}

// Units are multiples of 8, so the low bits of the newest stamp can hold the
// index of the unit.
var units = [...]int64{1e3, 1e4, 1e5, 1e6, 1e7, 1e7, 1e7, 1e7}

const (
	unitMask = 7
	noStamp  = 1<<32 - 1
)

// unitOf returns the smallest unit of which a window has less than 1<<32.
func unitOf(l *Limit) (i, unit int64) {
	for i < 4 && int64(l.Window)/units[i] > 4e9 {
		i++
	}
	return i, units[i]
}

func stepStamps(l *Limit, quota int, rec []uint32, now int64, cost int, do action) State {
	var g stamps
	g.load(rec, now)
	taken := cost
	if do == force {
		taken = min(cost, len(rec)-1-g.n) // all of it unless a full store has no slot for more
	} else if excess := g.n + max(cost, 1) - quota; excess > 0 { // so many of the oldest must expire
		return State{
			Remaining:  max(quota-g.n, 0),
			RetryAfter: time.Duration(g.at[max(g.n-excess, 0)] - now), Reset: time.Duration(g.at[0] - now),
		}
	}
	if do == peek {
		return State{Remaining: max(quota-g.n, 0), Reset: time.Duration(max(g.at[0]-now, 0))}
	}
	at := g.push(l, now, taken)
	g.save(l, rec)
	// Rounding must not make the reset longer than the window.
	s := State{Remaining: max(quota-g.n, 0), Reset: min(time.Duration(at-now), l.Window)}
	if taken == cost { // else none of it is given back
		s.Stamp = at
	}
	return s
}

func restoreStamps(l *Limit, rec []uint32, now int64, cost int, at int64) (empty bool) {
	var g stamps
	g.load(rec, now)
	g.remove(cost, at)
	g.save(l, rec)
	return g.n == 0
}

// load reads a record and drops the stamps that have expired.
func (g *stamps) load(rec []uint32, now int64) {
	newest, unit := table.Int64(rec)&^unitMask, units[table.Int64(rec)&unitMask]
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
	table.PutInt64(rec, g.at[0]|i)
	for k := range rec[2:] {
		if rec[2+k] = noStamp; 1+k < g.n {
			rec[2+k] = uint32((g.at[0] - g.at[1+k]) / unit)
		}
	}
}

// push adds cost takes, for which there must be space.
func (g *stamps) push(l *Limit, now int64, cost int) (at int64) {
	_, unit := unitOf(l)
	at = (now + int64(l.Window) + unit - 1) / unit * unit
	if g.n > 0 { // if time ran backwards, takes still come in order
		at = max(at, g.at[0])
	}
	copy(g.at[cost:], g.at[:g.n])
	g.n += cost
	for i := range cost {
		g.at[i] = at
	}
	return at
}

func (g *stamps) remove(cost int, at int64) {
	n := 0
	for _, a := range g.at[:g.n] {
		if a == at && cost > 0 {
			cost--
			continue
		}
		g.at[n] = a
		n++
	}
	g.n = n
}

// countStamps returns the number of units that still count, of a record that has not
// expired.
func countStamps(rec []uint32, now int64) int {
	newest, unit := table.Int64(rec)&^unitMask, units[table.Int64(rec)&unitMask]
	n := 1
	for _, ago := range rec[2:] {
		if ago == noStamp || newest-int64(ago)*unit <= now {
			break
		}
		n++
	}
	return n
}

func usedStamps(rec []uint32, note table.Note, now int64) float64 {
	return float64(countStamps(rec, now)) / float64(quotaOf(note))
}
