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
