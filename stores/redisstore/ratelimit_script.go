package redisstore

import "github.com/redis/go-redis/v9"

// A count is one Redis entry, in one of five formats. All times are in µs by the
// clock of the server. An entry expires when nothing in it counts any more. A record of
// a sliding limit has the format of the largest quota that has written to it: the
// quota may change at any time, and two processes may disagree about it.
//
//   - Sliding, quota up to exactQuota: a string of pairs, oldest first. A pair is
//     a time (8 bytes) and a number of units (4 bytes) that stop counting then.
//     Every take is a pair. From 16 pairs on, which takes with Force, takes are
//     rounded as in a hash.
//   - Sliding, larger quota: a hash. Its field v is a string of the same pairs,
//     one for each interval (see step). Its field s is a number: the low 32 bits
//     are the sum of the units of all pairs; the bits above are the low 21 bits of
//     the newest interval's number, which repeat after 131,072 windows. Intervals are
//     counted from another one if the hash was empty meanwhile: what was taken before
//     is not given back. A take that falls into the newest interval increments s alone,
//     so that s may be ahead of v. The difference belongs to the newest pair. Pairs that
//     were in a string have other times than the ends of intervals.
//   - GCRA: the theoretical arrival time in µs (7 bytes) and in 256ths of one (1 byte),
//     and a number (1 byte), the next one for each take from an empty bucket: what was
//     taken before has drained, and is not given back. So a bucket that is emptied stays
//     until the last of its takes would have drained. The distance of the time from now
//     survives a change of the quota.
//   - In flight: a sorted set of the units in flight by when they stop counting. The
//     first unit of a take is named as its call; the name of the second is that, a
//     zero byte and 2, and so on.
//   - Calendar: a pair of when the count began, which is its stamp, and the units. Which
//     period it counts is part of the key, not of the time: processes whose clocks are
//     behind still count in it after its end, so it expires a minute later.
//
// If time runs backwards, as after a failover to a server whose clock is behind,
// nothing is granted early: a unit never stops counting before an earlier one.
//
// Each script gets its arguments as one string, and takeScript returns one: Redis
// and Lua need more time to convert numbers than to decide.

// takeLua gets 25 bytes per key: the kind (kindSliding and so on), the cost, the quota
// or burst, the window in µs or the end of a period, and the step; then, of a take in
// flight, its call and, in the two bytes before that, its length. It returns 28 bytes
// per key: the fields of a ratelimit.State. It takes from all counts or from none.
const takeLua = `
local call, pcall, decode, encode, ceil = redis.call, redis.pcall, struct.unpack, struct.pack, math.ceil

-- The shortcut, for one take that joins the newest pair. The entry expires when
-- that pair stops counting: if the time to live is at least a window (and 2 ms for
-- rounding), a take joins it. pcall, because a server that accepts no writes can
-- still refuse, and the entry may be a string: then the script continues below.
if #KEYS == 1 then
  local kind, cost, quota, window = decode('>BI4I4I8', ARGV[1])
  local reset = kind == 2 and call('PTTL', KEYS[1]) * 1000 or 0
  if reset >= window + 2000 then
    local s = pcall('HINCRBY', KEYS[1], 's', cost == 1 and '1' or cost)
    if type(s) == 'number' then
      local used = s % 2^32
      if used <= quota then
        return encode('>I4I8I8I7B', quota - used, 0, reset, (s - used) / 2^32, 0)
      end
      call('HINCRBY', KEYS[1], 's', -cost)
    end
  end
end

local t = call('TIME')
local now = t[1] * 1000000 + t[2]
local states, granted = '', true

-- If there are several keys, the first pass determines whether all of them grant,
-- and the second takes. Nothing here creates a function or a table: that would
-- take longer than the decision.
for pass = #KEYS > 1 and 1 or 2, 2 do
  local pos = 1
  for i = 1, #KEYS do
    local key, kind, cost, quota, window, step = KEYS[i]
    kind, cost, quota, window, step, pos = decode('>BI4I4I8I8', ARGV[1], pos)
    local needed, force = cost, kind >= 8
    if needed < 1 then needed = 1 end -- a cost of 0 asks when one unit is available
    if force then kind, needed = kind - 8, -math.huge end
    local wait, remaining, reset, stamp, part = 0, 0, 0, 0, 0
    local taking = pass == 2 and granted and cost > 0
    if kind == 1 then -- GCRA
      local unit, backlog, v = step / 256, 0, call('GET', key)
      part = now % 256
      if v then
        local at, n, number = decode('>I7BB', v)
        backlog, part = at - now + n / 256, number
        if backlog <= 0 then backlog, part = 0, (number + 1) % 256 end
      end
      wait = backlog + (needed - quota) * unit
      if taking and wait <= 0 then
        backlog = backlog + cost * unit
        if force then backlog = math.min(backlog, 3e15) end -- a century
        local whole = math.floor(backlog)
        stamp = now + ceil(backlog)
        call('SET', key, encode('>I7BB', now + whole, (backlog - whole) * 256, part), 'PXAT', ceil(stamp / 1000))
      end
      remaining, reset = math.floor((quota * unit - backlog) / unit), backlog
    elseif kind == 3 then -- in flight
      local id
      id, pos = decode('>I2c0', ARGV[1], pos)
      local used = call('ZCOUNT', key, now + 1, '+inf')
      local renewing = (call('ZSCORE', key, id) or 0) + 0 > now
      if used + needed > quota and not renewing then wait = 1000000 end -- when one ends is unknown
      if taking and wait <= 0 then
        for n = 1, cost do
          call('ZADD', key, renewing and 'XX' or 'CH', now + window, n == 1 and id or id .. '\0' .. n)
        end
        call('ZREMRANGEBYSCORE', key, '-inf', now) -- after a command that a full server refuses
        if not renewing then used = used + cost end
        call('PEXPIREAT', key, ceil((now + window) / 1000))
      end
      remaining = quota - used
      if used > 0 then reset = 1000000 end
    elseif kind == 4 then -- calendar; window is the end of the period
      local v, used = call('GET', key), 0
      stamp = now
      if v then stamp, used = decode('>I8I4', v) end
      if window <= now then window = now + 1 end -- a late take: neither time is negative or 0
      if used + needed > quota then wait = window - now end
      if taking and wait <= 0 then
        used = math.min(used + cost, 2^31)
        call('SET', key, encode('>I8I4', stamp, used), 'PXAT', ceil(window / 1000) + 60000)
      end
      remaining = quota - used
      if used > 0 then reset = window - now end
    else -- sliding; unmerged is what s is ahead of v
      local hash, moving, v, unmerged, from = quota > 16, false
      if hash then v = pcall('HMGET', key, 'v', 's') else v = pcall('GET', key) end
      if type(v) == 'table' and v.err then -- it has the other format
        if hash then
          moving, v = true, call('GET', key)
        else
          hash, v = true, call('HMGET', key, 'v', 's')
        end
      end
      if hash and not moving then v, unmerged, from = v[1], (v[2] or 0) % 2^32, math.floor((v[2] or 0) / 2^32) end
      v = v or ''
      local used, first, last, n = 0, 1, 0, 0
      for j = 1, #v, 12 do
        last, n = decode('>I8I4', v, j)
        if unmerged then unmerged = unmerged - n end
        if last <= now then first = j + 12 else used = used + n end
      end
      v = v:sub(first)
      if from and v ~= '' then from = from - ceil(last / step) else from = now end
      if unmerged and v ~= '' then
        used, n = used + unmerged, n + unmerged
        v = v:sub(1, -5) .. encode('>I4', n)
      end
      local excess, j = used + needed - quota, 1
      while excess > 0 and j < #v do
        local at, units = decode('>I8I4', v, j)
        excess, wait, j = excess - units, at - now, j + 12
      end
      if taking and wait <= 0 then
        if force then cost = math.min(cost, 2^31 - used) end
        used, stamp = used + cost, now + window
        if hash or #v >= 192 then stamp = ceil(stamp / step) * step end
        if last < stamp then
          last, v = stamp, v .. encode('>I8I4', stamp, cost)
        else -- joins the newest pair
          v = v:sub(1, -5) .. encode('>I4', n + cost)
        end
        stamp = last
        if hash then
          if moving then call('DEL', key) end
          stamp = (from + ceil(last / step)) % 2^21
          call('HSET', key, 'v', v, 's', stamp * 2^32 + used)
          call('PEXPIREAT', key, ceil(last / 1000))
        else
          call('SET', key, v, 'PXAT', ceil(last / 1000))
        end
      end
      remaining = quota - used
      if last > now then reset = last - now end
    end
    if wait < 0 then wait = 0 end
    if remaining < 0 then remaining = 0 end
    if pass == 1 then
      granted = granted and wait == 0
    else
      states = states .. encode('>I4I8I8I7B', remaining, ceil(wait), ceil(reset), stamp, part)
    end
  end
end
return states`

// giveBackLua gets 21 bytes per key: the kind, the cost, the step, and the stamp that
// takeScript returned; then the call of a take in flight, as takeLua does.
const giveBackLua = `
local call, pcall, decode, encode, ceil = redis.call, redis.pcall, struct.unpack, struct.pack, math.ceil
local pos = 1
for _, key in ipairs(KEYS) do
  local kind, cost, step, stamp, part, id
  kind, cost, step, stamp, part, pos = decode('>BI4I8I7B', ARGV[1], pos)
  if kind == 3 then id, pos = decode('>I2c0', ARGV[1], pos) end
  if kind == 5 then -- all of it
    call('DEL', key)
  elseif kind == 1 or kind == 6 then -- GCRA, or all of it
    local v = call('GET', key)
    if v then
      local t = call('TIME')
      local now = t[1] * 1000000 + t[2]
      local at, n, number = decode('>I7BB', v)
      local backlog = at - now + n / 256
      local back = math.min(cost * step / 256, stamp - now, backlog) -- what has not drained
      if number ~= part then back = 0 end
      if kind == 6 then back = backlog end
      if back > 0 then
        backlog = backlog - back
        local whole = math.floor(backlog)
        call('SET', key, encode('>I7BB', now + whole, (backlog - whole) * 256, number), 'KEEPTTL')
      end
    end
  elseif kind == 3 then -- in flight
    local n = 1
    while call('ZREM', key, n == 1 and id or id .. '\0' .. n) == 1 do n = n + 1 end
  else -- sliding or calendar
    local hash, v, s = kind == 2
    if hash then v = pcall('HMGET', key, 'v', 's') else v = pcall('GET', key) end
    if type(v) == 'table' and v.err then -- it has the other format
      hash = not hash
      if hash then v = call('HMGET', key, 'v', 's') else v = call('GET', key) end
    end
    if hash then v, s = v[1], v[2] end
    v = v or ''
    if not hash then
      for j = 1, #v, 12 do
        local at, n = decode('>I8I4', v, j)
        if at == stamp and n > cost then
          call('SETRANGE', key, j + 7, encode('>I4', n - cost))
        elseif at == stamp and #v > 12 then
          call('SET', key, v:sub(1, j - 1) .. v:sub(j + 12), 'KEEPTTL')
        elseif at == stamp then
          call('DEL', key)
        end
      end
    else
      local sum, left, from = (s or 0) % 2^32, cost, 0
      local unmerged, ofString = sum, stamp >= 2^21
      if #v > 0 then from = math.floor(s / 2^32) - ceil(decode('>I8', v, #v - 11) / step) end
      for j = 1, #v, 12 do
        local at, n = decode('>I8I4', v, j)
        unmerged = unmerged - n
        if ofString and at == stamp or at % step == 0 and (from + at / step) % 2^21 == stamp then
          if j + 12 > #v then
            left = left - math.min(left, n + unmerged)
          else
            local back = math.min(left, n)
            left = left - back
            v = v:sub(1, j + 7) .. encode('>I4', n - back) .. v:sub(j + 12)
            call('HSET', key, 'v', v)
          end
        end
      end
      if cost > left and cost - left == sum then
        call('DEL', key)
      elseif cost > left then
        call('HINCRBY', key, 's', left - cost)
      end
    end
  end
end
return 1`

var (
	takeScript     = redis.NewScript(takeLua)
	giveBackScript = redis.NewScript(giveBackLua)
)
