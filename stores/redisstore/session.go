package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/session"
)

// Sessions returns a [session.DeviceStore]. The sessions of a subject are in one hash, so
// that each method is one command, a Cluster distributes the subjects over all
// slots, and a slot that moves to another node takes a subject's sessions with it
// at once. A session whose record has a Ref needs two more commands at its login,
// and one more when it is touched.
//
// A subject has at most 100 sessions: one more replaces the one that was not used
// for the longest time. Redis deletes a subject's sessions an hour after the last
// deadline among them; a login deletes those of its subject that ended earlier.
func (s *Stores) Sessions() session.Store { return sessions{s} }

type sessions struct{ *Stores }

const (
	// maxSessions bounds the storage that one subject can use. It also bounds how
	// many rotations of a subject are remembered at a time.
	maxSessions = 100
	// epochDays is how long a subject's epoch is kept after the last DeleteAll. No
	// session lives longer, and a login takes far less.
	epochDays = 401
	// anyEpoch as an argument of the script stands for session.AnyEpoch.
	anyEpoch = ""
)

// errSessionExists means that another session has the session key. Since those are
// random, this is a fault of the caller and never a coincidence.
var errSessionExists = errors.New("redisstore: a session with this session key exists")

// A tag is the first 8 bytes of a session key, which name its subject.
type tag [8]byte

func tagOf(key session.Key) tag { return tag(key[:len(tag{})]) }

func tagOfSubject(subject string) tag {
	sum := sha256.Sum256([]byte(subject))
	return tagOf(sum)
}

// sessionsKey returns the key of the hash with the sessions of a subject. Two
// subjects share it if their tags are equal. Base64url keeps braces out of it.
func (s sessions) sessionsKey(t tag) string {
	return s.key("s", base64.RawURLEncoding.EncodeToString(t[:]), "")
}

// epochKey returns the key of the epoch of a subject, in the slot of its sessions.
// It expires by itself and would keep the sessions of its hash alive.
func (s sessions) epochKey(t tag) string {
	return s.key("e", base64.RawURLEncoding.EncodeToString(t[:]), "")
}

func (s sessions) Insert(ctx context.Context, rec session.Record, epoch int64) error {
	if err := checkSession(&rec); err != nil {
		return err
	}
	if rec.Ref == "" {
		return s.insert(ctx, &rec, epoch)
	}
	// The index of the Ref is in another slot. It has the tag before the session is
	// there, so that a DeleteRef finds the session; and it is read again afterwards, for
	// a DeleteRef that looked for the session too early.
	if live, err := s.addRef(ctx, &rec); err != nil || !live {
		return refEnded(err)
	}
	if err := s.insert(ctx, &rec, epoch); err != nil {
		return err
	}
	live, err := s.addRef(ctx, &rec)
	if err == nil && live {
		return nil
	}
	if _, deleteErr := s.Delete(ctx, rec.Key); deleteErr != nil {
		return errors.Join(err, deleteErr)
	}
	return refEnded(err)
}

// insert adds the session and checks nothing but the epoch.
func (s sessions) insert(ctx context.Context, rec *session.Record, epoch int64) error {
	t := tagOf(rec.Key)
	keys, want := []string{s.sessionsKey(t)}, anyEpoch
	if epoch != session.AnyEpoch {
		keys, want = append(keys, s.epochKey(t)), fmt.Sprint(epoch)
	}
	n, err := insertSession.Run(ctx, s.client, keys, rec.Key[len(t):], encodeSession(rec), maxSessions, want).Int()
	switch {
	case err != nil:
		return failed("inserting a session", full(err, session.ErrFull))
	case n == 0:
		return errSessionExists
	case n < 0:
		return session.ErrEnded
	}
	return nil
}

func (s sessions) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	t := tagOf(key)
	v, err := call(ctx, s.client, func(ctx context.Context) (string, error) {
		return s.client.redis.HGet(ctx, s.sessionsKey(t), recordField+string(key[len(t):])).Result()
	})
	if errors.Is(err, redis.Nil) {
		return session.Record{}, false, nil
	}
	if err != nil {
		return session.Record{}, false, failed("loading a session", err)
	}
	rec, err := decodeSession(key, v)
	return rec, err == nil && s.listed(&rec), err
}

// listed reports whether the record has not reached the end of its grace period.
func (s sessions) listed(rec *session.Record) bool {
	return s.now().Before(rec.Deadline.Add(session.Grace))
}

func (s sessions) Touch(ctx context.Context, key session.Key, seen, deadline time.Time) error {
	t := tagOf(key)
	v, err := touchSession.Run(ctx, s.client, []string{s.sessionsKey(t)}, key[len(t):], seen.UnixMilli(), deadline.UnixMilli()).Text()
	if err != nil || v == "" {
		return failed("touching a session", err)
	}
	rec, err := decodeSession(key, v)
	if err != nil {
		return err
	}
	live, err := s.addRef(ctx, &rec)
	if err != nil || live {
		return err
	}
	_, err = s.deleteOfRef(ctx, t, rec.Ref, rec.Subject)
	return err
}

func (s sessions) Update(ctx context.Context, key session.Key, revision int64, data string) (bool, error) {
	t := tagOf(key)
	updated, err := updateSession.Run(ctx, s.client, []string{s.sessionsKey(t)}, key[len(t):], revision, data).Bool()
	return updated, failed("updating a session", err)
}

func (s sessions) Rotate(ctx context.Context, from, to session.Key) (bool, error) {
	t := tagOf(from)
	if t != tagOf(to) {
		return false, errors.New("redisstore: the session keys of a rotation are of different subjects")
	}
	n, err := rotateSession.Run(ctx, s.client, []string{s.sessionsKey(t)}, from[len(t):], to[len(t):], session.Forward.Milliseconds(), maxSessions).Int()
	if n < 0 {
		err = errSessionExists
	}
	return n == 1, failed("rotating a session", err)
}

func (s sessions) Delete(ctx context.Context, key session.Key) (bool, error) {
	t := tagOf(key)
	deleted, err := deleteSession.Run(ctx, s.client, []string{s.sessionsKey(t)}, key[len(t):]).Bool()
	return deleted, failed("deleting a session", err)
}

func (s sessions) List(ctx context.Context, subject string) ([]session.Record, error) {
	t := tagOfSubject(subject)
	all, err := call(ctx, s.client, func(ctx context.Context) (map[string]string, error) {
		return s.client.redis.HGetAll(ctx, s.sessionsKey(t)).Result()
	})
	if err != nil {
		return nil, failed("listing sessions", err)
	}
	var list []session.Record
	for field, v := range all {
		if field[:1] != recordField {
			continue
		}
		rec, err := decodeSession(session.Key([]byte(string(t[:])+field[1:])), v)
		if err != nil {
			return nil, err
		}
		if rec.Subject == subject && s.listed(&rec) {
			list = append(list, rec)
		}
	}
	return list, nil
}

func (s sessions) DeleteAll(ctx context.Context, subject string, keep []session.ID) (int, error) {
	t := tagOfSubject(subject)
	args := []any{subject, (epochDays * 24 * time.Hour).Milliseconds()}
	for _, id := range keep {
		args = append(args, id[:])
	}
	n, err := deleteSessions.Run(ctx, s.client, []string{s.sessionsKey(t), s.epochKey(t)}, args...).Int()
	return n, failed("deleting sessions", err)
}

func (s sessions) Epoch(ctx context.Context, subject string) (int64, error) {
	epoch, err := call(ctx, s.client, func(ctx context.Context) (int64, error) {
		return s.client.redis.Get(ctx, s.epochKey(tagOfSubject(subject))).Int64()
	})
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return epoch, failed("reading an epoch", err)
}
