package redisstore

import "github.com/redis/go-redis/v9"

// nowLua defines the server's clock (Unix ms), by which scripts decide what has
// expired: a process whose clock is wrong deletes no one's session.
const nowLua = `
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
`

// sessionLua precedes every script on sessions, whose KEYS[1] is the hash of a
// subject. Offsets are those of session_record.go, plus 1.
const sessionLua = nowLua + `
local hash = KEYS[1]
local function is_record(field) return field:sub(1, 1) == 's' end
local function expiry(v) return struct.unpack('>I6', v, 8) + 3600000 end
local function id_of(v) return v:sub(26, 37) end
local function subject_of(v) return v:sub(41, 40 + v:byte(38)) end
local function ref_end(v) return 40 + v:byte(38) + v:byte(39) + v:byte(40) end
-- device_of returns the device of a record, or '', where its data begins, and its step.
local function device_of(v)
  local at = ref_end(v) + 1
  if v:byte(1) ~= 3 then return '', at, 0 end
  local n = v:byte(at + 6)
  return v:sub(at + 7, at + 6 + n), at + 7 + n, struct.unpack('>I6', v, at)
end
-- find_id returns the field and the record with an ID, unless its grace period has ended.
local function find_id(id, now)
  local all = redis.call('HGETALL', hash)
  for i = 1, #all, 2 do
    local v = all[i + 1]
    if is_record(all[i]) and id_of(v) == id and expiry(v) > now then return all[i], v end
  end
end
local function with_device(v, device, step)
  local _, at = device_of(v)
  local head, data = v:sub(2, ref_end(v)), v:sub(at)
  if device == '' then return '\2' .. head .. data end
  return '\3' .. head .. struct.pack('>I6', step) .. string.char(#device) .. device .. data
end
local function ref_of(v)
  local at = 41 + v:byte(38) + v:byte(39)
  return v:sub(at, at - 1 + v:byte(40))
end
-- read returns the record under a digest, unless its grace period has ended.
local function read(digest, now)
  local v = redis.call('HGET', hash, 's' .. digest)
  if v and expiry(v) > now then return v end
end
local function delete_fields(fields)
  if #fields > 0 then redis.call('HDEL', hash, unpack(fields)) end
end
-- end_rotations deletes the rotations if no record is left.
local function end_rotations()
  if redis.call('HLEN', hash) == 1 then redis.call('HDEL', hash, 'f') end
end
-- delete_records deletes those for which ends(v) is true, and returns how many there
-- were before their grace period ended.
local function delete_records(now, ends)
  local fields, deleted, all = {''}, 0, redis.call('HGETALL', hash) -- '' is no field
  for i = 1, #all, 2 do
    if is_record(all[i]) and ends(all[i + 1]) then
      fields[#fields + 1] = all[i]
      if expiry(all[i + 1]) > now then deleted = deleted + 1 end
    end
  end
  delete_fields(fields)
  end_rotations()
  return deleted
end
`

// A session key without its tag is called digest. Each script accesses its KEYS and no
// other keys, so that Redis answers TRYAGAIN or ASK where they are moving to another
// node of a Cluster.
//
// A full Redis refuses commands that need memory if they are the first that write in a
// script. Logins and updates begin with one. Whatever keeps or ends sessions begins
// with a command that needs none, and works.
var (
	// KEYS: hash, epoch if that is to be checked. ARGV: digest, value, maximum number of
	// sessions, epoch. Returns 0 if another session has this key, -1 if the epoch is
	// another, else 1. Most subjects have no other session. It defines no function, which
	// would take longer than the login.
	insertSession = redis.NewScript(`
local call, unpack_number = redis.call, struct.unpack
local hash, field, v = KEYS[1], 's' .. ARGV[1], ARGV[2]
if KEYS[2] and (call('GET', KEYS[2]) or '0') ~= ARGV[4] then return -1 end
local latest, all, expired = unpack_number('>I6', v, 8), call('HGETALL', hash), {}
if #all > 0 then
  local t = call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local subject = v:sub(41, 40 + v:byte(38))
  local live, oldest, oldest_seen = 0, nil, math.huge
  for i = 1, #all, 2 do
    local name, other = all[i], all[i + 1]
    if name == field then
      return other == v and 1 or 0 -- equal: a retry after a lost reply
    elseif name:byte() == 115 then -- 's'
      local seen, deadline = unpack_number('>I6I6', other, 2)
      if deadline > latest then latest = deadline end
      if deadline + 3600000 <= now then
        expired[#expired + 1] = name
      elseif other:sub(41, 40 + other:byte(38)) == subject then
        live = live + 1
        if seen < oldest_seen then oldest, oldest_seen = name, seen end
      end
    elseif unpack_number('>I6', other) <= now then
      expired[#expired + 1] = name -- all rotations
    end
  end
  if live >= tonumber(ARGV[3]) then expired[#expired + 1] = oldest end
end
call('HSET', hash, field, v)
if #expired > 0 then call('HDEL', hash, unpack(expired)) end
call('PEXPIREAT', hash, latest + 3600000)
return 1`)

	// ARGV: digest, last seen, deadline. Returns the record without its data if the session
	// was touched and has a Ref, else ''.
	touchSession = redis.NewScript(sessionLua + `
local field, now, deadline = 's' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local v = redis.call('HGET', hash, field)
if not v then return '' end
local seen, ends = struct.unpack('>I6I6', v, 2)
if seen >= now or ends <= now then return '' end
v = v:sub(1, 1) .. struct.pack('>I6I6', now, deadline) .. v:sub(14)
redis.call('PEXPIREAT', hash, string.format('%.0f', expiry(v)), 'GT')
redis.call('HSET', hash, field, v)
if v:byte(40) == 0 then return '' end
return '\2' .. v:sub(2, ref_end(v))`)

	// ARGV: digest, expected revision, data. Returns 1 if it was updated.
	updateSession = redis.NewScript(sessionLua + `
local v, revision = read(ARGV[1], now_ms()), tonumber(ARGV[2])
if not v or struct.unpack('>I6', v, 20) ~= revision then return 0 end
local _, data_at = device_of(v)
redis.call('HSET', hash, 's' .. ARGV[1], v:sub(1, 19) .. struct.pack('>I6', revision + 1) .. v:sub(26, data_at - 1) .. ARGV[3])
return 1`)

	// ARGV: digest, new digest, how long the rotation is remembered, how many are.
	// Returns 0 if there is no session, -1 if another one has the new key, else 1.
	rotateSession = redis.NewScript(sessionLua + `
local from, to, now = ARGV[1], ARGV[2], now_ms()
local v = read(from, now)
if not v then return 0 end
if redis.call('HEXISTS', hash, 's' .. to) == 1 then return -1 end
local rotations = {struct.pack('>I6', now + tonumber(ARGV[3])) .. from .. to}
local all = redis.call('HGET', hash, 'f') or ''
for i = 1, #all, 54 do
  local one = all:sub(i, i + 53)
  if struct.unpack('>I6', one) > now and #rotations < tonumber(ARGV[4]) then
    if one:sub(31) == from then one = one:sub(1, 30) .. to end
    rotations[#rotations + 1] = one
  end
end
redis.call('HDEL', hash, 's' .. from)
redis.call('HSET', hash, 's' .. to, v, 'f', table.concat(rotations))
return 1`)

	// ARGV: digest. Returns the number of deleted sessions.
	deleteSession = redis.NewScript(sessionLua + `
local digest, now = ARGV[1], now_ms()
if not read(digest, now) then
  local all, to = redis.call('HGET', hash, 'f') or '', nil
  for i = 1, #all, 54 do
    if all:sub(i + 6, i + 29) == digest and struct.unpack('>I6', all, i) > now then to = all:sub(i + 30, i + 53) end
  end
  if not to or not read(to, now) then return 0 end
  digest = to
end
redis.call('HDEL', hash, 's' .. digest)
end_rotations()
return 1`)

	// KEYS: hash, epoch. ARGV: subject, how long the epoch is kept, IDs of sessions to
	// keep. Returns the number of deleted sessions.
	deleteSessions = redis.NewScript(sessionLua + `
local exempt, now = {}, now_ms()
for i = 3, #ARGV do exempt[ARGV[i]] = true end
local deleted = delete_records(now, function(v) return subject_of(v) == ARGV[1] and not exempt[id_of(v)] end)
local epoch = math.max(tonumber(redis.call('GET', KEYS[2]) or 0) + 1, now)
redis.call('SET', KEYS[2], string.format('%.0f', epoch), 'PX', ARGV[2])
return deleted`)

	// ARGV: Ref, subject or ''. Returns the number of deleted sessions.
	deleteOfRef = redis.NewScript(sessionLua + `
return delete_records(now_ms(), function(v)
  return ref_of(v) == ARGV[1] and (ARGV[2] == '' or subject_of(v) == ARGV[2])
end)`)
)
