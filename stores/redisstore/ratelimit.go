package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// RateLimits returns a [ratelimit.Store]. A decision is one script by the
// server's clock, whatever the number of limits. A key that was refused is
// answered from this process's memory until it may be granted again, without
// asking Redis; what is left is then said as Redis said it, and one that is reset
// from elsewhere meanwhile stays refused here until then. The limits of logins are
// always asked for, since their resets must hold everywhere; they share a hash
// slot. Other keys each have their own.
func (s *Stores) RateLimits() ratelimit.Store {
	return &rateLimits{Stores: s, refused: newRefusals(s.now)}
}

type rateLimits struct {
	*Stores
	refused *refusals
}

// EndsByDeadline implements [ratelimit.DeadlineStore].
func (r *rateLimits) EndsByDeadline() {}

// How much the scripts get and answer per key.
const (
	takeBytes     = 1 + 4 + 4 + 8 + 8
	stateBytes    = 4 + 8 + 8 + 8
	giveBackBytes = 1 + 1 + 4 + 8 + 8
)

func (r *rateLimits) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	states, age, ok := r.refused.find(takes)
	if ok {
		return states, nil
	}
	keys, ask := make([]string, len(takes)), make([]byte, 0, takeBytes*len(takes))
	for i := range takes {
		t := &takes[i]
		l := &t.Limit
		if t.Key == "" || t.Cost < 0 || t.Cost > capacity(l) {
			return nil, fmt.Errorf("redisstore: a take without a key, or of %d from a limit that grants %d", t.Cost, capacity(l))
		}
		keys[i] = r.limitKey(t)
		ask = append(ask, kind(t))
		ask = binary.BigEndian.AppendUint32(ask, uint32(t.Cost))
		ask = binary.BigEndian.AppendUint32(ask, uint32(capacity(l)))
		ask = binary.BigEndian.AppendUint64(ask, uint64(l.Window.Microseconds()))
		ask = binary.BigEndian.AppendUint64(ask, uint64(step(l)))
	}
	answer, err := takeScript.Run(ctx, r.client, keys, ask).Text()
	if err == nil && len(answer) != stateBytes*len(takes) {
		err = fmt.Errorf("%d bytes for %d limits", len(answer), len(takes))
	}
	if err != nil {
		return nil, failed("taking from a rate limit", err)
	}
	states = make([]ratelimit.State, len(takes))
	for i, b := 0, []byte(answer); i < len(states); i, b = i+1, b[stateBytes:] {
		states[i] = ratelimit.State{
			Remaining:  int(binary.BigEndian.Uint32(b)),
			RetryAfter: time.Duration(binary.BigEndian.Uint64(b[4:])) * time.Microsecond,
			Reset:      time.Duration(binary.BigEndian.Uint64(b[12:])) * time.Microsecond,
			Stamp:      int64(binary.BigEndian.Uint64(b[20:])),
		}
	}
	r.refused.note(takes, states, age)
	return states, nil
}

func (r *rateLimits) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	keys, ask := make([]string, len(taken)), make([]byte, 0, giveBackBytes*len(taken))
	for i := range taken {
		t := &taken[i]
		keys[i] = r.limitKey(&t.Take)
		all := byte(0)
		if t.All {
			all = 1
		}
		ask = append(ask, kind(&t.Take), all)
		ask = binary.BigEndian.AppendUint32(ask, uint32(t.Cost))
		ask = binary.BigEndian.AppendUint64(ask, uint64(step(&t.Limit)))
		ask = binary.BigEndian.AppendUint64(ask, uint64(t.Stamp))
	}
	err := giveBackScript.Run(ctx, r.client, keys, ask).Err()
	for i := range taken { // whatever came of it: it may have been done
		r.refused.forget(&taken[i].Take)
	}
	return failed("giving back to a rate limit", err)
}

// limitKey has a count of its own for all that makes a limit.
func (r *rateLimits) limitKey(t *ratelimit.Take) string {
	l := &t.Limit
	var room [128]byte // enough for most, without a heap allocation
	b := append(room[:0], r.prefix...)
	if t.Fresh {
		b = append(b, ":c{login}"...)
		b = append(b, t.Key...)
	} else {
		b = append(b, ":c{"...)
		b = append(b, t.Key...)
		b = append(b, '}')
	}
	b = append(b, l.Name...)
	for _, n := range [...]int64{int64(l.Algorithm), int64(l.Quota), int64(l.Burst), int64(l.Window)} {
		b = append(b, '/')
		b = strconv.AppendInt(b, n, 36)
	}
	return string(b)
}

// kind is what the scripts are to do. The refusals of logins are not remembered
// here, and whoever is refused should not make Redis write: no shortcut for them.
func kind(t *ratelimit.Take) byte {
	switch {
	case t.Limit.Algorithm == ratelimit.GCRA:
		return 1
	case step(&t.Limit) > 0 && t.Cost > 0 && !t.Fresh:
		return 2
	}
	return 0
}

func capacity(l *ratelimit.Limit) int {
	if l.Algorithm == ratelimit.GCRA && l.Burst > 0 {
		return l.Burst
	}
	return l.Quota
}

// exactQuota is the largest quota whose takes are logged one by one. Above,
// they are counted in sixteenths of the window, each until its end.
const exactQuota = 16

// step is the ns that one unit of a GCRA limit takes, or the µs of a sixteenth,
// rounded up. It is 0 where takes are logged one by one.
func step(l *ratelimit.Limit) int64 {
	switch {
	case l.Algorithm == ratelimit.GCRA:
		return (int64(l.Window) + int64(l.Quota) - 1) / int64(l.Quota)
	case l.Quota <= exactQuota:
		return 0
	}
	return (l.Window.Microseconds() + 15) / 16
}
