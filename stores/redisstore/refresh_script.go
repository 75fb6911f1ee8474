package redisstore

import "github.com/redis/go-redis/v9"

// A field of the hash is a family. Its name is the ID; its value is three numbers
// of 6 bytes: the newest generation, or 0 if the family has ended; when that was
// issued; and when the family expires, or until when it stays listed if it has
// ended (Unix ms). Two bytes are the number of the earlier generations whose time of
// issue follows, the last one first, in 6 bytes each; and the length of the digest of the
// Ref behind them, 0 or 16. The rest is the Login. The hash expires an hour after its last
// family.
const (
	familyHead = 3*6 + 2

	endFamily = `
local function ref_of(v)
  local at = 21 + 6 * v:byte(19)
  return v:sub(at, at - 1 + v:byte(20))
end
local function end_family(id, v, listed_until)
  local ref = ref_of(v)
  redis.call('HSET', KEYS[1], id, struct.pack('>I6I6I6BB', 0, 0, listed_until, 0, #ref) .. ref)
  redis.call('PEXPIREAT', KEYS[1], listed_until + 3600000, 'GT')
end`
)

var (
	// ARGV: ID, started, expires, Login, until when an ended family stays listed,
	// maximum number of families, digest of the Ref. Returns the ID of the family that was ended, or "".
	// Expired families are deleted, and one of more ended families than the maximum.
	startFamily = redis.NewScript(`
local call, key, id, now, latest = redis.call, KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local v, victim = struct.pack('>I6I6I6BB', 1, now, latest, 0, #ARGV[7]) .. ARGV[7] .. ARGV[4], ''
local all = call('HGETALL', key)
call('HSET', key, id, v)
if #all > 0 then
  local live, ended, remove = {n = 0, expires = math.huge}, {n = 0, expires = math.huge}, {}
  for i = 1, #all, 2 do
    local newest, _, expires = struct.unpack('>I6I6I6', all[i + 1])
    if expires <= now then
      remove[#remove + 1] = all[i]
    else
      local group = newest > 0 and live or ended
      group.n = group.n + 1
      if expires < group.expires then group.oldest, group.value, group.expires = all[i], all[i + 1], expires end
      if expires > latest then latest = expires end
    end
  end
  if ended.n >= tonumber(ARGV[6]) then remove[#remove + 1] = ended.oldest end
  if #remove > 0 then call('HDEL', key, unpack(remove)) end
  if live.n >= tonumber(ARGV[6]) then
    victim = live.oldest
    local old = live.value
    local at = 21 + 6 * old:byte(19)
    local ref = old:sub(at, at - 1 + old:byte(20))
    call('HSET', key, victim, struct.pack('>I6I6I6BB', 0, 0, ARGV[5], 0, #ref) .. ref)
    latest = math.max(latest, ARGV[5])
  end
end
call('PEXPIREAT', key, latest + 3600000)
return victim`)

	// ARGV: ID, generation, now, grace period, idle timeout, until when an ended
	// family stays listed. Returns 0 for a family that is unknown, expired or ended, 1 for a
	// rotation, 2 for a repetition within the grace period, 3 for one whose
	// successor was used, 4 for reuse, which ends the family.
	rotateFamily = redis.NewScript(endFamily + `
local v = redis.call('HGET', KEYS[1], ARGV[1])
if not v then return 0 end
local newest, issued, expires, n = struct.unpack('>I6I6I6B', v)
if newest == 0 then return 0 end
local generation, now, grace = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if now >= expires or now >= issued + tonumber(ARGV[5]) then
  end_family(ARGV[1], v, tonumber(ARGV[6]))
  return 0
end
if generation >= newest then
  local earlier, kept = '', 0
  if generation == newest and math.abs(now - issued) < grace then
    kept = math.min(n, 14)
    earlier = struct.pack('>I6', issued) .. string.sub(v, 21, 20 + 6 * kept)
    kept = kept + 1
  end
  redis.call('HSET', KEYS[1], ARGV[1],
    struct.pack('>I6I6I6BB', generation + 1, now, expires, kept, v:byte(20)) .. earlier .. string.sub(v, 21 + 6 * n))
  return 1
end
local behind, used = newest - generation - 1, nil
if behind == 0 then
  used = issued
elseif behind <= n then
  used = struct.unpack('>I6', v, 21 + 6 * (behind - 1))
end
if used and math.abs(now - used) < grace then
  if behind == 0 then return 2 end
  return 3
end
end_family(ARGV[1], v, tonumber(ARGV[6]))
return 4`)

	// ARGV: until when an ended family stays listed, IDs.
	revokeFamilies = redis.NewScript(endFamily + `
for i = 2, #ARGV do
  local v = redis.call('HGET', KEYS[1], ARGV[i])
  if v and struct.unpack('>I6', v) > 0 then end_family(ARGV[i], v, tonumber(ARGV[1])) end
end
return 0`)

	// ARGV: digest of a Ref, until when an ended family stays listed. Returns the number of
	// the families with the Ref that it ended, and the IDs of all that are listed. The HDEL
	// is for a full Redis.
	revokeFamiliesOfRef = redis.NewScript(endFamily + `
redis.call('HDEL', KEYS[1], '')
local ended, ids, all = 0, {}, redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if ref_of(all[i + 1]) == ARGV[1] then
    ids[#ids + 1] = all[i]
    if struct.unpack('>I6', all[i + 1]) > 0 then
      end_family(all[i], all[i + 1], tonumber(ARGV[2]))
      ended = ended + 1
    end
  end
end
return {ended, ids}`)
)
