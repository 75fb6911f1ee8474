package redisstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/apikey"
)

// APIKeys returns an [apikey.Store]. All API keys of an application are in one
// hash slot, so that one script updates an entry and the list of its subject. An
// entry that may be deleted one day has a time to live; an API key that never
// expires has none.
func (s *Stores) APIKeys() apikey.Store { return apiKeys{s} }

type apiKeys struct{ *Stores }

// The entry of an API key is a hash. The field "fixed" holds the record as it
// was issued; every property that can change has its own field. The list of a
// subject is a sorted set of API key IDs, newest first. Times are Unix ms; the
// zero time is "".
var (
	// KEYS: entry, list. ARGV: ID, score in the list, expiry of the entry or "",
	// then the entry's fields and values. Returns 0 if the entry exists, else 1.
	insertAPIKey = redis.NewScript(`
local entry, list, entry_expiry = KEYS[1], KEYS[2], tonumber(ARGV[3])
if redis.call('EXISTS', entry) == 1 then return 0 end
local list_expiry = redis.call('PEXPIRETIME', list) -- -2: no list; -1: it never expires
redis.call('HSET', entry, unpack(ARGV, 4))
redis.call('ZADD', list, ARGV[2], ARGV[1])
if not entry_expiry then
  redis.call('PERSIST', list)
  return 1
end
redis.call('PEXPIREAT', entry, entry_expiry)
if list_expiry ~= -1 and list_expiry < entry_expiry then redis.call('PEXPIREAT', list, entry_expiry) end
return 1`)

	// KEYS: entry. ARGV: current digest, new digest, last four characters, time of
	// the rotation, end of the previous digest. Returns 1 if the entry was rotated.
	rotateAPIKey = redis.NewScript(`
local digest, revoked = unpack(redis.call('HMGET', KEYS[1], 'digest', 'revoked'))
if digest ~= ARGV[1] or revoked ~= '' then return 0 end
redis.call('HSET', KEYS[1], 'previous', ARGV[1], 'digest', ARGV[2], 'last4', ARGV[3], 'rotated', ARGV[4], 'until', ARGV[5])
return 1`)

	// KEYS: entry. ARGV: time of the revocation, expiry of a revoked entry, prefix
	// of entries, prefix of lists. The script derives the keys of the subject's
	// list and of the entries in it: all are in the entry's slot. The list expires
	// with the last of its entries. Returns 1 if the entry exists.
	revokeAPIKey = redis.NewScript(`
local revoked, fixed = unpack(redis.call('HMGET', KEYS[1], 'revoked', 'fixed'))
if not revoked then return 0 end
if revoked ~= '' then return 1 end
redis.call('HSET', KEYS[1], 'revoked', ARGV[1])
redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'LT')
local list, last_expiry = ARGV[4] .. cjson.decode(fixed).subject, 0
for _, id in ipairs(redis.call('ZRANGE', list, 0, -1)) do
  local expiry = redis.call('PEXPIRETIME', ARGV[3] .. id)
  if expiry == -1 then return 1 end -- never expires, and so the list does not either
  if expiry == -2 then redis.call('ZREM', list, id) end -- has expired
  if expiry > last_expiry then last_expiry = expiry end
end
if last_expiry > 0 then redis.call('PEXPIREAT', list, last_expiry) end
return 1`)

	// KEYS: entry. ARGV: time of the use.
	useAPIKey = redis.NewScript(`
local used = redis.call('HGET', KEYS[1], 'used')
if used and (used == '' or tonumber(used) < tonumber(ARGV[1])) then
  redis.call('HSET', KEYS[1], 'used', ARGV[1])
end
return 1`)

	// KEYS: list. ARGV: prefix of entries. The script derives the keys of the
	// entries: all are in the list's slot. It returns the newest thousand, so that
	// one subject cannot make it run for long.
	listAPIKeys = redis.NewScript(`
local entries = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, 999)) do
  local entry = redis.call('HGETALL', ARGV[1] .. id)
  if #entry == 0 then
    redis.call('ZREM', KEYS[1], id)
  else
    entries[#entries + 1] = entry
  end
end
return entries`)
)

func (k apiKeys) entryKey(id string) string     { return k.key("apikey", "all", ":id:"+id) }
func (k apiKeys) listKey(subject string) string { return k.key("apikey", "all", ":of:"+subject) }

func (k apiKeys) Insert(ctx context.Context, e apikey.Entry) (bool, error) {
	// The JSON of a record has all its fixed properties, and no secret.
	fixed, err := json.Marshal(e.Record)
	if err != nil {
		return false, fmt.Errorf("redisstore: encoding an API key's record: %w", err)
	}
	args := []any{
		e.ID, -e.CreatedAt.UnixMilli(), formatTime(e.ForgetAfter()),
		"fixed", fixed, "digest", e.Digest[:], "previous", e.Previous[:], "until", formatTime(e.PreviousUntil),
		"last4", e.Last4, "rotated", formatTime(e.RotatedAt), "revoked", formatTime(e.RevokedAt), "used", formatTime(e.LastUsedAt),
	}
	inserted, err := insertAPIKey.Run(ctx, k.client, []string{k.entryKey(e.ID), k.listKey(e.Subject)}, args...).Bool()
	return inserted, failed("inserting an API key", err)
}

func (k apiKeys) Load(ctx context.Context, id string) (*apikey.Entry, bool, error) {
	fields, err := k.client.HGetAll(ctx, k.entryKey(id)).Result()
	if err != nil || len(fields) == 0 {
		return nil, false, failed("loading an API key", err)
	}
	e, err := decodeEntry(fields)
	return e, err == nil, err
}

func (k apiKeys) Rotate(ctx context.Context, id string, r apikey.Rotation) (bool, error) {
	rotated, err := rotateAPIKey.Run(ctx, k.client, []string{k.entryKey(id)}, r.From[:], r.To[:], r.Last4, formatTime(r.At), formatTime(r.Until)).Bool()
	return rotated, failed("rotating an API key", err)
}

func (k apiKeys) Revoke(ctx context.Context, id string, at time.Time) (bool, error) {
	found, err := revokeAPIKey.Run(ctx, k.client, []string{k.entryKey(id)}, formatTime(at), at.Add(apikey.Retention).UnixMilli(), k.entryKey(""), k.listKey("")).Bool()
	return found, failed("revoking an API key", err)
}

func (k apiKeys) Used(ctx context.Context, id string, at time.Time) error {
	return failed("recording the use of an API key", useAPIKey.Run(ctx, k.client, []string{k.entryKey(id)}, formatTime(at)).Err())
}

func (k apiKeys) List(ctx context.Context, subject string) ([]apikey.Record, error) {
	rows, err := listAPIKeys.Run(ctx, k.client, []string{k.listKey(subject)}, k.entryKey("")).Slice()
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
		e, err := decodeEntry(fields)
		if err != nil {
			return nil, err
		}
		list = append(list, e.Record)
	}
	return list, nil
}

// decodeEntry decodes the fields that Insert writes.
func decodeEntry(fields map[string]string) (*apikey.Entry, error) {
	e := new(apikey.Entry)
	d := json.NewDecoder(strings.NewReader(fields["fixed"]))
	d.DisallowUnknownFields() // a limit of another version must not be lost
	if err := d.Decode(&e.Record); err != nil {
		return nil, fmt.Errorf("redisstore: decoding an API key's record: %w", err)
	}
	if copy(e.Digest[:], fields["digest"]) != len(e.Digest) || copy(e.Previous[:], fields["previous"]) != len(e.Previous) {
		return nil, fmt.Errorf("redisstore: the entry of API key %q has no digest", e.ID)
	}
	e.Last4 = fields["last4"]
	for name, t := range map[string]*time.Time{"until": &e.PreviousUntil, "rotated": &e.RotatedAt, "revoked": &e.RevokedAt, "used": &e.LastUsedAt} {
		ms, err := strconv.ParseInt(fields[name], 10, 64)
		switch {
		case fields[name] == "":
			*t = time.Time{}
		case err != nil:
			return nil, fmt.Errorf("redisstore: the entry of API key %q: field %q: %w", e.ID, name, err)
		default:
			*t = time.UnixMilli(ms).UTC()
		}
	}
	return e, nil
}

// formatTime returns t in Unix ms, or "" for the zero time.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}
