package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/ratelimit"
)

// RateLimits returns a [ratelimit.Store]. A decision is one script, whatever the
// number of limits, and uses the clock of the server.
//
// A refusal by a single limit is cached in this process for a second, or until it
// would grant again if that is sooner, so that a refused client causes few commands.
// While it is cached, Remaining is as Redis last reported it, and a reset by another
// process has no effect here. Refusals of takes that are Fresh, such as those of login
// limits, and of InFlight limits are never cached.
//
// The hash slot of a count depends on ratelimit.Take.Slot or, if that is empty, on its
// Key. A take of an InFlight limit has a cost of at most 1000.
//
// In a Cluster it is a [ratelimit.ShardedStore]: each master is a shard.
//
// A take whose answer is lost, as the connection breaks or Redis is silent for a
// second, may count until it expires.
func (s *Stores) RateLimits() ratelimit.Store {
	limits := &rateLimits{Stores: s, refused: newRefusalCache(s.now), checkConnections: s.connections.check}
	if cluster, ok := s.client.redis.(*redis.ClusterClient); ok {
		return &clusterLimits{rateLimits: limits, cluster: cluster, shards: map[string]int{}}
	}
	return limits
}

type rateLimits struct {
	*Stores
	refused *refusalCache

	checkConnections func() // a method value here saves an allocation a take
}

// The sizes of what a script gets, without a call, and returns for each limit; see
// takeScript and giveBackScript.
const (
	takeBytes     = 1 + 4 + 4 + 8 + 8
	stateBytes    = 4 + 8 + 8 + 8
	giveBackBytes = 1 + 4 + 8 + 8
)

func (r *rateLimits) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	states, query, ok := r.refused.find(takes)
	if ok {
		return states, nil
	}
	keys, args := make([]string, len(takes)), make([]byte, 0, takeBytes*len(takes))
	for i := range takes {
		t := &takes[i]
		if err := check(t); err != nil {
			return nil, err
		}
		keys[i] = r.limitKey(t)
		args = appendTake(args, t)
	}
	timer := time.AfterFunc(slow, r.checkConnections)
	defer timer.Stop()
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
	r.refused.add(takes, states, query)
	return states, nil
}

const (
	maxForced   = 1 << 30
	maxInFlight = 1000 // each unit is a member of a sorted set
)

// check returns an error for a take that the script cannot count.
func check(t *ratelimit.Take) error {
	most := capacity(&t.Limit)
	switch {
	case t.Limit.Algorithm == ratelimit.InFlight:
		most = min(most, maxInFlight)
	case t.Force:
		most = maxForced
	}
	switch {
	case t.Key == "" || t.Limit.Quota < 1 || t.Cost < 0 || t.Cost > most:
		return fmt.Errorf("redisstore: a take has no key, its quota of %d is not positive, or its cost of %d is not between 0 and %d", t.Limit.Quota, t.Cost, most)
	case t.Limit.Algorithm == ratelimit.InFlight && (t.Call == "" && t.Cost > 0 || len(t.Call) > math.MaxUint16 || t.Force):
		return fmt.Errorf("redisstore: a take of the InFlight limit %q has no Call, one of more than %d bytes, or Force", t.Limit.Name, math.MaxUint16)
	}
	return nil
}

// appendTake appends what takeScript gets for a take.
func appendTake(args []byte, t *ratelimit.Take) []byte {
	k := kind(t)
	if k == kindLarge && (t.Cost == 0 || t.Fresh) {
		// The shortcut writes before it refuses, and refusals of fresh takes are not
		// cached: every refused login would make Redis write.
		k = kindSliding
	}
	if t.Force {
		k |= forced
	}
	until := microseconds(t.Limit.Window)
	if k&^forced == kindCalendar {
		until = t.Until.UnixMicro()
	}
	args = append(args, k)
	args = binary.BigEndian.AppendUint32(args, uint32(t.Cost))
	args = binary.BigEndian.AppendUint32(args, uint32(capacity(&t.Limit)))
	args = binary.BigEndian.AppendUint64(args, uint64(until))
	args = binary.BigEndian.AppendUint64(args, uint64(step(&t.Limit)))
	return appendCall(args, t)
}

// appendCall appends the Call of a take of an InFlight limit.
func appendCall(args []byte, t *ratelimit.Take) []byte {
	if t.Limit.Algorithm != ratelimit.InFlight {
		return args
	}
	args = binary.BigEndian.AppendUint16(args, uint16(len(t.Call)))
	return append(args, t.Call...)
}

func (r *rateLimits) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	keys, args := make([]string, len(taken)), make([]byte, 0, giveBackBytes*len(taken))
	for i := range taken {
		t := &taken[i]
		keys[i] = r.limitKey(&t.Take)
		if t.All {
			all := byte(kindAll)
			if t.Limit.Algorithm == ratelimit.GCRA {
				all = kindAllGCRA
			}
			args = append(append(args, all), make([]byte, giveBackBytes-1)...)
			continue
		}
		if err := check(&t.Take); err != nil {
			return err
		}
		args = append(args, kind(&t.Take))
		args = binary.BigEndian.AppendUint32(args, uint32(t.Cost))
		args = binary.BigEndian.AppendUint64(args, uint64(step(&t.Limit)))
		args = binary.BigEndian.AppendUint64(args, uint64(t.Stamp))
		args = appendCall(args, &t.Take)
	}
	err := giveBackScript.Run(ctx, r.client, keys, args).Err()
	for i := range taken { // even after an error: the script may have run
		r.refused.remove(&taken[i].Take)
	}
	return failed("giving back to a rate limit", err)
}

// limitKey returns the key of a count. Its quota and burst are not part of it: a count
// survives their change.
func (r *rateLimits) limitKey(t *ratelimit.Take) string {
	l := &t.Limit
	var stackBuffer [128]byte // avoids a heap allocation for most keys
	b := append(stackBuffer[:0], r.prefix...)
	b = append(b, ":c{"...)
	if t.Slot != "" {
		b = append(b, t.Slot...)
		b = append(b, '}')
		b = append(b, t.Key...)
	} else {
		b = append(b, t.Key...)
		b = append(b, '}')
	}
	b = append(b, '/') // no letter of a name
	b = append(b, l.Name...)
	b = appendNumber(b, int64(l.Algorithm))
	if kind(t) == kindCalendar {
		b = append(b, "/since"...) // and until: a day and a month may begin together
		return string(appendNumber(appendNumber(b, t.Since.UnixMilli()), t.Until.UnixMilli()))
	}
	return string(appendNumber(b, int64(l.Window)))
}

func appendNumber(b []byte, n int64) []byte { return strconv.AppendInt(append(b, '/'), n, 36) }

// The kinds of a limit, as the scripts have them.
const (
	kindSliding  = 0
	kindGCRA     = 1
	kindLarge    = 2 // sliding, with a quota above exactQuota
	kindInFlight = 3
	kindCalendar = 4
	kindAll      = 5 // giveBackScript deletes the count
	kindAllGCRA  = 6 // it empties the bucket

	forced = 8 // added to the kind of a take with Force
)

func kind(t *ratelimit.Take) byte {
	switch {
	case !t.Until.IsZero():
		return kindCalendar
	case t.Limit.Algorithm == ratelimit.InFlight:
		return kindInFlight
	case t.Limit.Algorithm == ratelimit.GCRA:
		return kindGCRA
	case t.Limit.Quota > exactQuota:
		return kindLarge
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

// step returns the 256ths of a µs in which a GCRA limit regains one unit, or the µs of
// one interval of a sliding limit, rounded up.
func step(l *ratelimit.Limit) int64 {
	if l.Algorithm != ratelimit.GCRA {
		return (microseconds(l.Window) + 15) / 16
	}
	interval := (int64(l.Window) + int64(l.Quota) - 1) / int64(l.Quota)
	if interval >= int64(time.Second) { // whole µs: Lua adds up to ten years of them exactly
		return microseconds(time.Duration(interval)) * 256
	}
	return (interval*256 + 999) / 1000
}

// microseconds rounds up.
func microseconds(d time.Duration) int64 { return (int64(d) + 999) / 1000 }
