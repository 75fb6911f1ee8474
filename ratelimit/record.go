package ratelimit

import (
	"math"

	"github.com/go-guard/guard/internal/table"
)

// Records of the memory store come in classes by their size: 0 is GCRA, 1 to 16
// are exact logs of that many units, from 17 on sixteenths of a window by the width
// of their counts, and then counters. A record holds its own expiry and the used
// part of its quota, so limits of one class share a table.
//
// A new record of a Sliding limit has the smallest class that holds its quota. When
// it is full and the quota has grown, or a debt is larger, it moves to a larger
// class. It never moves to a smaller one: the quota may grow again, and what was taken
// would be forgotten.
const (
	classGCRA         = 0
	classSixteenths8  = exactQuota + 1
	classSixteenths16 = classSixteenths8 + 1
	classSixteenths32 = classSixteenths8 + 2
	classInFlight     = classSixteenths8 + 3
	classCalendar     = classSixteenths8 + 4
	classes           = classCalendar + 1
)

// maxCount is the largest sum of a record. It is more than every quota.
const maxCount = math.MaxInt32

// classOf returns the class of a new record of a limit.
func classOf(l *Limit) int {
	switch {
	case l.Algorithm == GCRA:
		return classGCRA
	case l.Algorithm == InFlight:
		return classInFlight
	case l.Calendar != Calendar{}:
		return classCalendar
	}
	return slidingClass(l.Quota)
}

// slidingClass returns the smallest class of a Sliding limit that holds n units.
func slidingClass(n int) int {
	switch {
	case n <= exactQuota:
		return n
	case n < 1<<8:
		return classSixteenths8
	case n < 1<<16:
		return classSixteenths16
	}
	return classSixteenths32
}

// capacity returns the units that a Sliding record of a class holds.
func capacity(class int) int {
	if isExact(class) {
		return class
	}
	return sixteenthsOf(class, nil).most()
}

func isExact(class int) bool { return 0 < class && class <= exactQuota }

func isSliding(class int) bool { return 0 < class && class <= classSixteenths32 }

// layoutOf describes the records of a class to their table.
func layoutOf(class int) table.Layout {
	switch {
	case class == classGCRA:
		return table.Layout{Words: 3, Used: usedGCRA}
	case isExact(class):
		return table.Layout{Words: 1 + class, LowBits: unitMask, Used: usedStamps}
	case isSliding(class):
		return table.Layout{Words: sixteenthsWords(class), Used: func(rec []uint32, _ table.Note, now int64) float64 {
			return sixteenthsOf(class, rec).used(now)
		}}
	}
	return table.Layout{Words: counterWords, Used: usedCounter}
}

// An action is what step does besides returning a state.
type action uint8

const (
	peek  action = iota
	take         // take the cost if the limit grants it
	force        // take the cost, or as much of it as the record holds
)

// count returns the units of a Sliding record that has not expired.
func count(class int, rec []uint32, now int64) int {
	if isExact(class) {
		return countStamps(rec, now)
	}
	return sixteenthsOf(class, rec).count(now)
}

// move fills an empty record of a larger class with the units of another one, which
// has not expired.
func move(l *Limit, toClass int, to []uint32, fromClass int, from []uint32, now int64) {
	if !isExact(fromClass) {
		sixteenthsOf(toClass, to).fromNarrower(sixteenthsOf(fromClass, from))
		return
	}
	var g stamps
	g.load(from, now)
	if isExact(toClass) {
		g.save(l, to)
	} else {
		sixteenthsOf(toClass, to).fromStamps(l, &g)
	}
}

// restore undoes a take and reports whether the record is empty now.
func restore(l *Limit, class int, rec []uint32, now int64, cost int, s stamp) (empty bool) {
	switch {
	case class == classGCRA:
		return restoreGCRA(l, rec, now, cost, s.at())
	case isSliding(class) && s.at() <= now: // units that expire later may be in its bucket
		return false
	case isExact(class):
		return restoreStamps(l, rec, now, cost, s.at())
	case isSliding(class):
		return sixteenthsOf(class, rec).restore(l, cost, s.at())
	}
	return restoreCounter(rec, cost)
}
