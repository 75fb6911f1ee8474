package redisstore

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/apikey"
)

// APIKeys returns an [apikey.Store]. All API keys of an application are in one
// hash slot, so that one script updates an entry and the lists that it is in. An entry
// that may be deleted one day has a time to live; an API key that never expires has
// none.
//
// Insert sends a second command if an entry makes room, Revoke and Update read the
// subject first, and lists are read before their entries.
func (s *Stores) APIKeys() apikey.Store { return apiKeys{s} }

type apiKeys struct{ *Stores }

// The entry of an API key is a hash. The field "record" holds the record's properties
// that only Update changes, in JSON; every other one has its own field. Times are Unix
// ms; the zero time is "".
func (k apiKeys) entryKey(id string) string { return k.key("apikey", "all", ":id:"+id) }

// listKey returns the key of the list of a subject in one ring, a sorted set of members
// by when their entries may be forgotten.
func (k apiKeys) listKey(ring, subject string) string {
	return k.key("apikey", "all", ":of:"+ring+":"+subject) // a ring has no colon
}

// indexKey returns the key of the list of all API keys of a ring, a sorted set of members in
// lexical order, which is that of apikey.Position.
func (k apiKeys) indexKey(ring string) string { return k.key("apikey", "all", ":index:"+ring) }

// endingKey returns the key of the members of the index by when their entries may be
// forgotten, without those that never are.
func (k apiKeys) endingKey(ring string) string { return k.key("apikey", "all", ":ending:"+ring) }

// keys returns the keys of an entry and its lists, as the scripts declare them.
func (k apiKeys) keys(rec *apikey.Record) []string {
	return []string{k.entryKey(rec.ID), k.listKey(rec.Ring, rec.Subject), k.indexKey(rec.Ring), k.endingKey(rec.Ring)}
}

const createdLen = 14 // digits, until the year 5138

// member returns the element of an API key in every list.
func member(created time.Time, id string) string {
	return fmt.Sprintf("%0*d%s", createdLen, max(0, created.UnixMilli()), id)
}

// memberOf is the inverse of member.
func memberOf(s string) (apikey.Position, error) {
	if len(s) < createdLen {
		return apikey.Position{}, fmt.Errorf("redisstore: the list of API keys has a member %q", s)
	}
	ms, err := strconv.ParseInt(s[:createdLen], 10, 64)
	return apikey.Position{CreatedAt: time.UnixMilli(ms).UTC(), ID: s[createdLen:]}, err
}

func (k apiKeys) Insert(ctx context.Context, e apikey.Entry, maxPerSubject int) (bool, error) {
	record, err := encodeRecord(e.Record)
	if err != nil {
		return false, err
	}
	args := []any{
		member(e.CreatedAt, e.ID), forgetScore(&e.Record), apikey.Retention.Milliseconds(), maxPerSubject, "", e.Digest[:],
		"digest", e.Digest[:], "record", record, "ring", e.Ring, "subject", e.Subject, "created", formatTime(e.CreatedAt),
		"previous", encodePrevious(e.Previous), "inuse", formatBool(e.InUse), "last4", e.Last4,
		"rotated", formatTime(e.RotatedAt), "revoked", formatTime(e.RevokedAt), "used", formatTime(e.LastUsedAt),
		"max", e.MaxUses, "uses", e.Uses, "revision", e.Revision,
	}
	keys := k.keys(&e.Record)
	for range maxVictims {
		result, err := insertAPIKey.Run(ctx, k.client, keys, args...).Text()
		switch {
		case err != nil:
			return false, failed("inserting an API key", full(err, apikey.ErrFull))
		case result == "inserted":
			return true, nil
		case result == "taken":
			return false, nil
		case result == "full":
			return false, apikey.ErrTooMany
		}
		victim, err := memberOf(result)
		if err != nil {
			return false, err
		}
		keys, args[4] = append(keys[:4:4], k.entryKey(victim.ID)), result
	}
	return false, failed("inserting an API key", errors.New("other ones are inserted at the same time"))
}

// maxVictims is how often Insert chooses an entry to make room: concurrent inserts
// may choose the same.
const maxVictims = 100

func (k apiKeys) Load(ctx context.Context, id string) (*apikey.Entry, bool, error) {
	fields, err := call(ctx, k.client, func(ctx context.Context) (map[string]string, error) {
		return k.client.redis.HGetAll(ctx, k.entryKey(id)).Result()
	})
	if err != nil || len(fields) == 0 {
		return nil, false, failed("loading an API key", err)
	}
	e, err := decodeEntry(fields)
	return e, err == nil, err
}

func (k apiKeys) Rotate(ctx context.Context, id string, r apikey.Rotation) (bool, error) {
	rotated, err := rotateAPIKey.Run(ctx, k.client, []string{k.entryKey(id)}, r.From[:], r.To[:], r.Last4, formatTime(r.At), encodePrevious(r.Previous)).Bool()
	return rotated, failed("rotating an API key", err)
}

func (k apiKeys) Update(ctx context.Context, rec apikey.Record, revision int64) (bool, error) {
	located, found, err := k.locate(ctx, rec.ID)
	if err != nil || !found {
		return false, failed("updating an API key", err)
	}
	rec.Ring, rec.Subject, rec.CreatedAt = located.Ring, located.Subject, located.CreatedAt
	record, err := encodeRecord(rec)
	if err != nil {
		return false, err
	}
	rec.RevokedAt, rec.LastUsedAt, rec.Uses = time.Time{}, time.Time{}, 0 // an entry that has ended so is not updated
	updated, err := updateAPIKey.Run(ctx, k.client, k.keys(&rec),
		member(rec.CreatedAt, rec.ID), forgetScore(&rec), revision, rec.MaxUses, record).Bool()
	return updated, failed("updating an API key", err)
}

func (k apiKeys) Revoke(ctx context.Context, id string, at time.Time) (bool, error) {
	rec, found, err := k.locate(ctx, id)
	if err != nil || !found {
		return false, failed("revoking an API key", err)
	}
	found, err = revokeAPIKey.Run(ctx, k.client, k.keys(&rec),
		member(rec.CreatedAt, id), at.Add(apikey.Retention).UnixMilli(), formatTime(at)).Bool()
	return found, failed("revoking an API key", err)
}

// locate returns the part of a record that its keys depend on. It never changes.
func (k apiKeys) locate(ctx context.Context, id string) (rec apikey.Record, found bool, err error) {
	fields, err := call(ctx, k.client, func(ctx context.Context) ([]any, error) {
		return k.client.redis.HMGet(ctx, k.entryKey(id), "subject", "ring", "created").Result()
	})
	if err != nil {
		return rec, false, err
	}
	rec.ID = id
	rec.Subject, found = fields[0].(string)
	rec.Ring, _ = fields[1].(string)
	created, _ := fields[2].(string)
	rec.CreatedAt, err = parseTime(created)
	return rec, found, err
}

func (k apiKeys) Used(ctx context.Context, id string, key apikey.Digest, at time.Time) error {
	return failed("recording the use of an API key", useAPIKey.Run(ctx, k.client, []string{k.entryKey(id)}, key[:], formatTime(at)).Err())
}

func (k apiKeys) Spend(ctx context.Context, rec *apikey.Record, key apikey.Digest, at time.Time) (bool, error) {
	spent, err := spendAPIKey.Run(ctx, k.client, k.keys(rec),
		key[:], formatTime(at), member(rec.CreatedAt, rec.ID), apikey.Retention.Milliseconds()).Bool()
	return spent, failed("counting the use of an API key", err)
}

func (k apiKeys) List(ctx context.Context, ring, subject string) ([]apikey.Record, error) {
	members, err := call(ctx, k.client, func(ctx context.Context) ([]string, error) {
		return k.client.redis.ZRange(ctx, k.listKey(ring, subject), 0, -1).Result()
	})
	if err != nil {
		return nil, failed("listing API keys", err)
	}
	slices.Sort(members)
	slices.Reverse(members)
	return k.records(ctx, members)
}

func (k apiKeys) ListAll(ctx context.Context, ring string, after apikey.Position, limit int) (list []apikey.Record, next apikey.Position, err error) {
	from := "+"
	if after != (apikey.Position{}) {
		from = "(" + member(after.CreatedAt, after.ID)
	}
	members, err := call(ctx, k.client, func(ctx context.Context) ([]string, error) {
		return k.client.redis.ZRevRangeByLex(ctx, k.indexKey(ring), &redis.ZRangeBy{Max: from, Min: "-", Count: int64(limit) + 1}).Result()
	})
	if err != nil {
		return nil, next, failed("listing API keys", err)
	}
	if len(members) > limit {
		members = members[:limit]
		if next, err = memberOf(members[limit-1]); err != nil {
			return nil, next, err
		}
	}
	list, err = k.records(ctx, members)
	return list, next, err
}

// records returns the records of members, without those that were deleted.
func (k apiKeys) records(ctx context.Context, members []string) (list []apikey.Record, err error) {
	if len(members) == 0 {
		return nil, nil
	}
	ids := make([]string, len(members))
	for i, m := range members {
		at, err := memberOf(m)
		if err != nil {
			return nil, err
		}
		ids[i] = at.ID
	}
	entries, err := call(ctx, k.client, func(ctx context.Context) ([]redis.Cmder, error) {
		return k.client.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, id := range ids {
				pipe.HGetAll(ctx, k.entryKey(id))
			}
			return nil
		})
	})
	if err != nil {
		return nil, failed("listing API keys", err)
	}
	for _, cmd := range entries {
		fields := cmd.(*redis.MapStringStringCmd).Val()
		if len(fields) == 0 {
			continue
		}
		e, err := decodeEntry(fields)
		if err != nil {
			return nil, err
		}
		list = append(list, e.Record)
	}
	return list, nil
}

// forgetScore returns when an entry may be forgotten, as a score.
func forgetScore(rec *apikey.Record) string {
	if at := rec.ForgetAfter(); !at.IsZero() {
		return formatTime(at)
	}
	return "+inf"
}

// encodeRecord returns the JSON of what only Update changes, without a secret.
func encodeRecord(rec apikey.Record) ([]byte, error) {
	rec.Subject, rec.Last4, rec.MaxUses, rec.Uses = "", "", 0, 0
	rec.CreatedAt, rec.RotatedAt, rec.RevokedAt, rec.LastUsedAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	b, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("redisstore: encoding an API key's record: %w", err)
	}
	return b, nil
}

// decodeEntry decodes the fields that Insert writes.
func decodeEntry(fields map[string]string) (*apikey.Entry, error) {
	e := new(apikey.Entry)
	d := json.NewDecoder(strings.NewReader(fields["record"]))
	d.DisallowUnknownFields() // a limit of another version must not be lost
	if err := d.Decode(&e.Record); err != nil {
		return nil, fmt.Errorf("redisstore: decoding an API key's record: %w", err)
	}
	if copy(e.Digest[:], fields["digest"]) != len(e.Digest) {
		return nil, fmt.Errorf("redisstore: the entry of API key %q has no digest", e.ID)
	}
	e.Ring, e.Subject, e.Last4, e.InUse = fields["ring"], fields["subject"], fields["last4"], fields["inuse"] == formatBool(true)
	for name, t := range map[string]*time.Time{"created": &e.CreatedAt, "rotated": &e.RotatedAt, "revoked": &e.RevokedAt, "used": &e.LastUsedAt} {
		var err error
		if *t, err = parseTime(fields[name]); err != nil {
			return nil, fmt.Errorf("redisstore: the entry of API key %q: field %q: %w", e.ID, name, err)
		}
	}
	for name, n := range map[string]*int64{"max": &e.MaxUses, "uses": &e.Uses, "revision": &e.Revision} {
		var err error
		if *n, err = strconv.ParseInt(fields[name], 10, 64); err != nil {
			return nil, fmt.Errorf("redisstore: the entry of API key %q: field %q: %w", e.ID, name, err)
		}
	}
	var err error
	e.Previous, err = decodePrevious(fields["previous"])
	return e, err
}

// previousLen is the length of a previous key: its digest, and the Unix ms of its end.
const previousLen = len(apikey.Digest{}) + 8

func encodePrevious(list []apikey.PreviousKey) []byte {
	b := []byte{} // nil is no argument
	for _, p := range list {
		b = append(b, p.Digest[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(p.Until.UnixMilli()))
	}
	return b
}

func decodePrevious(s string) (list []apikey.PreviousKey, err error) {
	if len(s)%previousLen != 0 {
		return nil, errors.New("redisstore: an API key has previous keys of an unknown format")
	}
	for b := range slices.Chunk([]byte(s), previousLen) {
		ms := int64(binary.BigEndian.Uint64(b[len(apikey.Digest{}):]))
		list = append(list, apikey.PreviousKey{Digest: apikey.Digest(b), Until: time.UnixMilli(ms).UTC()})
	}
	return list, nil
}

func formatBool(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// formatTime returns t in Unix ms, or "" for the zero time.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// parseTime is the inverse of formatTime.
func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMilli(ms).UTC(), err
}
