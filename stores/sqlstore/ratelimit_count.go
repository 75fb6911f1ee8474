package sqlstore

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"

	"github.com/go-guard/guard/ratelimit"
)

// A kind is how a count counts. Takes of one count have one kind.
type kind uint8

const (
	sliding kind = iota
	gcra
	inFlight
	calendar
)

func kindOf(t *ratelimit.Take) kind {
	switch {
	case t.Limit.Calendar != ratelimit.Calendar{}:
		return calendar
	case t.Limit.Algorithm == ratelimit.GCRA:
		return gcra
	case t.Limit.Algorithm == ratelimit.InFlight:
		return inFlight
	}
	return sliding
}

// A count is the state of a row.
type count struct {
	kind kind
	// life is from 1 to lives: the next one for each take from an empty count, so that
	// units that were taken before are not given back. It is 0 without a row.
	life uint16
	// units are, of a sliding limit, in the order in which they expire. A GCRA limit
	// has one, whose time is the theoretical arrival time of ITU-T I.371, at which the
	// bucket is empty. The period of a calendar has one, whose time is until when the
	// row is needed.
	units   []unit
	changed bool
}

// A unit is some units of a count, n of them, that stop counting at a time in Unix ns.
type unit struct {
	at   int64
	n    int
	call callID // of an InFlight limit
}

// A callID is a digest of ratelimit.Take.Call.
type callID [16]byte

// format begins every state.
const format = 1

var errFormat = errors.New("a count has an unknown format")

// decode reads the state of a count. A nil state is that of no row.
func decode(k kind, state []byte) (count, error) {
	c := count{kind: k}
	if state == nil {
		return c, nil
	}
	if len(state) < 3 || state[0] != format {
		return c, errFormat
	}
	c.life = binary.BigEndian.Uint16(state[1:])
	previous := int64(0)
	for b := state[3:]; len(b) > 0; {
		ago, n := binary.Varint(b)
		if n <= 0 {
			return c, errFormat
		}
		b = b[n:]
		units, n := binary.Uvarint(b)
		if n <= 0 || units > maxCount {
			return c, errFormat
		}
		b = b[n:]
		u := unit{at: previous + ago, n: int(units)}
		if k == inFlight {
			if len(b) < len(u.call) {
				return c, errFormat
			}
			b = b[copy(u.call[:], b):]
		}
		c.units = append(c.units, u)
		previous = u.at
	}
	return c, nil
}

// encode returns the state of a count.
func (c *count) encode() []byte {
	b := append(make([]byte, 0, 3+11*len(c.units)), format)
	b = binary.BigEndian.AppendUint16(b, c.life)
	previous := int64(0)
	for i := range c.units {
		u := &c.units[i]
		b = binary.AppendVarint(b, u.at-previous)
		b = binary.AppendUvarint(b, uint64(u.n))
		if c.kind == inFlight {
			b = append(b, u.call[:]...)
		}
		previous = u.at
	}
	return b
}

// end returns when nothing of the count counts any more.
func (c *count) end() (at int64) {
	for i := range c.units {
		at = max(at, c.units[i].at)
	}
	return at
}

// expire removes what no longer counts. The period of a calendar ends by the clock of
// the caller.
func (c *count) expire(now int64) {
	if c.kind == calendar {
		return
	}
	n := 0
	for _, u := range c.units {
		if u.at > now {
			c.units[n] = u
			n++
		}
	}
	c.units = c.units[:n]
}

func (c *count) sum() (n int) {
	for i := range c.units {
		n += c.units[i].n
	}
	return n
}

// begin is called before a take is added.
func (c *count) begin() {
	if c.changed = true; len(c.units) > 0 {
		return
	}
	if c.life == 0 { // no row
		c.life = rand.N(uint16(lives))
	}
	c.life = 1 + c.life%lives
}

// A stamp is the State.Stamp of a take: when its units expire, in µs and rounded down,
// and above it the life of the count.
const (
	lifeBits = 12
	timeBits = 64 - lifeBits
	lives    = 1<<lifeBits - 1 // none is 0
)

func (c *count) stamp(at int64) int64 { return int64(uint64(at)/1000 | uint64(c.life)<<timeBits) }

// stampAt returns the time of a stamp in ns, and whether it is of this life.
func (c *count) stampAt(stamp int64) (at int64, ok bool) {
	return stamp & (1<<timeBits - 1) * 1000, uint16(uint64(stamp)>>timeBits) == c.life
}
