package redisstore

import "github.com/redis/go-redis/v9"

// A Sliding count is a string of pairs, 8 bytes of time and 4 of count: so many
// units are free at that time, in µs by the server's clock. Up to exactQuota each
// pair is a take, and the key is the string. Above, a pair is a sixteenth of the
// window, and the key is a hash: v has the pairs, s their sum, above it (32 bits)
// the last 21 bits of the newest one's number, which come again after 131,072
// windows. A take that joins the newest pair adds to s alone: the sum has it before
// v does. A GCRA count is its theoretical arrival time as a decimal. All end when
// nothing counts any more.
//
// A time that runs backwards, after a failover to a server whose clock is
// behind, grants nothing: units are never free before those that came earlier.
//
// The scripts get what they are to do as one string, and takeScript answers
// with one: Lua and Redis take longer over each number than over the count.
var (
	// takeScript has 25 bytes per key: 1 for GCRA, 2 for the shortcut, else 0;
	// cost, quota or burst; window (µs), step. It answers 28 bytes per key: those
	// of a ratelimit.State.
	takeScript = redis.NewScript(`
local call, decode, encode, ceil = redis.call, struct.unpack, struct.pack, math.ceil

-- The shortcut: one take that joins the newest pair, which the time to live tells
-- to 2 ms: pairs are free a window and up to a step after they began. A server
-- that takes no writes may still say who is refused.
if #KEYS == 1 then
  local kind, cost, quota, span = decode('>BI4I4I8I8', ARGV[1])
  local reset = kind == 2 and call('PTTL', KEYS[1]) * 1000 or 0
  if reset >= span + 2000 then
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

-- Where there are several keys, a first pass finds out whether all grant. There
-- is no function and no table: to make one takes longer than a key does.
for pass = #KEYS > 1 and 1 or 2, 2 do
  local pos = 1
  for i = 1, #KEYS do
    local key, kind, cost, quota, span, step = KEYS[i]
    kind, cost, quota, span, step, pos = decode('>BI4I4I8I8', ARGV[1], pos)
    local ask = cost
    if ask < 1 then ask = 1 end
    local wait, left, reset, stamp = 0, 0, 0, 0
    local take = pass == 2 and granted and cost > 0
    if kind == 1 then
      span = step / 1000
      local tat = (call('GET', key) or 0) + 0
      if tat < now then tat = now end
      wait = tat + ask * span - quota * span - now
      if take and wait <= 0 then
        tat = tat + cost * span
        stamp = math.floor(tat)
        call('SET', key, string.format('%.3f', tat), 'PX', math.max(ceil((tat - now) / 1000), 1))
      end
      left, reset = math.floor((now + quota * span - tat) / span), tat - now
    else
      local v, ahead = '', 0
      if step > 0 then
        local h = call('HMGET', key, 'v', 's')
        v, ahead = h[1] or '', (h[2] or 0) % 2^32
      else
        v = call('GET', key) or ''
      end
      local used, live, last, n = 0, 1, 0, 0
      for j = 1, #v, 12 do
        last, n = decode('>I8I4', v, j)
        ahead = ahead - n
        if last <= now then live = j + 12 else used = used + n end
      end
      v = v:sub(live)
      if step > 0 and v ~= '' then
        used, n = used + ahead, n + ahead
        v = v:sub(1, -5) .. encode('>I4', n)
      end
      local over, j = used + ask - quota, 1
      while over > 0 and j < #v do
        local at, free = decode('>I8I4', v, j)
        over, wait, j = over - free, at - now, j + 12
      end
      if take and wait <= 0 then
        used, stamp = used + cost, now + span
        if step > 0 then stamp = ceil(stamp / step) * step end
        if last < stamp then
          last, v = stamp, v .. encode('>I8I4', stamp, cost)
        else -- it is free together with the newest
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
      left = quota - used
      if last > now then reset = last - now end
    end
    if wait < 0 then wait = 0 end
    if pass == 1 then
      granted = granted and wait == 0
    else
      states = states .. encode('>I4I8I8I8', left, ceil(wait), ceil(reset), stamp)
    end
  end
end
return states`)

	// giveBackScript has 22 bytes per key: 1 for GCRA, else not; 1 where all is
	// forgotten; cost, step, stamp.
	giveBackScript = redis.NewScript(`
local call, decode, encode = redis.call, struct.unpack, struct.pack
local pos = 1
for _, key in ipairs(KEYS) do
  local gcra, all, cost, step, stamp
  gcra, all, cost, step, stamp, pos = decode('>BBI4I8I8', ARGV[1], pos)
  if all == 1 then
    call('DEL', key)
  elseif gcra == 1 then
    local t = call('TIME')
    local now = t[1] * 1000000 + t[2]
    local tat, back = (call('GET', key) or 0) + 0, math.min(cost * step / 1000, stamp - now)
    if back > 0 and tat >= stamp then
      call('SET', key, string.format('%.3f', tat - back), 'KEEPTTL')
    end
  elseif step == 0 then
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
  else
    local h = call('HMGET', key, 'v', 's')
    local v, sum, back = h[1] or '', (h[2] or 0) % 2^32, 0
    local ahead = sum
    for j = 1, #v, 12 do
      local at, n = decode('>I8I4', v, j)
      ahead = ahead - n
      if at / step % 2^21 == stamp then
        if j + 12 > #v then
          back = math.min(cost, n + ahead)
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
