package ratelimit

import "github.com/go-guard/guard/internal/table"

// A stamp identifies units for GiveBack. It has the time at which they expire, in
// microseconds and rounded down, and above it the life of their record: a number
// that a new record gets. So a take from a record that was evicted gives nothing
// back to the next record of the same key.
type stamp int64

const (
	lifeBits = 12
	timeBits = 64 - lifeBits
)

func stampOf(at int64, life uint16) stamp { return stamp(uint64(at)/1e3 | uint64(life)<<timeBits) }

// at is the time at which the units expire.
func (s stamp) at() int64 { return int64(s) & (1<<timeBits - 1) * 1e3 }

func (s stamp) life() uint16 { return uint16(uint64(s) >> timeBits) }

// A record's note is its life and, below it, the quota of an exact log less 1. This
// may be less than the log has places for: it is the quota of the last take.
const quotaBits = table.NoteBits - lifeBits

func noteOf(life uint16, quota int) table.Note {
	return table.Note(life<<quotaBits | uint16(quota-1)&(1<<quotaBits-1))
}

func lifeOf(n table.Note) uint16 { return uint16(n) >> quotaBits }

func quotaOf(n table.Note) int { return int(n)&(1<<quotaBits-1) + 1 }
