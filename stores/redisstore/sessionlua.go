package redisstore

import "github.com/redis/go-redis/v9"

// sessionLua is in front of every script. ARGV[1] and ARGV[2] are what the
// names of sessions and of lists begin with.
const sessionLua = `
local names, lists = ARGV[1], ARGV[2]
local function subject_of(v) return v:sub(39, 38 + v:byte(38)) end
local function hash_of(subject) return lists .. redis.sha1hex(subject):sub(1, 2) end
local function keys_of(hash, subject)
  local keys, all = {}, redis.call('HGET', hash, subject) or ''
  for i = 1, #all, 32 do keys[#keys + 1] = all:sub(i, i + 31) end
  return keys
end
local function keep(hash, subject, keys)
  if #keys == 0 then redis.call('HDEL', hash, subject) else redis.call('HSET', hash, subject, table.concat(keys)) end
end
local function replace(subject, from, to)
  local hash, kept = hash_of(subject), {}
  for _, key in ipairs(keys_of(hash, subject)) do
    if key ~= from then kept[#kept + 1] = key end
  end
  if to then kept[#kept + 1] = to end
  keep(hash, subject, kept)
end
local function live_keys(hash, subject)
  local live = {}
  for _, key in ipairs(keys_of(hash, subject)) do
    if redis.call('EXISTS', names .. key) == 1 then live[#live + 1] = key end
  end
  return live
end
`

var (
	// ARGV: key, value, until when it is kept, how many sessions at most.
	insertSession = redis.NewScript(sessionLua + `
local key, v, at, most = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local have = redis.call('GET', KEYS[1])
if have then return have == v and 1 or 0 end -- the same again: a retry whose reply was lost
redis.call('SET', KEYS[1], v, 'PXAT', at)
local subject = subject_of(v)
local hash = hash_of(subject)
for _, other in ipairs(redis.call('HRANDFIELD', hash, 2) or {}) do
  keep(hash, other, live_keys(hash, other))
end
local keys = live_keys(hash, subject)
while #keys >= most do redis.call('DEL', names .. table.remove(keys, 1)) end
keys[#keys + 1] = key
keep(hash, subject, keys)
redis.call('PEXPIREAT', hash, at, 'NX')
redis.call('PEXPIREAT', hash, at, 'GT')
return 1`)

	// ARGV: last seen, deadline, until when it is kept.
	touchSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
local seen, deadline = struct.unpack('>I6I6', v, 2)
local now = tonumber(ARGV[3])
if seen >= now or deadline <= now then return 0 end
redis.call('SET', KEYS[1], v:sub(1, 1) .. struct.pack('>I6I6', now, tonumber(ARGV[4])) .. v:sub(14), 'PXAT', ARGV[5])
redis.call('PEXPIREAT', hash_of(subject_of(v)), ARGV[5], 'GT')
return 1`)

	// ARGV: revision, data.
	updateSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
local revision = tonumber(ARGV[3])
if not v or struct.unpack('>I6', v, 20) ~= revision then return 0 end
redis.call('SET', KEYS[1], v:sub(1, 19) .. struct.pack('>I6', revision + 1) .. v:sub(26, 38 + v:byte(38)) .. ARGV[4], 'KEEPTTL')
return 1`)

	// KEYS: from, to. ARGV: both keys.
	rotateSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
if redis.call('RENAMENX', KEYS[1], KEYS[2]) == 0 then return -1 end
replace(subject_of(v), ARGV[3], ARGV[4])
return 1`)

	// ARGV: key.
	deleteSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
replace(subject_of(v), ARGV[3], nil)
return redis.call('DEL', KEYS[1])`)

	// KEYS: the hash. ARGV: subject.
	listSessions = redis.NewScript(sessionLua + `
local found = {}
for _, key in ipairs(keys_of(KEYS[1], ARGV[3])) do
  local v = redis.call('GET', names .. key)
  if v then
    found[#found + 1] = key
    found[#found + 1] = v
  end
end
return found`)

	// KEYS: the hash. ARGV: subject, ids to keep.
	deleteSessions = redis.NewScript(sessionLua + `
local spared, kept, deleted = {}, {}, 0
for i = 4, #ARGV do spared[ARGV[i]] = true end
for _, key in ipairs(keys_of(KEYS[1], ARGV[3])) do
  local v = redis.call('GET', names .. key)
  if v and spared[v:sub(26, 37)] then
    kept[#kept + 1] = key
  elseif v then
    deleted = deleted + redis.call('DEL', names .. key)
  end
end
keep(KEYS[1], ARGV[3], kept)
return deleted`)
)
