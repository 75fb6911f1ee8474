package redisstore

import "github.com/redis/go-redis/v9"

// sessionLua precedes every script on sessions. ARGV[1] and ARGV[2] are the
// prefixes of the keys of sessions and of the hashes that hold lists.
const sessionLua = `
local session_prefix, list_prefix = ARGV[1], ARGV[2]
local function subject_of(v) return v:sub(39, 38 + v:byte(38)) end
local function hash_of(subject) return list_prefix .. redis.sha1hex(subject):sub(1, 2) end
local function read_list(hash, subject)
  local digests, all = {}, redis.call('HGET', hash, subject) or ''
  for i = 1, #all, 32 do digests[#digests + 1] = all:sub(i, i + 31) end
  return digests
end
local function write_list(hash, subject, digests)
  if #digests == 0 then redis.call('HDEL', hash, subject) else redis.call('HSET', hash, subject, table.concat(digests)) end
end
-- replace removes one digest from the list of a subject and appends another, if any.
local function replace(subject, from, to)
  local hash, digests = hash_of(subject), {}
  for _, digest in ipairs(read_list(hash, subject)) do
    if digest ~= from then digests[#digests + 1] = digest end
  end
  if to then digests[#digests + 1] = to end
  write_list(hash, subject, digests)
end
local function read_live(hash, subject)
  local live = {}
  for _, digest in ipairs(read_list(hash, subject)) do
    if redis.call('EXISTS', session_prefix .. digest) == 1 then live[#live + 1] = digest end
  end
  return live
end
`

var (
	// KEYS: session. ARGV: digest, value, expiry, maximum number of sessions.
	// Returns 0 if another session has this key, else 1.
	insertSession = redis.NewScript(sessionLua + `
local digest, v, expiry, max_sessions = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local existing = redis.call('GET', KEYS[1])
if existing then return existing == v and 1 or 0 end -- equal: a retry after a lost reply
redis.call('SET', KEYS[1], v, 'PXAT', expiry)
local subject = subject_of(v)
local hash = hash_of(subject)
-- Two lists of the hash are purged, so that those of absent subjects do not stay.
for _, other in ipairs(redis.call('HRANDFIELD', hash, 2) or {}) do
  write_list(hash, other, read_live(hash, other))
end
local digests = read_live(hash, subject)
while #digests >= max_sessions do redis.call('DEL', session_prefix .. table.remove(digests, 1)) end
digests[#digests + 1] = digest
write_list(hash, subject, digests)
redis.call('PEXPIREAT', hash, expiry, 'NX')
redis.call('PEXPIREAT', hash, expiry, 'GT')
return 1`)

	// KEYS: session. ARGV: last seen, deadline, expiry.
	touchSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
local seen, deadline = struct.unpack('>I6I6', v, 2)
local now = tonumber(ARGV[3])
if seen >= now or deadline <= now then return 0 end
redis.call('SET', KEYS[1], v:sub(1, 1) .. struct.pack('>I6I6', now, tonumber(ARGV[4])) .. v:sub(14), 'PXAT', ARGV[5])
redis.call('PEXPIREAT', hash_of(subject_of(v)), ARGV[5], 'GT')
return 1`)

	// KEYS: session. ARGV: expected revision, data. Returns 1 if it was updated.
	updateSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
local revision = tonumber(ARGV[3])
if not v or struct.unpack('>I6', v, 20) ~= revision then return 0 end
redis.call('SET', KEYS[1], v:sub(1, 19) .. struct.pack('>I6', revision + 1) .. v:sub(26, 38 + v:byte(38)) .. ARGV[4], 'KEEPTTL')
return 1`)

	// KEYS: session, new key. ARGV: digest, new digest. Returns 0 if there is no
	// session, -1 if another one has the new key, else 1.
	rotateSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
if redis.call('RENAMENX', KEYS[1], KEYS[2]) == 0 then return -1 end
replace(subject_of(v), ARGV[3], ARGV[4])
return 1`)

	// KEYS: session. ARGV: digest. Returns the number of deleted sessions.
	deleteSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
replace(subject_of(v), ARGV[3], nil)
return redis.call('DEL', KEYS[1])`)

	// KEYS: hash. ARGV: subject. Returns digests and values in turn.
	listSessions = redis.NewScript(sessionLua + `
local sessions = {}
for _, digest in ipairs(read_list(KEYS[1], ARGV[3])) do
  local v = redis.call('GET', session_prefix .. digest)
  if v then
    sessions[#sessions + 1] = digest
    sessions[#sessions + 1] = v
  end
end
return sessions`)

	// KEYS: hash. ARGV: subject, IDs of sessions to keep. Returns the number of
	// deleted sessions.
	deleteSessions = redis.NewScript(sessionLua + `
local exempt, remaining, deleted = {}, {}, 0
for i = 4, #ARGV do exempt[ARGV[i]] = true end
for _, digest in ipairs(read_list(KEYS[1], ARGV[3])) do
  local v = redis.call('GET', session_prefix .. digest)
  if v and exempt[v:sub(26, 37)] then
    remaining[#remaining + 1] = digest
  elseif v then
    deleted = deleted + redis.call('DEL', session_prefix .. digest)
  end
end
write_list(KEYS[1], ARGV[3], remaining)
return deleted`)
)
