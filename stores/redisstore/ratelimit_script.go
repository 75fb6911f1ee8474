package redisstore

import "github.com/redis/go-redis/v9"

// A count is one Redis entry, in one of three formats. All times are in µs by the
// clock of the server. An entry expires when nothing in it counts any more.
//
//   - Sliding, quota up to exactQuota: a string of pairs, oldest first. A pair is
//     a time (8 bytes) and a number of units (4 bytes) that stop counting then.
//     Every take is a pair.
//   - Sliding, larger quota: a hash. Its field v is a string of the same pairs,
//     one for each interval (see step). Its field s is a number: the low 32 bits
//     are the sum of the units of all pairs; the bits above are the low 21 bits of
//     the newest interval's number, which repeat after 131,072 windows. A take
//     that falls into the newest interval increments s alone, so that s may be
//     ahead of v. The difference belongs to the newest pair.
//   - GCRA: the theoretical arrival time as a decimal.
//
// If time runs backwards, as after a failover to a server whose clock is behind,
// nothing is granted early: a unit never stops counting before an earlier one.
//
// Each script gets its arguments as one string, and takeScript returns one: Redis
// and Lua need more time to convert numbers than to decide.
var (
	// takeScript gets 25 bytes per key: the kind (kindSliding and so on), the cost,
	// the quota or burst, the window in µs and the step. It returns 28 bytes per
	// key: the fields of a ratelimit.State. It takes from all counts or from none.
	takeScript = redis.NewScript(`
local call, decode, encode, ceil = redis.call, struct.unpack, struct.pack, math.ceil

-- The shortcut, for one take that joins the newest pair. The entry expires when
-- that pair stops counting: if the time to live is at least a window (and 2 ms for
-- rounding), a take joins it. pcall, because a server that accepts no writes can
-- still refuse: then the script continues below.
if #KEYS == 1 then
  local kind, cost, quota, window = decode('>BI4I4I8I8', ARGV[1])
  local reset = kind == 2 and call('PTTL', KEYS[1]) * 1000 or 0
  if reset >= window + 2000 then
    local s = redis.pcall('HINCRBY', KEYS[1], 's', cost == 1 and '1' or cost)
    if type(s) == 'number' then
      local used = s % 2^32
      if used <= quota then
        return encode('>I4I8I8I8', quota - used, 0, reset, (s - used) / 2^32)
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
    local needed = cost
    if needed < 1 then needed = 1 end -- a cost of 0 asks when one unit is available
    local wait, remaining, reset, stamp = 0, 0, 0, 0
    local taking = pass == 2 and granted and cost > 0
    if kind == 1 then -- GCRA
      local unit = step / 1000
      local tat = (call('GET', key) or 0) + 0
      if tat < now then tat = now end
      wait = tat + needed * unit - quota * unit - now
      if taking and wait <= 0 then
        tat = tat + cost * unit
        stamp = math.floor(tat)
        call('SET', key, string.format('%.3f', tat), 'PX', math.max(ceil((tat - now) / 1000), 1))
      end
      remaining, reset = math.floor((now + quota * unit - tat) / unit), tat - now
    else -- sliding; unmerged is what s is ahead of v
      local v, unmerged = '', 0
      if step > 0 then
        local h = call('HMGET', key, 'v', 's')
        v, unmerged = h[1] or '', (h[2] or 0) % 2^32
      else
        v = call('GET', key) or ''
      end
      local used, first, last, n = 0, 1, 0, 0
      for j = 1, #v, 12 do
        last, n = decode('>I8I4', v, j)
        unmerged = unmerged - n
        if last <= now then first = j + 12 else used = used + n end
      end
      v = v:sub(first)
      if step > 0 and v ~= '' then
        used, n = used + unmerged, n + unmerged
        v = v:sub(1, -5) .. encode('>I4', n)
      end
      local excess, j = used + needed - quota, 1
      while excess > 0 and j < #v do
        local at, units = decode('>I8I4', v, j)
        excess, wait, j = excess - units, at - now, j + 12
      end
      if taking and wait <= 0 then
        used, stamp = used + cost, now + window
        if step > 0 then stamp = ceil(stamp / step) * step end
        if last < stamp then
          last, v = stamp, v .. encode('>I8I4', stamp, cost)
        else -- joins the newest pair
          v = v:sub(1, -5) .. encode('>I4', n + cost)
        end
        stamp = last
        if step > 0 then
          stamp = last / step % 2^21
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
    if pass == 1 then
      granted = granted and wait == 0
    else
      states = states .. encode('>I4I8I8I8', remaining, ceil(wait), ceil(reset), stamp)
    end
  end
end
return states`)

	// giveBackScript gets 22 bytes per key: the kind, 1 to reset the count (else 0),
	// the cost, the step, and the stamp that takeScript returned.
	giveBackScript = redis.NewScript(`
local call, decode, encode = redis.call, struct.unpack, struct.pack
local pos = 1
for _, key in ipairs(KEYS) do
  local kind, all, cost, step, stamp
  kind, all, cost, step, stamp, pos = decode('>BBI4I8I8', ARGV[1], pos)
  if all == 1 then
    call('DEL', key)
  elseif kind == 1 then -- GCRA
    local t = call('TIME')
    local now = t[1] * 1000000 + t[2]
    local tat, back = (call('GET', key) or 0) + 0, math.min(cost * step / 1000, stamp - now)
    if back > 0 and tat >= stamp then
      call('SET', key, string.format('%.3f', tat - back), 'KEEPTTL')
    end
  elseif step == 0 then -- sliding, a pair for each take
    local v = call('GET', key) or ''
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
  else -- sliding, a pair for each interval
    local h = call('HMGET', key, 'v', 's')
    local v, sum, back = h[1] or '', (h[2] or 0) % 2^32, 0
    local unmerged = sum
    for j = 1, #v, 12 do
      local at, n = decode('>I8I4', v, j)
      unmerged = unmerged - n
      if at / step % 2^21 == stamp then
        if j + 12 > #v then
          back = math.min(cost, n + unmerged)
        else
          back = math.min(cost, n)
          call('HSET', key, 'v', v:sub(1, j + 7) .. encode('>I4', n - back) .. v:sub(j + 12))
        end
      end
    end
    if back > 0 and back == sum then
      call('DEL', key)
    elseif back > 0 then
      call('HINCRBY', key, 's', -back)
    end
  end
end
return 1`)
)
