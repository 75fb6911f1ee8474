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
// "" means that the Ref has ended, until its score; the SHA-256 of a subject, that it has
// ended for this subject. A tag has 8 bytes, and subjects may share it.
var (
	// KEYS: index. ARGV: tag, until when, SHA-256 of the subject. Returns 0 if the Ref has
	// ended, else 1. A full Redis refuses a new tag.
	addRef = redis.NewScript(nowLua + `
local now, scores = now_ms(), redis.call('ZMSCORE', KEYS[1], '', ARGV[1], ARGV[3])
for _, i in ipairs({1, 3}) do
  if scores[i] and tonumber(scores[i]) > now then return 0 end
end
if scores[2] then redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'GT') end
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if not scores[2] then
  redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'NX')
  redis.call('PEXPIREAT', KEYS[1], ARGV[2], 'GT')
end
return 1`)

	// KEYS: index. ARGV: for how long the Ref stays ended, maximum number of members to
	// return, members to remove. Returns other members, which a Ref that has ended for all
	// subjects no longer needs once the sessions of the tags are gone.
	endRef = redis.NewScript(nowLua + `
local ended_until = now_ms() + tonumber(ARGV[1])
redis.call('ZREM', KEYS[1], '', unpack(ARGV, 3))
redis.call('ZADD', KEYS[1], ended_until, '')
local members = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[2])) do
  if member ~= '' and #members < tonumber(ARGV[2]) then members[#members + 1] = member end
end
if #members == 0 then
  redis.call('PEXPIREAT', KEYS[1], ended_until)
else
  redis.call('PEXPIREAT', KEYS[1], ended_until, 'GT')
end
return members`)

	// KEYS: index. ARGV: for how long the Ref stays ended, SHA-256 of the subject.
	endRefOfSubject = redis.NewScript(nowLua + `
local now = now_ms()
local ended_until = now + tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], ended_until, ARGV[2])
redis.call('PEXPIREAT', KEYS[1], ended_until, 'NX')
redis.call('PEXPIREAT', KEYS[1], ended_until, 'GT')
return 1`)
)

// maxMembers is how many members of the index of a Ref are read at a time.
const maxMembers = 100

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
	mark := sha256.Sum256([]byte(rec.Subject))
	live, err = addRef.Run(ctx, s.client, []string{s.refKey(rec.Ref)}, t[:], until.UnixMilli(), mark[:]).Bool()
	return live, failed("indexing a session's Ref", full(err, session.ErrFull))
}

// refEnded returns err, or that the Ref has ended if err is nil.
func refEnded(err error) error {
	if err == nil {
		return session.ErrEnded
	}
	return err
}

// deleteOfRef deletes the sessions with this Ref of one subject, or of all that have the
// tag if subject is "".
func (s sessions) deleteOfRef(ctx context.Context, t tag, ref, subject string) (int, error) {
	n, err := deleteOfRef.Run(ctx, s.client, []string{s.sessionsKey(t)}, ref, subject).Int()
	return n, failed("deleting the sessions of a Ref", err)
}

// DeleteRef ends the Ref first: whatever Insert adds later is deleted by that Insert.
// A tag leaves the index after its sessions are gone, so that a DeleteRef that failed
// can be repeated.
func (s sessions) DeleteRef(ctx context.Context, ref, subject string) (deleted int, err error) {
	if ref == "" {
		return 0, nil
	}
	if subject != "" {
		return s.deleteRefOf(ctx, ref, subject)
	}
	args := []any{session.Grace.Milliseconds(), maxMembers}
	for {
		members, err := endRef.Run(ctx, s.client, []string{s.refKey(ref)}, args...).StringSlice()
		if err != nil || len(members) == 0 {
			return deleted, failed("ending a Ref", err)
		}
		args = args[:2]
		for _, member := range members {
			if len(member) == len(tag{}) {
				n, err := s.deleteOfRef(ctx, tag([]byte(member)), ref, "")
				if err != nil {
					return deleted, err
				}
				deleted += n
			}
			args = append(args, member)
		}
	}
}

// deleteRefOf ends the Ref for one subject. It needs no index to find the sessions. The
// tag stays in it, which another subject may share.
func (s sessions) deleteRefOf(ctx context.Context, ref, subject string) (int, error) {
	mark := sha256.Sum256([]byte(subject))
	if err := endRefOfSubject.Run(ctx, s.client, []string{s.refKey(ref)}, session.Grace.Milliseconds(), mark[:]).Err(); err != nil {
		return 0, failed("ending a Ref", err)
	}
	return s.deleteOfRef(ctx, tagOfSubject(subject), ref, subject)
}
