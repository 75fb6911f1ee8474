package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/session"
)

// Sessions returns a [session.Store]. The sessions of a subject share the hash
// slot of their shard, so that each method is one script; a Cluster spreads
// them over session.Shards slots. Sessions and lists go when they are over.
func (s *Stores) Sessions() session.Store { return sessions{s} }

type sessions struct{ *Stores }

// A session is one string, so that a load is a GET:
//
//	1 byte    1, or 3 where it is remembered
//	4×6 bytes last seen, deadline, created (Unix ms), revision; big-endian
//	12 bytes  the id
//	1 byte    the subject's length, then the subject, then the data
//
// The list of a subject is a sorted set of keys by the time until which they
// were kept when they came. What is gone leaves it when the next one comes.
const (
	idOffset  = 1 + 4*6
	headBytes = idOffset + 12 + 1
)

// sessionLua is in front of every script. ARGV[1] and ARGV[2] are what the
// names of sessions and of lists begin with; Grace is an hour.
const sessionLua = `
local names, lists = ARGV[1], ARGV[2]
local function list_of(v) return lists .. v:sub(39, 38 + v:byte(38)) end
local function prune(list)
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', list, '-inf', now, 'LIMIT', 0, 8)) do
    local at = redis.call('PEXPIRETIME', names .. key)
    if at == -2 then redis.call('ZREM', list, key) else redis.call('ZADD', list, at, key) end
  end
end
local function remove(key, v)
  redis.call('ZREM', list_of(v), key)
  return redis.call('DEL', names .. key)
end
`

var (
	// ARGV: key, value, until when it is kept.
	insertSession = redis.NewScript(sessionLua + `
local key, v, at = ARGV[3], ARGV[4], ARGV[5]
local list = list_of(v)
local have = redis.call('GET', KEYS[1])
if have then return have == v and 1 or 0 end -- the same again: a retry whose reply was lost
redis.call('SET', KEYS[1], v, 'PXAT', at)
prune(list)
redis.call('ZADD', list, at, key)
redis.call('PEXPIREAT', list, at, 'NX')
redis.call('PEXPIREAT', list, at, 'GT')
return 1`)

	// ARGV: last seen, deadline, until when it is kept.
	touchSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
local seen, deadline = struct.unpack('>I6I6', v, 2)
local now = tonumber(ARGV[3])
if seen >= now or deadline <= now then return 0 end
redis.call('SET', KEYS[1], v:sub(1, 1) .. struct.pack('>I6I6', now, tonumber(ARGV[4])) .. v:sub(14), 'PXAT', ARGV[5])
redis.call('PEXPIREAT', list_of(v), ARGV[5], 'GT')
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
local list = list_of(v)
redis.call('ZREM', list, ARGV[3])
redis.call('ZADD', list, redis.call('PEXPIRETIME', KEYS[2]), ARGV[4])
return 1`)

	// ARGV: key.
	deleteSession = redis.NewScript(sessionLua + `
local v = redis.call('GET', KEYS[1])
return v and remove(ARGV[3], v) or 0`)

	// KEYS: list.
	listSessions = redis.NewScript(sessionLua + `
local found = {}
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local v = redis.call('GET', names .. key)
  if v then
    found[#found + 1] = key
    found[#found + 1] = v
  else
    redis.call('ZREM', KEYS[1], key)
  end
end
return found`)

	// KEYS: list. ARGV: ids to keep.
	deleteSessions = redis.NewScript(sessionLua + `
local keep, deleted = {}, 0
for i = 3, #ARGV do keep[ARGV[i]] = true end
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local v = redis.call('GET', names .. key)
  if not v then
    redis.call('ZREM', KEYS[1], key)
  elseif not keep[v:sub(26, 37)] then
    deleted = deleted + remove(key, v)
  end
end
return deleted`)
)

// errTaken: a key is 32 random bytes, so this is a fault and no accident.
var errTaken = errors.New("redisstore: the session's key is taken")

func (s sessions) names(shard int) string { return s.key("s", strconv.Itoa(shard), "") }
func (s sessions) lists(shard int) string { return s.key("u", strconv.Itoa(shard), "") }

func (s sessions) name(k session.Key) string { return s.names(k.Shard()) + string(k[:]) }

// run runs a script on keys of one shard.
func (s sessions) run(ctx context.Context, script *redis.Script, shard int, keys []string, args ...any) *redis.Cmd {
	return script.Run(ctx, s.client, keys, append([]any{s.names(shard), s.lists(shard)}, args...)...)
}

func (s sessions) Insert(ctx context.Context, rec session.Record) error {
	if n := len(rec.Subject); n < 1 || n > 255 {
		return fmt.Errorf("redisstore: a subject of %d bytes; 1 to 255 fit", n)
	}
	if rec.Key.Shard() != session.ShardOf(rec.Subject) {
		return errors.New("redisstore: the session's key is not in its subject's shard")
	}
	n, err := s.run(ctx, insertSession, rec.Key.Shard(), []string{s.name(rec.Key)}, rec.Key[:], encodeSession(&rec), keptUntil(rec.Deadline)).Int()
	switch {
	case err != nil && redis.HasErrorPrefix(err, "OOM"):
		return fmt.Errorf("%w: %w", session.ErrFull, err)
	case err != nil:
		return failed("inserting a session", err)
	case n == 0:
		return errTaken
	}
	return nil
}

func (s sessions) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	v, err := s.client.Get(ctx, s.name(key)).Result()
	if errors.Is(err, redis.Nil) {
		return session.Record{}, false, nil
	}
	if err != nil {
		return session.Record{}, false, failed("loading a session", err)
	}
	rec, err := decodeSession(key, v)
	return rec, err == nil && s.now().Before(rec.Deadline.Add(session.Grace)), err
}

func (s sessions) Touch(ctx context.Context, key session.Key, seen, deadline time.Time) error {
	err := s.run(ctx, touchSession, key.Shard(), []string{s.name(key)}, seen.UnixMilli(), deadline.UnixMilli(), keptUntil(deadline)).Err()
	return failed("touching a session", err)
}

func (s sessions) Update(ctx context.Context, key session.Key, revision int64, data string) (bool, error) {
	updated, err := s.run(ctx, updateSession, key.Shard(), []string{s.name(key)}, revision, data).Bool()
	return updated, failed("updating a session", err)
}

func (s sessions) Rotate(ctx context.Context, from, to session.Key) (bool, error) {
	n, err := s.run(ctx, rotateSession, from.Shard(), []string{s.name(from), s.name(to)}, from[:], to[:]).Int()
	if n < 0 {
		err = errTaken
	}
	return n == 1, failed("rotating a session", err)
}

func (s sessions) Delete(ctx context.Context, key session.Key) (bool, error) {
	n, err := s.run(ctx, deleteSession, key.Shard(), []string{s.name(key)}, key[:]).Int()
	return n == 1, failed("deleting a session", err)
}

func (s sessions) List(ctx context.Context, subject string) ([]session.Record, error) {
	shard := session.ShardOf(subject)
	pairs, err := s.run(ctx, listSessions, shard, []string{s.lists(shard) + subject}).StringSlice()
	if err != nil {
		return nil, failed("listing sessions", err)
	}
	var list []session.Record
	for i := 0; i+1 < len(pairs); i += 2 {
		rec, err := decodeSession(session.Key([]byte(pairs[i])), pairs[i+1])
		if err != nil {
			return nil, err
		}
		list = append(list, rec)
	}
	return list, nil
}

func (s sessions) DeleteAll(ctx context.Context, subject string, keep []session.ID) (int, error) {
	shard := session.ShardOf(subject)
	ids := make([]any, len(keep))
	for i := range keep {
		ids[i] = keep[i][:]
	}
	n, err := s.run(ctx, deleteSessions, shard, []string{s.lists(shard) + subject}, ids...).Int()
	return n, failed("deleting sessions", err)
}

func keptUntil(deadline time.Time) int64 { return deadline.Add(session.Grace).UnixMilli() }

func encodeSession(rec *session.Record) []byte {
	b := make([]byte, 0, headBytes+len(rec.Subject)+len(rec.Data))
	flags := byte(1)
	if rec.Remember {
		flags = 3
	}
	b = append(b, flags)
	for _, n := range [...]int64{rec.LastSeen.UnixMilli(), rec.Deadline.UnixMilli(), rec.Created.UnixMilli(), rec.Revision} {
		b = append(b, byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	b = append(b, rec.ID[:]...)
	b = append(b, byte(len(rec.Subject)))
	b = append(b, rec.Subject...)
	return append(b, rec.Data...)
}

func decodeSession(key session.Key, v string) (session.Record, error) {
	if len(v) < headBytes || v[0]&^2 != 1 || len(v) < headBytes+int(v[headBytes-1]) {
		return session.Record{}, errors.New("redisstore: a session is not in this version's format")
	}
	var n [4]int64
	for i := range n {
		for _, c := range []byte(v[1+6*i : 7+6*i]) {
			n[i] = n[i]<<8 | int64(c)
		}
	}
	data := headBytes + int(v[headBytes-1])
	return session.Record{
		Key: key, ID: session.ID([]byte(v[idOffset : headBytes-1])), Subject: v[headBytes:data], Data: v[data:],
		LastSeen: time.UnixMilli(n[0]).UTC(), Deadline: time.UnixMilli(n[1]).UTC(), Created: time.UnixMilli(n[2]).UTC(),
		Revision: n[3], Remember: v[0] == 3,
	}, nil
}
