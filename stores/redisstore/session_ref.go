package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/session"
)

// The index of a Ref is a sorted set of the tags of the subjects that have sessions
// with it: a rotation changes no tag, and the logins of one subject are one member.
// The score of a tag is until when such a session may be found (Unix ms). The member
// "" means that the Ref has ended, until its score.
var (
	// KEYS: index. ARGV: tag, until when. Returns 0 if the Ref has ended, else 1. A full
	// Redis refuses a new tag.
	addRef = redis.NewScript(nowLua + `
local now, scores = now_ms(), redis.call('ZMSCORE', KEYS[1], '', ARGV[1])
if scores[1] and tonumber(scores[1]) > now then return 0 end
if scores[2] then redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'GT') end
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not scores[2] then
  redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'NX')
  redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'GT')
end
return 1`)

	// KEYS: index. ARGV: for how long the Ref stays ended, maximum number of tags to
	// return, tags to remove. Returns other tags.
	endRef = redis.NewScript(nowLua + `
local ended_until = now_ms() + tonumber(ARGV[1])
redis.call('ZREM', KEYS[1], '', unpack(ARGV, 3))
redis.call('ZADD', KEYS[1], ended_until, '')
local tags = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[2])) do
  if member ~= '' and #tags < tonumber(ARGV[2]) then tags[#tags + 1] = member end
end
if #tags == 0 then
  redis.call('PEXPIREAT', KEYS[1], ended_until)
else
  redis.call('PEXPIREAT', KEYS[1], ended_until, 'GT')
end
return tags`)
)

// maxTags is how many subjects of a Ref are read at a time.
const maxTags = 100

// refKey returns the key of the index of a Ref, which says nothing about the Ref.
func (s sessions) refKey(ref string) string {
	sum := sha256.Sum256([]byte(ref))
	return s.key("r", base64.RawURLEncoding.EncodeToString(sum[:16]), "")
}

// addRef records that the subject has a session with this Ref. live is false if the
// Ref has ended. The index outlives the session, also if the index cannot be written
// when the session is touched the next time: that is before the deadline, and
// extends it by no more than the idle timeout.
func (s sessions) addRef(ctx context.Context, rec *session.Record) (live bool, err error) {
	t := tagOf(rec.Key)
	until := rec.Deadline.Add(max(0, rec.Deadline.Sub(rec.LastSeen)) + session.Grace)
	live, err = addRef.Run(ctx, s.client, []string{s.refKey(rec.Ref)}, t[:], until.UnixMilli()).Bool()
	return live, failed("indexing a session's Ref", full(err, session.ErrFull))
}

// refEnded returns err, or that the Ref has ended if err is nil.
func refEnded(err error) error {
	if err == nil {
		return session.ErrEnded
	}
	return err
}

// deleteOfRef deletes the sessions with this Ref of one subject.
func (s sessions) deleteOfRef(ctx context.Context, t tag, ref string) (int, error) {
	n, err := deleteOfRef.Run(ctx, s.client, []string{s.sessionsKey(t)}, ref).Int()
	return n, failed("deleting the sessions of a Ref", err)
}

// DeleteRef ends the Ref first: whatever Insert adds later is deleted by that Insert.
// A tag leaves the index after its sessions are gone, so that a DeleteRef that failed
// can be repeated.
func (s sessions) DeleteRef(ctx context.Context, ref string) (deleted int, err error) {
	if ref == "" {
		return 0, nil
	}
	args := []any{session.Grace.Milliseconds(), maxTags}
	for {
		tags, err := endRef.Run(ctx, s.client, []string{s.refKey(ref)}, args...).StringSlice()
		if err != nil || len(tags) == 0 {
			return deleted, failed("ending a Ref", err)
		}
		args = args[:2]
		for _, t := range tags {
			n, err := s.deleteOfRef(ctx, tag([]byte(t)), ref)
			if err != nil {
				return deleted, err
			}
			deleted += n
			args = append(args, t)
		}
	}
}
