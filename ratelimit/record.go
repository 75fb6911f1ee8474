package ratelimit

import (
	"math"

	"github.com/go-guard/guard/internal/table"
)

// Records of the memory store come in classes by their size: 0 is GCRA, 1 to 16
// are Sliding limits of that quota, and from 17 on larger Sliding limits, by the
// width of their counts. A record holds its own expiry and the used part of its
// quota, so limits of one class share a table.
const (
	classGCRA         = 0
	classSixteenths8  = exactQuota + 1
	classSixteenths16 = classSixteenths8 + 1
	classSixteenths32 = classSixteenths8 + 2
	classes           = classSixteenths32 + 1
)

// classOf returns the class of the records of a limit.
func classOf(l *Limit) int {
	switch {
	case l.Algorithm == GCRA:
		return classGCRA
	case l.Quota <= exactQuota:
		return l.Quota
	case l.Quota < 1<<8:
		return classSixteenths8
	case l.Quota < 1<<16:
		return classSixteenths16
	}
	return classSixteenths32
}

// layoutOf describes the records of a class to their table.
func layoutOf(class int) table.Layout {
	switch {
	case class == classGCRA:
		return table.Layout{Words: 3, Used: usedGCRA}
	case class >= classSixteenths8:
		return table.Layout{Words: sixteenthsWords(class), Used: func(rec []uint32, now int64) float64 {
			return sixteenthsOf(class, rec).used(now)
		}}
	}
	return table.Layout{Words: 1 + class, LowBits: unitMask, Used: func(rec []uint32, now int64) float64 {
		return float64(usedStamps(rec, now)) / float64(class)
	}}
}

func usedGCRA(rec []uint32, now int64) float64 {
	return float64(table.Int64(rec)-now) / float64(math.Float32frombits(rec[2]))
}

// step returns the state of a record, after taking cost if take is true and the
// limit grants it.
func step(class int, l *Limit, rec []uint32, now int64, cost int, take bool) State {
	switch {
	case class == classGCRA:
		return stepGCRA(l, rec, now, cost, take)
	case class >= classSixteenths8:
		return sixteenthsOf(class, rec).step(l, now, cost, take)
	}
	return stepStamps(l, rec, now, cost, take)
}

// restore undoes a take and reports whether the record is empty now.
func restore(l *Limit, rec []uint32, now int64, cost int, stamp int64) (empty bool) {
	switch c := classOf(l); {
	case c == classGCRA:
		return restoreGCRA(l, rec, now, cost, stamp)
	case c >= classSixteenths8:
		return sixteenthsOf(c, rec).restore(cost, stamp)
	}
	return restoreStamps(l, rec, now, cost, stamp)
}
