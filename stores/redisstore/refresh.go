package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// TokenFamilies returns a [refresh.Store]. All token families of a
// subject are in one hash. A subject has at most 100: one more replaces the oldest.
// Of those that have ended, about 100 stay listed.
func (s *Stores) TokenFamilies() refresh.Store { return families{s} }

type families struct{ *Stores }

// A field of the hash is a family. Its name is the ID; its value is three numbers
// of 6 bytes: the newest generation, or 0 if the family has ended; when that was
// issued; and when the family expires, or until when it stays listed if it has
// ended (Unix ms). A byte is the number of the earlier generations whose time of
// issue follows, the last one first, in 6 bytes each. The rest is the Login. The
// hash expires an hour after its last family.
const (
	familyHead = 3*6 + 1

	endFamily = `
local function end_family(id, listed_until)
  redis.call('HSET', KEYS[1], id, struct.pack('>I6I6I6B', 0, 0, listed_until, 0))
  redis.call('PEXPIREAT', KEYS[1], listed_until + 3600000, 'GT')
end`
)

var (
	// ARGV: ID, started, expires, Login, until when an ended family stays listed,
	// maximum number of families. Returns the ID of the family that was ended, or "".
	// Expired families are deleted, and one of more ended families than the maximum.
	startFamily = redis.NewScript(`
local call, key, id, now, latest = redis.call, KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local v, victim = struct.pack('>I6I6I6B', 1, now, latest, 0) .. ARGV[4], ''
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
      if expires < group.expires then group.oldest, group.expires = all[i], expires end
      if expires > latest then latest = expires end
    end
  end
  if ended.n >= tonumber(ARGV[6]) then remove[#remove + 1] = ended.oldest end
  if #remove > 0 then call('HDEL', key, unpack(remove)) end
  if live.n >= tonumber(ARGV[6]) then
    victim = live.oldest
    call('HSET', key, victim, struct.pack('>I6I6I6B', 0, 0, ARGV[5], 0))
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
  end_family(ARGV[1], tonumber(ARGV[6]))
  return 0
end
if generation >= newest then
  local earlier, kept = '', 0
  if generation == newest and math.abs(now - issued) < grace then
    kept = math.min(n, 14)
    earlier = struct.pack('>I6', issued) .. string.sub(v, 20, 19 + 6 * kept)
    kept = kept + 1
  end
  redis.call('HSET', KEYS[1], ARGV[1],
    struct.pack('>I6I6I6B', generation + 1, now, expires, kept) .. earlier .. string.sub(v, 20 + 6 * n))
  return 1
end
local behind, used = newest - generation - 1, nil
if behind == 0 then
  used = issued
elseif behind <= n then
  used = struct.unpack('>I6', v, 20 + 6 * (behind - 1))
end
if used and math.abs(now - used) < grace then
  if behind == 0 then return 2 end
  return 3
end
end_family(ARGV[1], tonumber(ARGV[6]))
return 4`)

	// ARGV: until when an ended family stays listed, IDs.
	revokeFamilies = redis.NewScript(endFamily + `
for i = 2, #ARGV do
  local v = redis.call('HGET', KEYS[1], ARGV[i])
  if v and struct.unpack('>I6', v) > 0 then end_family(ARGV[i], tonumber(ARGV[1])) end
end
return 0`)
)

// maxFamilies bounds the storage that one subject can use.
const maxFamilies = 100

var (
	errGeneration = errors.New("redisstore: a refresh token's generation is out of range")
	errFamily     = errors.New("redisstore: a token family has an unknown format")
)

// subjectKey returns the key of the hash of a subject.
func (f families) subjectKey(subject string) string { return f.key("f", subject, "") }

func (f families) Start(ctx context.Context, family refresh.Family) (ended []refresh.Family, err error) {
	id, err := startFamily.Run(ctx, f.client, []string{f.subjectKey(family.Subject)}, family.ID, family.Started.UnixMilli(),
		family.Expires.UnixMilli(), family.Login, family.ListedUntil.UnixMilli(), maxFamilies).Text()
	if id != "" {
		ended = append(ended, refresh.Family{Subject: family.Subject, ID: id})
	}
	return ended, failed("starting a refresh family", err)
}

func (f families) Load(ctx context.Context, subject, id string) (login string, found bool, err error) {
	v, err := call(ctx, f.client, func(ctx context.Context) (string, error) {
		return f.client.redis.HGet(ctx, f.subjectKey(subject), id).Result()
	})
	switch {
	case errors.Is(err, redis.Nil):
		return "", false, nil
	case err != nil:
		return "", false, failed("loading a refresh family", err)
	case len(v) < familyHead || len(v) < familyHead+6*int(v[familyHead-1]):
		return "", false, errFamily
	case v[:6] == "\x00\x00\x00\x00\x00\x00": // it has ended
		return "", false, nil
	}
	return v[familyHead+6*int(v[familyHead-1]):], true, nil
}

func (f families) Rotate(ctx context.Context, r refresh.Rotation) (refresh.Result, error) {
	if r.Generation < 0 || r.Generation >= 1<<47 {
		return refresh.FamilyUnknown, errGeneration
	}
	n, err := rotateFamily.Run(ctx, f.client, []string{f.subjectKey(r.Subject)}, r.ID, r.Generation, r.Now.UnixMilli(),
		r.Grace.Milliseconds(), r.Idle.Milliseconds(), r.ListedUntil.UnixMilli()).Int()
	if err != nil {
		return refresh.FamilyUnknown, failed("rotating a refresh token", err)
	}
	results := [...]refresh.Result{refresh.FamilyUnknown, refresh.Rotated, refresh.Repeated, refresh.Superseded, refresh.Reused}
	if n < 0 || n >= len(results) {
		return refresh.FamilyUnknown, fmt.Errorf("redisstore: rotating a refresh token: the script returned %d", n)
	}
	return results[n], nil
}

func (f families) List(ctx context.Context, subject string) ([]string, error) {
	ids, err := call(ctx, f.client, func(ctx context.Context) ([]string, error) {
		return f.client.redis.HKeys(ctx, f.subjectKey(subject)).Result()
	})
	return ids, failed("listing refresh families", err)
}

func (f families) Revoke(ctx context.Context, subject string, listedUntil time.Time, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	args := []any{listedUntil.UnixMilli()}
	for _, id := range ids {
		args = append(args, id)
	}
	return failed("revoking refresh families", revokeFamilies.Run(ctx, f.client, []string{f.subjectKey(subject)}, args...).Err())
}
