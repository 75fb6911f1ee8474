package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// The index of a Ref is a sorted set. A member "s" and a subject, with the time when its
// last family with the Ref expires, is where RevokeRef looks for families. A member "e",
// with the SHA-256 of a subject or without, is until when Start is refused, for the
// subject or for all. Times (Unix ms) are those of the arguments: the server's clock only
// deletes what has long expired.
var (
	// KEYS: index. ARGV: subject, SHA-256 of it, started, expires. Returns 0 if the Ref has
	// ended, else 1. A full Redis refuses a new subject.
	addFamilyRef = redis.NewScript(nowLua + `
local subject, started, expires = 's' .. ARGV[1], tonumber(ARGV[3]), ARGV[4]
local scores = redis.call('ZMSCORE', KEYS[1], 'e', 'e' .. ARGV[2], subject)
for i = 1, 2 do
  if scores[i] and tonumber(scores[i]) > started then return 0 end
end
redis.call('ZADD', KEYS[1], 'GT', expires, subject)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms() - 3600000)
local ends = string.format('%.0f', tonumber(expires) + 3600000)
redis.call('PEXPIREAT', KEYS[1], ends, 'NX')
redis.call('PEXPIREAT', KEYS[1], ends, 'GT')
return 1`)

	// KEYS: index. ARGV: SHA-256 of the subject or '', until when the Ref stays ended.
	// Returns the subjects, unless the Ref ends for one.
	endFamilyRef = redis.NewScript(nowLua + `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms() - 3600000)
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], 'e' .. ARGV[1])
local ends = string.format('%.0f', tonumber(ARGV[2]) + 3600000)
redis.call('PEXPIREAT', KEYS[1], ends, 'NX')
redis.call('PEXPIREAT', KEYS[1], ends, 'GT')
local subjects = {}
if ARGV[1] ~= '' then return subjects end
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if member:byte() == 115 then subjects[#subjects + 1] = member:sub(2) end -- 's'
end
return subjects`)
)

// refDigest returns what a family and the index have of a Ref.
func refDigest(ref string) [16]byte {
	sum := sha256.Sum256([]byte(ref))
	return [16]byte(sum[:16])
}

func (f families) refKey(ref string) string {
	digest := refDigest(ref)
	return f.key("fr", base64.RawURLEncoding.EncodeToString(digest[:]), "")
}

// addRef records that the subject has a family with this Ref. live is false if the Ref
// has ended.
func (f families) addRef(ctx context.Context, family *refresh.Family) (live bool, err error) {
	mark := sha256.Sum256([]byte(family.Subject))
	live, err = addFamilyRef.Run(ctx, f.client, []string{f.refKey(family.Ref)}, family.Subject, mark[:],
		family.Started.UnixMilli(), family.Expires.UnixMilli()).Bool()
	return live, failed("indexing the Ref of a refresh family", err)
}

// familyEnded returns err, or that the Ref has ended if err is nil.
func familyEnded(err error) error {
	if err == nil {
		return refresh.ErrEnded
	}
	return err
}

// RevokeRef ends the Ref first: whatever Start adds later is ended by that Start. The
// subjects stay in the index, so that the next RevokeRef lists their families again. It
// needs no index for the families of one subject.
func (f families) RevokeRef(ctx context.Context, r refresh.RefRevocation) (listed []refresh.Family, ended int, err error) {
	var mark []byte
	if r.Subject != "" {
		sum := sha256.Sum256([]byte(r.Subject))
		mark = sum[:]
	}
	subjects, err := endFamilyRef.Run(ctx, f.client, []string{f.refKey(r.Ref)}, mark, r.Until.UnixMilli()).StringSlice()
	if err != nil {
		return nil, 0, failed("ending a Ref", err)
	}
	if r.Subject != "" {
		subjects = []string{r.Subject}
	}
	for _, subject := range subjects {
		ids, n, err := f.revokeOfRef(ctx, subject, &r)
		if err != nil {
			return listed, ended, err
		}
		ended += n
		for _, id := range ids {
			listed = append(listed, refresh.Family{Subject: subject, ID: id})
		}
	}
	return listed, ended, nil
}

// revokeOfRef ends the families of one subject with the Ref, and returns all of them.
func (f families) revokeOfRef(ctx context.Context, subject string, r *refresh.RefRevocation) (ids []string, ended int, err error) {
	digest := refDigest(r.Ref)
	reply, err := revokeFamiliesOfRef.Run(ctx, f.client, []string{f.subjectKey(subject)}, digest[:], r.ListedUntil.UnixMilli()).Slice()
	if err != nil {
		return nil, 0, failed("revoking the refresh families of a Ref", err)
	}
	if len(reply) == 2 {
		n, isNumber := reply[0].(int64)
		list, isList := reply[1].([]any)
		if isNumber && isList {
			for _, id := range list {
				ids = append(ids, fmt.Sprint(id))
			}
			return ids, int(n), nil
		}
	}
	return nil, 0, fmt.Errorf("redisstore: revoking the refresh families of a Ref: the script returned %T", reply)
}
