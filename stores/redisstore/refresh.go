package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// TokenFamilies returns a [refresh.Store]. All token families of a
// subject are in one hash. A subject has at most 100: one more replaces the oldest.
func (s *Stores) TokenFamilies() refresh.Store { return families{s} }

type families struct{ *Stores }

// A field of the hash is a family. Its name is the ID; its value is three numbers
// of 6 bytes: the newest generation, when that was issued, and when the family
// expires (Unix ms). The hash expires an hour after its last family.
var (
	// ARGV: ID, started, expires, maximum number of families. Returns the ID of the
	// family that was replaced, if any. Expired families are deleted first.
	startFamily = redis.NewScript(`
local now, expires, oldest, oldest_expires = tonumber(ARGV[2]), tonumber(ARGV[3]), nil, nil
local all = redis.call('HGETALL', KEYS[1])
local n = #all / 2
for i = 1, #all, 2 do
  local _, _, family_expires = struct.unpack('>I6I6I6', all[i + 1])
  if family_expires <= now then
    redis.call('HDEL', KEYS[1], all[i])
    n = n - 1
  elseif not oldest or family_expires < oldest_expires then
    oldest, oldest_expires = all[i], family_expires
  end
end
if n < tonumber(ARGV[4]) then oldest = nil end
if oldest then redis.call('HDEL', KEYS[1], oldest) end
redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>I6I6I6', 1, now, expires))
redis.call('PEXPIREAT', KEYS[1], expires + 3600000, 'NX')
redis.call('PEXPIREAT', KEYS[1], expires + 3600000, 'GT')
return {oldest}`)

	// ARGV: ID, generation, now, grace period, idle timeout. Returns 0 for an unknown
	// or expired family, 1 for a rotation, 2 for a repetition within the grace
	// period, 3 for reuse, which ends the family.
	rotateFamily = redis.NewScript(`
local v = redis.call('HGET', KEYS[1], ARGV[1])
if not v then return 0 end
local newest, issued, expires = struct.unpack('>I6I6I6', v)
local generation, now = tonumber(ARGV[2]), tonumber(ARGV[3])
if now >= expires or now >= issued + tonumber(ARGV[5]) then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 0
end
if generation >= newest then
  redis.call('HSET', KEYS[1], ARGV[1], struct.pack('>I6I6I6', generation + 1, now, expires))
  return 1
end
if generation == newest - 1 and math.abs(now - issued) < tonumber(ARGV[4]) then return 2 end
redis.call('HDEL', KEYS[1], ARGV[1])
return 3`)
)

// maxFamilies bounds the storage that one subject can use.
const maxFamilies = 100

var errGeneration = errors.New("redisstore: a refresh token's generation is out of range")

// subjectKey returns the key of the hash of a subject.
func (f families) subjectKey(subject string) string { return f.key("f", subject, "") }

func (f families) Start(ctx context.Context, family refresh.Family) (ended []string, err error) {
	ended, err = startFamily.Run(ctx, f.client, []string{f.subjectKey(family.Subject)},
		family.ID, family.Started.UnixMilli(), family.Expires.UnixMilli(), maxFamilies).StringSlice()
	return ended, failed("starting a refresh family", err)
}

func (f families) Rotate(ctx context.Context, r refresh.Rotation) (refresh.Result, error) {
	if r.Generation < 0 || r.Generation >= 1<<47 {
		return refresh.FamilyUnknown, errGeneration
	}
	n, err := rotateFamily.Run(ctx, f.client, []string{f.subjectKey(r.Subject)},
		r.ID, r.Generation, r.Now.UnixMilli(), r.Grace.Milliseconds(), r.Idle.Milliseconds()).Int()
	if err != nil {
		return refresh.FamilyUnknown, failed("rotating a refresh token", err)
	}
	results := [...]refresh.Result{refresh.FamilyUnknown, refresh.Rotated, refresh.Repeated, refresh.Reused}
	if n < 0 || n >= len(results) {
		return refresh.FamilyUnknown, fmt.Errorf("redisstore: rotating a refresh token: the script returned %d", n)
	}
	return results[n], nil
}

func (f families) List(ctx context.Context, subject string) ([]string, error) {
	ids, err := f.client.HKeys(ctx, f.subjectKey(subject)).Result()
	return ids, failed("listing refresh families", err)
}

func (f families) Revoke(ctx context.Context, subject string, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	return failed("revoking refresh families", f.client.HDel(ctx, f.subjectKey(subject), ids...).Err())
}
