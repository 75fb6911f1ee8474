package redisstore

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
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
// The keys of a subject's sessions, one behind the other, are a field of one of
// 256 hashes in its shard: small fields take a third of what a key of their own
// would. A subject has maxSessions at most; the oldest makes room. What is gone
// leaves the list when the subject's next session comes, or that of another in
// the same hash.
const (
	idOffset  = 1 + 4*6
	headBytes = idOffset + 12 + 1
)

// maxSessions bounds what one subject can fill.
const maxSessions = 100

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

// errTaken: a key is 32 random bytes, so this is a fault and no accident.
var errTaken = errors.New("redisstore: the session's key is taken")

func (s sessions) names(shard int) string { return s.key("s", strconv.Itoa(shard), "") }
func (s sessions) lists(shard int) string { return s.key("u", strconv.Itoa(shard), "") }

// hash is where the list of a subject is. SHA-1 only spreads; it is what
// scripts have.
func (s sessions) hash(subject string) string {
	sum := sha1.Sum([]byte(subject))
	return s.lists(session.ShardOf(subject)) + hex.EncodeToString(sum[:1])
}

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
	n, err := s.run(ctx, insertSession, rec.Key.Shard(), []string{s.name(rec.Key)}, rec.Key[:], encodeSession(&rec), keptUntil(rec.Deadline), maxSessions).Int()
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
	pairs, err := s.run(ctx, listSessions, session.ShardOf(subject), []string{s.hash(subject)}, subject).StringSlice()
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
	args := []any{subject}
	for _, id := range keep {
		args = append(args, id[:])
	}
	n, err := s.run(ctx, deleteSessions, session.ShardOf(subject), []string{s.hash(subject)}, args...).Int()
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
