package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/jwtauth/refresh"
)

// TokenFamilies returns a [refresh.Store]. All token families of a
// subject are in one hash. One with a Ref needs two more commands at its login. A subject has at most 100: one more replaces the oldest.
// Of those that have ended, about 100 stay listed.
func (s *Stores) TokenFamilies() refresh.Store { return families{s} }

type families struct{ *Stores }

// maxFamilies bounds the storage that one subject can use.
const maxFamilies = 100

var (
	errGeneration = errors.New("redisstore: a refresh token's generation is out of range")
	errFamily     = errors.New("redisstore: a token family has an unknown format")
)

// subjectKey returns the key of the hash of a subject.
func (f families) subjectKey(subject string) string { return f.key("f", subject, "") }

func (f families) Start(ctx context.Context, family refresh.Family) (ended []refresh.Family, err error) {
	if family.Ref == "" {
		return f.start(ctx, &family, "")
	}
	// As in sessions.Insert: the index of the Ref is in another slot. It has the subject
	// before the family is there, so that a RevokeRef finds it; and it is read again
	// afterwards, for a RevokeRef that looked for the family too early.
	if live, err := f.addRef(ctx, &family); err != nil || !live {
		return nil, familyEnded(err)
	}
	digest := refDigest(family.Ref)
	ended, err = f.start(ctx, &family, string(digest[:]))
	if err != nil {
		return ended, err
	}
	live, err := f.addRef(ctx, &family)
	if err == nil && live {
		return ended, nil
	}
	return ended, cmp.Or(f.Revoke(ctx, family.Subject, family.ListedUntil, family.ID), familyEnded(err))
}

// start inserts the family and checks nothing.
func (f families) start(ctx context.Context, family *refresh.Family, digest string) (ended []refresh.Family, err error) {
	id, err := startFamily.Run(ctx, f.client, []string{f.subjectKey(family.Subject)}, family.ID, family.Started.UnixMilli(),
		family.Expires.UnixMilli(), family.Login, family.ListedUntil.UnixMilli(), maxFamilies, digest).Text()
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
	case len(v) < familyHead || len(v) < loginOffset(v):
		return "", false, errFamily
	case v[:6] == "\x00\x00\x00\x00\x00\x00": // it has ended
		return "", false, nil
	}
	return v[loginOffset(v):], true, nil
}

// loginOffset returns where the Login of a family begins in its value.
func loginOffset(v string) int { return familyHead + 6*int(v[familyHead-2]) + int(v[familyHead-1]) }

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
