package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/jwtauth"
)

// Denylist returns a [jwtauth.Denylist]. Its keys share one hash slot, so that
// the ids of a token are asked for in one command.
func (s *Stores) Denylist() jwtauth.Denylist { return denylist{s} }

type denylist struct{ *Stores }

// deny sets a key for ARGV[1] ms; one that is set already only lives longer.
var deny = redis.NewScript(`
if redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1]) then return 1 end
return redis.call('PEXPIRE', KEYS[1], ARGV[1], 'GT')`)

func (d denylist) Deny(ctx context.Context, id string, until time.Time) error {
	ttl := until.Sub(d.now())
	if ttl <= 0 {
		return nil
	}
	return failed("denying a token", deny.Run(ctx, d.client, []string{d.denyKey(id)}, milliseconds(ttl)).Err())
}

func (d denylist) Denied(ctx context.Context, ids ...string) (bool, error) {
	if len(ids) == 0 {
		return false, nil
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = d.denyKey(id)
	}
	n, err := d.client.Exists(ctx, keys...).Result()
	return n > 0, failed("asking the denylist", err)
}

// denyKey bounds the size of a key: an id may be a foreign issuer's.
func (d denylist) denyKey(id string) string {
	sum := sha256.Sum256([]byte(id))
	return d.key("deny", "all", ":"+base64.RawURLEncoding.EncodeToString(sum[:16]))
}

// milliseconds rounds up: nothing may be forgotten early.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
