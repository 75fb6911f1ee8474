package redisstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/ratelimit"
)

// RateLimits returns a [ratelimit.Store]. A decision is one script by the
// server's clock, whatever the number of limits. A key that was refused is
// answered from this process's memory until it may be granted again, without
// asking Redis; one that is reset from elsewhere meanwhile stays refused here
// until then. The limits of logins are always asked for, since their resets
// must hold everywhere; they share a hash slot. Other keys each have their own.
func (s *Stores) RateLimits() ratelimit.Store {
	return &rateLimits{Stores: s, refused: newRefusals(s.now)}
}

type rateLimits struct {
	*Stores
	refused *refusals
}

// A Sliding count is a string of pairs, 8 bytes of time and 4 of count: so many
// units are free at that time, in µs by the server's clock. A GCRA count is its
// theoretical arrival time as a decimal. Both end when nothing counts any more.
//
// A time that runs backwards, after a failover to a server whose clock is
// behind, grants nothing: units are never free before those that came earlier.
const limitLua = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local function read(key)
  local log, used, v = {}, 0, redis.call('GET', key)
  for i = 1, v and #v or 0, 12 do
    local at, n = struct.unpack('>I8I4', v, i)
    if at > now then
      log[#log + 1] = {at, n}
      used = used + n
    end
  end
  return log, used
end
local function write(key, log)
  local v = {}
  for i, e in ipairs(log) do v[i] = struct.pack('>I8I4', e[1], e[2]) end
  if #v == 0 then return redis.call('DEL', key) end
  redis.call('SET', key, table.concat(v), 'PX', math.ceil((log[#log][1] - now) / 1000))
end
local function write_tat(key, tat)
  if tat <= now then return redis.call('DEL', key) end
  redis.call('SET', key, string.format('%.3f', tat), 'PX', math.ceil((tat - now) / 1000))
end
`

var (
	// takeScript has five ARGV per key: the algorithm, the cost and, for
	// Sliding, quota, window and step, for GCRA, burst, interval and 0; times
	// in µs. It answers four numbers per key: those of a ratelimit.State.
	takeScript = redis.NewScript(limitLua + `
local states, takes, granted = {}, {}, true
for i, key in ipairs(KEYS) do
  local a = (i - 1) * 5
  local k = {sliding = ARGV[a + 1] == 'S', cost = tonumber(ARGV[a + 2]), quota = tonumber(ARGV[a + 3]), span = tonumber(ARGV[a + 4]), step = tonumber(ARGV[a + 5])}
  local ask, wait = math.max(k.cost, 1), 0
  if k.sliding then
    k.log, k.used = read(key)
    local over = k.used + ask - k.quota
    for _, e in ipairs(k.log) do
      if over <= 0 then break end
      over, wait = over - e[2], e[1] - now
    end
  else
    k.tat = math.max(tonumber(redis.call('GET', key) or 0), now)
    wait = math.max(k.tat + ask * k.span - k.quota * k.span - now, 0)
  end
  k.wait = wait
  if wait > 0 then granted = false end
  takes[i] = k
end
for i, key in ipairs(KEYS) do
  local k, stamp = takes[i], 0
  if granted and k.cost > 0 then
    if k.sliding then
      stamp = now + k.span
      if k.step > 0 then stamp = math.ceil(stamp / k.step) * k.step end
      local last = k.log[#k.log]
      if last and last[1] >= stamp then
        stamp = last[1]
        last[2] = last[2] + k.cost
      else
        k.log[#k.log + 1] = {stamp, k.cost}
      end
      k.used = k.used + k.cost
      write(key, k.log)
    else
      k.tat = k.tat + k.cost * k.span
      stamp = math.floor(k.tat)
      write_tat(key, k.tat)
    end
  end
  local left, reset
  if k.sliding then
    left, reset = k.quota - k.used, #k.log > 0 and k.log[#k.log][1] - now or 0
  else
    left, reset = math.floor((now + k.quota * k.span - k.tat) / k.span), k.tat - now
  end
  for _, n in ipairs({left, math.ceil(k.wait), math.ceil(reset), stamp}) do states[#states + 1] = n end
end
return states`)

	// giveBackScript has five ARGV per key too: the algorithm, the cost, the
	// stamp, the interval of GCRA, and 1 where all is forgotten.
	giveBackScript = redis.NewScript(limitLua + `
for i, key in ipairs(KEYS) do
  local a = (i - 1) * 5
  local cost, stamp, span = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
  if ARGV[a + 5] == '1' then
    redis.call('DEL', key)
  elseif ARGV[a + 1] == 'S' then
    local log, kept = read(key), {}
    for _, e in ipairs(log) do
      if e[1] == stamp then
        local n = math.min(e[2], cost)
        e[2], cost = e[2] - n, cost - n
      end
      if e[2] > 0 then kept[#kept + 1] = e end
    end
    write(key, kept)
  else
    local tat = tonumber(redis.call('GET', key) or 0)
    local back = math.min(cost * span, stamp - now)
    if back > 0 and tat >= stamp then write_tat(key, tat - back) end
  end
end
return 1`)
)

func (r *rateLimits) Take(ctx context.Context, takes []ratelimit.Take) ([]ratelimit.State, error) {
	if states, ok := r.refused.find(takes); ok {
		return states, nil
	}
	keys, args := make([]string, len(takes)), make([]any, 0, 5*len(takes))
	for i := range takes {
		t := &takes[i]
		l := &t.Limit
		if t.Key == "" || t.Cost < 0 || t.Cost > capacity(l) {
			return nil, fmt.Errorf("redisstore: a take without a key, or of %d from a limit that grants %d", t.Cost, capacity(l))
		}
		keys[i] = r.limitKey(t)
		if l.Algorithm == ratelimit.GCRA {
			args = append(args, "G", t.Cost, capacity(l), interval(l), 0)
		} else {
			args = append(args, "S", t.Cost, l.Quota, l.Window.Microseconds(), step(l))
		}
	}
	numbers, err := takeScript.Run(ctx, r.client, keys, args...).Int64Slice()
	if err == nil && len(numbers) != 4*len(takes) {
		err = fmt.Errorf("%d numbers for %d limits", len(numbers), len(takes))
	}
	if err != nil {
		return nil, failed("taking from a rate limit", err)
	}
	states := make([]ratelimit.State, len(takes))
	for i := range states {
		n := numbers[4*i:]
		states[i] = ratelimit.State{
			Remaining: int(n[0]), RetryAfter: time.Duration(n[1]) * time.Microsecond,
			Reset: time.Duration(n[2]) * time.Microsecond, Stamp: n[3],
		}
	}
	r.refused.note(takes, states)
	return states, nil
}

func (r *rateLimits) GiveBack(ctx context.Context, taken []ratelimit.Taken) error {
	keys, args := make([]string, len(taken)), make([]any, 0, 5*len(taken))
	for i := range taken {
		t := &taken[i]
		keys[i] = r.limitKey(&t.Take)
		algorithm, all := "S", 0
		if t.Limit.Algorithm == ratelimit.GCRA {
			algorithm = "G"
		}
		if t.All {
			all = 1
		}
		args = append(args, algorithm, t.Cost, t.Stamp, interval(&t.Limit), all)
		r.refused.forget(&t.Take)
	}
	return failed("giving back to a rate limit", giveBackScript.Run(ctx, r.client, keys, args...).Err())
}

// limitKey has a count of its own for all that makes a limit.
func (r *rateLimits) limitKey(t *ratelimit.Take) string {
	l := &t.Limit
	id := fmt.Sprintf("%s/%d/%d/%d/%d", l.Name, l.Algorithm, l.Quota, l.Burst, l.Window)
	if t.Fresh {
		return r.key("r", "login", t.Key+id)
	}
	return r.key("r", t.Key, id)
}

func capacity(l *ratelimit.Limit) int {
	if l.Algorithm == ratelimit.GCRA && l.Burst > 0 {
		return l.Burst
	}
	return l.Quota
}

// interval is the µs that one unit of a GCRA limit takes, rounded up at the ns.
func interval(l *ratelimit.Limit) string {
	ns := (int64(l.Window) + int64(l.Quota) - 1) / int64(l.Quota)
	return strconv.FormatFloat(float64(ns)/1000, 'f', 3, 64)
}

// exactQuota is the largest quota whose takes are logged one by one. Above,
// they are counted in sixteenths of the window, each until its end.
const exactQuota = 16

func step(l *ratelimit.Limit) int64 {
	if l.Quota <= exactQuota {
		return 0
	}
	return (l.Window.Microseconds() + 15) / 16
}
