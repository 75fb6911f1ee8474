package redisstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/apikey"
)

// APIKeys returns an [apikey.Store]. The keys of one application share a hash
// slot, so that a record and the list of its subject change together. What may
// be dropped has a time to live; a key that never expires has none.
func (s *Stores) APIKeys() apikey.Store { return apiKeys{s} }

type apiKeys struct{ *Stores }

// An entry is a hash: what never changes is the field "fixed", and the rest has
// fields of its own. The list of a subject is a sorted set of ids, the newest
// first. Times are Unix ms, and "" for zero.
var (
	insertKey = redis.NewScript(`
local entry, list, drop = KEYS[1], KEYS[2], tonumber(ARGV[3])
if redis.call('EXISTS', entry) == 1 then return 0 end
local lives = redis.call('PEXPIRETIME', list) -- -2: no list, -1: one without end
redis.call('HSET', entry, unpack(ARGV, 4))
redis.call('ZADD', list, ARGV[2], ARGV[1])
if not drop then
  redis.call('PERSIST', list)
  return 1
end
redis.call('PEXPIREAT', entry, drop)
if lives ~= -1 and lives < drop then redis.call('PEXPIREAT', list, drop) end
return 1`)

	rotateKey = redis.NewScript(`
local now = redis.call('HMGET', KEYS[1], 'digest', 'revoked')
if now[1] ~= ARGV[1] or now[2] ~= '' then return 0 end
redis.call('HSET', KEYS[1], 'previous', ARGV[1], 'digest', ARGV[2], 'last4', ARGV[3], 'rotated', ARGV[4], 'until', ARGV[5])
return 1`)

	// revokeKey takes the names of its subject's list and of the entries there
	// from what theirs begin with: all are in its slot. The list lives as long
	// as the last of them.
	revokeKey = redis.NewScript(`
local entry = redis.call('HMGET', KEYS[1], 'revoked', 'fixed')
if not entry[1] then return 0 end
if entry[1] ~= '' then return 1 end
redis.call('HSET', KEYS[1], 'revoked', ARGV[1])
redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'LT')
local list, last = ARGV[4] .. cjson.decode(entry[2]).subject, 0
for _, id in ipairs(redis.call('ZRANGE', list, 0, -1)) do
  local ends = redis.call('PEXPIRETIME', ARGV[3] .. id)
  if ends == -1 then return 1 end
  if ends == -2 then redis.call('ZREM', list, id) end
  if ends > last then last = ends end
end
if last > 0 then redis.call('PEXPIREAT', list, last) end
return 1`)

	useKey = redis.NewScript(`
local used = redis.call('HGET', KEYS[1], 'used')
if used and (used == '' or tonumber(used) < tonumber(ARGV[1])) then
  redis.call('HSET', KEYS[1], 'used', ARGV[1])
end
return 1`)

	// listKeys takes the entries' names from the list's: all are in its slot.
	listKeys = redis.NewScript(`
local found = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local entry = redis.call('HGETALL', ARGV[1] .. id)
  if #entry == 0 then
    redis.call('ZREM', KEYS[1], id)
  else
    found[#found + 1] = entry
  end
end
return found`)
)

func (k apiKeys) entryKey(id string) string     { return k.key("apikey", "all", ":id:"+id) }
func (k apiKeys) listKey(subject string) string { return k.key("apikey", "all", ":of:"+subject) }

func (k apiKeys) Insert(ctx context.Context, e apikey.Entry) (bool, error) {
	// The record's JSON is its public face, and has all that never changes.
	fixed, err := json.Marshal(e.Record)
	if err != nil {
		return false, fmt.Errorf("redisstore: encoding an API key's record: %w", err)
	}
	args := []any{
		e.ID, -e.CreatedAt.UnixMilli(), stamp(e.ForgetAfter()),
		"fixed", fixed, "digest", e.Digest[:], "previous", e.Previous[:], "until", stamp(e.PreviousUntil),
		"last4", e.Last4, "rotated", stamp(e.RotatedAt), "revoked", stamp(e.RevokedAt), "used", stamp(e.LastUsedAt),
	}
	inserted, err := insertKey.Run(ctx, k.client, []string{k.entryKey(e.ID), k.listKey(e.Subject)}, args...).Bool()
	return inserted, failed("inserting an API key", err)
}

func (k apiKeys) Load(ctx context.Context, id string) (*apikey.Entry, bool, error) {
	fields, err := k.client.HGetAll(ctx, k.entryKey(id)).Result()
	if err != nil || len(fields) == 0 {
		return nil, false, failed("loading an API key", err)
	}
	e, err := entryOf(fields)
	return e, err == nil, err
}

func (k apiKeys) Rotate(ctx context.Context, id string, r apikey.Rotation) (bool, error) {
	rotated, err := rotateKey.Run(ctx, k.client, []string{k.entryKey(id)}, r.From[:], r.To[:], r.Last4, stamp(r.At), stamp(r.Until)).Bool()
	return rotated, failed("rotating an API key", err)
}

func (k apiKeys) Revoke(ctx context.Context, id string, at time.Time) (bool, error) {
	found, err := revokeKey.Run(ctx, k.client, []string{k.entryKey(id)}, stamp(at), at.Add(apikey.Retention).UnixMilli(), k.entryKey(""), k.listKey("")).Bool()
	return found, failed("revoking an API key", err)
}

func (k apiKeys) Used(ctx context.Context, id string, at time.Time) error {
	return failed("noting an API key's use", useKey.Run(ctx, k.client, []string{k.entryKey(id)}, stamp(at)).Err())
}

func (k apiKeys) List(ctx context.Context, subject string) ([]apikey.Record, error) {
	rows, err := listKeys.Run(ctx, k.client, []string{k.listKey(subject)}, k.entryKey("")).Slice()
	if err != nil {
		return nil, failed("listing API keys", err)
	}
	var list []apikey.Record
	for _, row := range rows {
		pairs, _ := row.([]any)
		fields := make(map[string]string, len(pairs)/2)
		for i := 0; i+1 < len(pairs); i += 2 {
			name, _ := pairs[i].(string)
			fields[name], _ = pairs[i+1].(string)
		}
		e, err := entryOf(fields)
		if err != nil {
			return nil, err
		}
		list = append(list, e.Record)
	}
	return list, nil
}

func entryOf(fields map[string]string) (*apikey.Entry, error) {
	e := new(apikey.Entry)
	if err := json.Unmarshal([]byte(fields["fixed"]), &e.Record); err != nil {
		return nil, fmt.Errorf("redisstore: an API key's record cannot be decoded: %w", err)
	}
	if copy(e.Digest[:], fields["digest"]) != len(e.Digest) || copy(e.Previous[:], fields["previous"]) != len(e.Previous) {
		return nil, fmt.Errorf("redisstore: API key %q has no digest", e.ID)
	}
	e.Last4 = fields["last4"]
	for name, t := range map[string]*time.Time{"until": &e.PreviousUntil, "rotated": &e.RotatedAt, "revoked": &e.RevokedAt, "used": &e.LastUsedAt} {
		ms, err := strconv.ParseInt(fields[name], 10, 64)
		switch {
		case fields[name] == "":
			*t = time.Time{}
		case err != nil:
			return nil, fmt.Errorf("redisstore: API key %q: field %s: %w", e.ID, name, err)
		default:
			*t = time.UnixMilli(ms).UTC()
		}
	}
	return e, nil
}

// stamp is t in Unix ms, "" for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// failed says at what Redis failed.
func failed(at string, err error) error {
	if err != nil {
		return fmt.Errorf("redisstore: %s: %w", at, err)
	}
	return nil
}
