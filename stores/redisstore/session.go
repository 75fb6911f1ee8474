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

// Sessions returns a [session.Store]. The sessions of a subject are in the hash
// slot of their shard, so that each method is one command; a Cluster distributes
// them over session.Shards slots. A session is deleted an hour after its deadline.
// A subject has at most 100 sessions: one more replaces the oldest.
func (s *Stores) Sessions() session.Store { return sessions{s} }

type sessions struct{ *Stores }

// A session is one string, so that a load is a GET. Its key ends with the session
// key, a SHA-256 digest of 32 bytes that the scripts call digest.
//
//	1 byte    1, or 3 for a remembered session
//	4×6 bytes last seen, deadline, created (Unix ms), revision; big-endian
//	12 bytes  the ID
//	1 byte    the subject's length, then the subject, then the data
//
// The list of a subject is the digests of its sessions, concatenated, oldest
// first. It is a field of one of the 256 hashes of its shard: a small field needs
// a third of the memory of an entry. The digest of an expired session stays in
// the list until the subject logs in again, or until a login of another subject in
// the same hash purges the list.
const (
	idOffset  = 1 + 4*6
	headBytes = idOffset + 12 + 1 // up to the subject
)

// maxSessions bounds the storage that one subject can use.
const maxSessions = 100

// errSessionExists means that another session has the session key. Since those are
// random, this is a fault of the caller and never a coincidence.
var errSessionExists = errors.New("redisstore: a session with this session key exists")

func (s sessions) sessionPrefix(shard int) string { return s.key("s", strconv.Itoa(shard), "") }
func (s sessions) listPrefix(shard int) string    { return s.key("u", strconv.Itoa(shard), "") }

// hashKey returns the key of the hash that holds the list of a subject. SHA-1 only
// distributes the subjects; it is the only hash function available to scripts.
func (s sessions) hashKey(subject string) string {
	sum := sha1.Sum([]byte(subject))
	return s.listPrefix(session.ShardOf(subject)) + hex.EncodeToString(sum[:1])
}

func (s sessions) sessionKey(k session.Key) string { return s.sessionPrefix(k.Shard()) + string(k[:]) }

// run runs a script on keys of one shard. The first arguments are the prefixes.
func (s sessions) run(ctx context.Context, script *redis.Script, shard int, keys []string, args ...any) *redis.Cmd {
	return script.Run(ctx, s.client, keys, append([]any{s.sessionPrefix(shard), s.listPrefix(shard)}, args...)...)
}

func (s sessions) Insert(ctx context.Context, rec session.Record) error {
	if n := len(rec.Subject); n < 1 || n > 255 {
		return fmt.Errorf("redisstore: the subject of a session has %d bytes, want 1 to 255", n)
	}
	if rec.Key.Shard() != session.ShardOf(rec.Subject) {
		return errors.New("redisstore: a session key is not in the shard of its subject")
	}
	n, err := s.run(ctx, insertSession, rec.Key.Shard(), []string{s.sessionKey(rec.Key)}, rec.Key[:], encodeSession(&rec), expiry(rec.Deadline), maxSessions).Int()
	switch {
	case err != nil && redis.HasErrorPrefix(err, "OOM"):
		return fmt.Errorf("%w: %w", session.ErrFull, err)
	case err != nil:
		return failed("inserting a session", err)
	case n == 0:
		return errSessionExists
	}
	return nil
}

func (s sessions) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	v, err := s.client.Get(ctx, s.sessionKey(key)).Result()
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
	err := s.run(ctx, touchSession, key.Shard(), []string{s.sessionKey(key)}, seen.UnixMilli(), deadline.UnixMilli(), expiry(deadline)).Err()
	return failed("touching a session", err)
}

func (s sessions) Update(ctx context.Context, key session.Key, revision int64, data string) (bool, error) {
	updated, err := s.run(ctx, updateSession, key.Shard(), []string{s.sessionKey(key)}, revision, data).Bool()
	return updated, failed("updating a session", err)
}

func (s sessions) Rotate(ctx context.Context, from, to session.Key) (bool, error) {
	n, err := s.run(ctx, rotateSession, from.Shard(), []string{s.sessionKey(from), s.sessionKey(to)}, from[:], to[:]).Int()
	if n < 0 {
		err = errSessionExists
	}
	return n == 1, failed("rotating a session", err)
}

func (s sessions) Delete(ctx context.Context, key session.Key) (bool, error) {
	n, err := s.run(ctx, deleteSession, key.Shard(), []string{s.sessionKey(key)}, key[:]).Int()
	return n == 1, failed("deleting a session", err)
}

func (s sessions) List(ctx context.Context, subject string) ([]session.Record, error) {
	pairs, err := s.run(ctx, listSessions, session.ShardOf(subject), []string{s.hashKey(subject)}, subject).StringSlice()
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
	n, err := s.run(ctx, deleteSessions, session.ShardOf(subject), []string{s.hashKey(subject)}, args...).Int()
	return n, failed("deleting sessions", err)
}

// expiry returns when an entry expires, in Unix ms. Until then a Load of an expired
// session reports it as expired, and not as unknown.
func expiry(deadline time.Time) int64 { return deadline.Add(session.Grace).UnixMilli() }

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
		return session.Record{}, errors.New("redisstore: a session has an unknown format")
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
