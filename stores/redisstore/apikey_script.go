package redisstore

import "github.com/redis/go-redis/v9"

// apiKeyLua precedes the scripts that change when an entry may be forgotten. Their KEYS
// are entry, list, index and ending: see apikey.go. A score is Unix ms or "+inf".
const apiKeyLua = nowLua + `
local entry, list, index, ending = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function delist(member)
  redis.call('ZREM', list, member)
  redis.call('ZREM', index, member)
  redis.call('ZREM', ending, member)
end
-- enlist sets the scores of a member to when its entry expires. The list expires with the
-- last of its entries.
local function enlist(member)
  local at = redis.call('PEXPIRETIME', entry)
  if at == -2 then return delist(member) end -- that was in the past: Redis has deleted it
  local score = string.format('%.0f', at)
  if at == -1 then
    score = '+inf'
    redis.call('ZREM', ending, member)
  else
    redis.call('ZADD', ending, score, member)
  end
  redis.call('ZADD', list, score, member)
  local last = redis.call('ZRANGE', list, -1, -1, 'WITHSCORES')[2]
  if last == 'inf' then
    redis.call('PERSIST', list)
  else
    redis.call('PEXPIREAT', list, string.format('%.0f', tonumber(last)))
  end
end
`

// Each script accesses its KEYS and no other keys, so that Redis answers TRYAGAIN or ASK
// where they are moving to another node of a Cluster. A script that runs twice, since
// its answer was lost and the client sent it again, changes nothing the second time and
// has the same result; only spendAPIKey counts twice.
//
// A full Redis refuses commands that need memory if they are the first that write in a
// script. A revocation begins with one that needs none, and works.
var (
	// KEYS: as above, and the entry of the member that makes room if that is chosen.
	// ARGV: member, score, retention, maximum of the subject, the member that makes room
	// or "", digest, then the entry's fields and values. Returns "inserted", "taken", or
	// "full" if all of the subject's are valid; or else the member that has to make room.
	insertAPIKey = redis.NewScript(apiKeyLua + `
local member, score, most, victim = ARGV[1], ARGV[2], tonumber(ARGV[4]), ARGV[5]
local digest = redis.call('HGET', entry, 'digest')
if digest then return digest == ARGV[6] and 'inserted' or 'taken' end -- equal: a retry after a lost reply
local now, room = now_ms(), false
-- Members whose entries Redis has deleted are not counted.
local deleted = redis.call('ZCOUNT', list, '-inf', now)
local valid = redis.call('ZCOUNT', list, '(' .. string.format('%.0f', now + tonumber(ARGV[3])), '+inf')
if valid >= most then return 'full' end
if redis.call('ZCARD', list) - deleted >= most then
  local first = redis.call('ZRANGE', list, deleted, deleted)[1]
  if first ~= victim then return first end
  room = true
end
redis.call('HSET', entry, unpack(ARGV, 7))
if score ~= '+inf' then redis.call('PEXPIREAT', entry, score) end
redis.call('ZREMRANGEBYSCORE', list, '-inf', now)
if room then
  redis.call('DEL', KEYS[5])
  delist(victim)
end
redis.call('ZADD', index, 0, member)
enlist(member)
-- The lists of all lose more members than they get.
local forgotten = redis.call('ZRANGE', ending, '-inf', now, 'BYSCORE', 'LIMIT', 0, 16)
if #forgotten > 0 then
  redis.call('ZREM', index, unpack(forgotten))
  redis.call('ZREM', ending, unpack(forgotten))
end
return 'inserted'`)

	// KEYS: entry. ARGV: expected digest, new digest, last four characters, time of
	// the rotation, previous keys. Returns 1 if the entry was rotated.
	rotateAPIKey = redis.NewScript(`
local digest, revoked = unpack(redis.call('HMGET', KEYS[1], 'digest', 'revoked'))
if digest == ARGV[2] then return 1 end -- a retry after a lost reply
if digest ~= ARGV[1] or revoked ~= '' then return 0 end
redis.call('HSET', KEYS[1], 'digest', ARGV[2], 'last4', ARGV[3], 'rotated', ARGV[4], 'previous', ARGV[5], 'inuse', '0')
return 1`)

	// ARGV: member, score, expected revision, new maximum of uses, record. Returns 1 if
	// the entry was updated.
	updateAPIKey = redis.NewScript(apiKeyLua + `
local revoked, revision, uses, most, record = unpack(redis.call('HMGET', entry, 'revoked', 'revision', 'uses', 'max', 'record'))
if revoked ~= '' then return 0 end
local expected = tonumber(ARGV[3])
if tonumber(revision) == expected + 1 and record == ARGV[5] and most == ARGV[4] then return 1 end -- a retry after a lost reply
uses, most = tonumber(uses), tonumber(most)
local limit = tonumber(ARGV[4])
if tonumber(revision) ~= expected or most > 0 and uses >= most or limit > 0 and uses >= limit then return 0 end
redis.call('HSET', entry, 'record', ARGV[5], 'max', ARGV[4])
redis.call('HINCRBY', entry, 'revision', 1)
if ARGV[2] == '+inf' then
  redis.call('PERSIST', entry)
else
  redis.call('PEXPIREAT', entry, ARGV[2])
end
enlist(ARGV[1])
return 1`)

	// ARGV: member, score of a revoked entry, time of the revocation. Returns 1 if the
	// entry exists.
	revokeAPIKey = redis.NewScript(apiKeyLua + `
local revoked = redis.call('HGET', entry, 'revoked')
if not revoked then return 0 end
if revoked ~= '' then return 1 end
if redis.call('PEXPIREAT', entry, ARGV[2], 'LT') == 0 or redis.call('EXISTS', entry) == 1 then
  redis.call('HSET', entry, 'revoked', ARGV[3])
end
enlist(ARGV[1])
return 1`)

	// KEYS: entry. ARGV: digest of the key that was used, time of the use.
	useAPIKey = redis.NewScript(`
local digest, inuse, used = unpack(redis.call('HMGET', KEYS[1], 'digest', 'inuse', 'used'))
if not digest then return 0 end
if digest == ARGV[1] and inuse == '0' then redis.call('HSET', KEYS[1], 'inuse', '1') end
if used == '' or tonumber(used) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], 'used', ARGV[2]) end
return 1`)

	// ARGV: digest of the key that was used, time of the use, member, retention. Returns
	// 1 if the use was counted.
	spendAPIKey = redis.NewScript(apiKeyLua + `
local digest, revoked, used, uses, most = unpack(redis.call('HMGET', entry, 'digest', 'revoked', 'used', 'uses', 'max'))
if not digest or revoked ~= '' then return 0 end
uses, most = tonumber(uses), tonumber(most)
if most > 0 and uses >= most then return 0 end
if used == '' or tonumber(used) < tonumber(ARGV[2]) then
  used = ARGV[2]
  redis.call('HSET', entry, 'used', used)
end
if digest == ARGV[1] then redis.call('HSET', entry, 'inuse', '1') end
redis.call('HINCRBY', entry, 'uses', 1)
if uses + 1 == most then
  redis.call('PEXPIREAT', entry, string.format('%.0f', tonumber(used) + tonumber(ARGV[4])), 'LT')
  enlist(ARGV[3])
end
return 1`)
)
