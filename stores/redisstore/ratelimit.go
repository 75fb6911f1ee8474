package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// RateLimits returns a [ratelimit.Store]. A decision is one script, whatever the
// number of limits, and uses the clock of the server.
//
// A refusal is cached in this process until the limit would grant again, so that
// a refused client causes no further commands. While it is cached, Remaining is
// as Redis last reported it, and a reset by another process has no effect here.
// Refusals of login limits are never cached, since a reset must take effect in
// every process.
//
// All counts of login limits are in one hash slot. The slot of any other count
// depends on its ratelimit.Take.Key.
func (s *Stores) RateLimits() ratelimit.Store {
	return &rateLimits{Stores: s, refused: newRefusalCache(s.now)}
}

type rateLimits struct {
	*Stores
	refused *refusalCache
}

// EndsByDeadline implements [ratelimit.DeadlineStore]: New has verified that the
// client respects deadlines.
func (r *rateLimits) EndsByDeadline() {}

// The sizes of what a script gets and returns for each limit; see takeScript and
// giveBackScript.
const (
	takeBytes     = 1 + 4 + 4 + 8 + 8
	stateBytes    = 4 + 8 + 8 + 8
	giveBackBytes = 1 + 1 + 4 + 8 + 8
)

func (r *rateLimits) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	states, generation, ok := r.refused.find(takes)
	if ok {
		return states, nil
	}
	keys, args := make([]string, len(takes)), make([]byte, 0, takeBytes*len(takes))
	for i := range takes {
		t := &takes[i]
		l := &t.Limit
		if t.Key == "" || t.Cost < 0 || t.Cost > capacity(l) {
			return nil, fmt.Errorf("redisstore: a take has no key, or its cost of %d is not between 0 and %d", t.Cost, capacity(l))
		}
		keys[i] = r.limitKey(t)
		args = append(args, kind(t))
		args = binary.BigEndian.AppendUint32(args, uint32(t.Cost))
		args = binary.BigEndian.AppendUint32(args, uint32(capacity(l)))
		args = binary.BigEndian.AppendUint64(args, uint64(l.Window.Microseconds()))
		args = binary.BigEndian.AppendUint64(args, uint64(step(l)))
	}
	result, err := takeScript.Run(ctx, r.client, keys, args).Text()
	if err == nil && len(result) != stateBytes*len(takes) {
		err = fmt.Errorf("the script returned %d bytes for %d limits", len(result), len(takes))
	}
	if err != nil {
		return nil, failed("taking from a rate limit", err)
	}
	states = make([]ratelimit.State, len(takes))
	for i, b := 0, []byte(result); i < len(states); i, b = i+1, b[stateBytes:] {
		states[i] = ratelimit.State{
			Remaining:  int(binary.BigEndian.Uint32(b)),
			RetryAfter: time.Duration(binary.BigEndian.Uint64(b[4:])) * time.Microsecond,
			Reset:      time.Duration(binary.BigEndian.Uint64(b[12:])) * time.Microsecond,
			Stamp:      int64(binary.BigEndian.Uint64(b[20:])),
		}
	}
	r.refused.add(takes, states, generation)
	return states, nil
}

func (r *rateLimits) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	keys, args := make([]string, len(taken)), make([]byte, 0, giveBackBytes*len(taken))
	for i := range taken {
		t := &taken[i]
		keys[i] = r.limitKey(&t.Take)
		all := byte(0)
		if t.All {
			all = 1
		}
		args = append(args, kind(&t.Take), all)
		args = binary.BigEndian.AppendUint32(args, uint32(t.Cost))
		args = binary.BigEndian.AppendUint64(args, uint64(step(&t.Limit)))
		args = binary.BigEndian.AppendUint64(args, uint64(t.Stamp))
	}
	err := giveBackScript.Run(ctx, r.client, keys, args).Err()
	for i := range taken { // even after an error: the script may have run
		r.refused.remove(&taken[i].Take)
	}
	return failed("giving back to a rate limit", err)
}

// limitKey returns the key of a count. Limits that differ in any property have
// different counts.
func (r *rateLimits) limitKey(t *ratelimit.Take) string {
	l := &t.Limit
	var stackBuffer [128]byte // avoids a heap allocation for most keys
	b := append(stackBuffer[:0], r.prefix...)
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

// The kinds of a limit, as the scripts have them.
const (
	kindSliding = 0
	kindGCRA    = 1
	kindJoining = 2 // sliding, and takeScript may try its shortcut
)

// kind returns the kind of a limit. Login limits never use the shortcut: it writes
// before it refuses, and their refusals are not cached, so that every refused
// login would make Redis write.
func kind(t *ratelimit.Take) byte {
	switch {
	case t.Limit.Algorithm == ratelimit.GCRA:
		return kindGCRA
	case step(&t.Limit) > 0 && t.Cost > 0 && !t.Fresh:
		return kindJoining
	}
	return kindSliding
}

// capacity returns the largest cost that a limit can grant.
func capacity(l *ratelimit.Limit) int {
	if l.Algorithm == ratelimit.GCRA && l.Burst > 0 {
		return l.Burst
	}
	return l.Quota
}

// exactQuota is the largest quota whose takes are recorded one by one. The takes
// of a larger one are counted in intervals of a sixteenth of the window; a take
// counts until its interval has left the window.
const exactQuota = 16

// step returns the ns in which a GCRA limit regains one unit, or the µs of one
// interval of a sliding limit, rounded up; 0 if takes are recorded one by one.
func step(l *ratelimit.Limit) int64 {
	switch {
	case l.Algorithm == ratelimit.GCRA:
		return (int64(l.Window) + int64(l.Quota) - 1) / int64(l.Quota)
	case l.Quota <= exactQuota:
		return 0
	}
	return (l.Window.Microseconds() + 15) / 16
}
