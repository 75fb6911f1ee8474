package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/jwtauth"
)

// Denylist returns a [jwtauth.Denylist]. All its keys are in one hash slot, so
// that one command checks every ID of a token. It has no limit per subject.
func (s *Stores) Denylist() jwtauth.Denylist { return denylist{s} }

type denylist struct{ *Stores }

// denyScript sets each key for ARGV[1] ms. The time to live of an existing key
// is only ever extended.
var denyScript = redis.NewScript(`
for _, key in ipairs(KEYS) do
  if not redis.call('SET', key, 1, 'NX', 'PX', ARGV[1]) then redis.call('PEXPIRE', key, ARGV[1], 'GT') end
end
return 1`)

func (d denylist) Deny(ctx context.Context, until time.Time, _ string, ids ...string) error {
	// Rounded up, so that no entry expires early. The subtraction is in
	// milliseconds because a time.Duration ends after 292 years.
	ttl := until.UnixMilli() - d.now().UnixMilli() + 1
	if !d.now().Before(until) || len(ids) == 0 {
		return nil
	}
	return failed("denying tokens", d.byKey(ids, func(keys []string) error {
		return denyScript.Run(ctx, d.client, keys, ttl).Err()
	}))
}

func (d denylist) Denied(ctx context.Context, _ time.Time, _ string, ids ...string) (bool, error) {
	if len(ids) == 0 {
		return false, nil
	}
	denied := false
	err := d.byKey(ids, func(keys []string) error {
		n, err := call(ctx, d.client, func(ctx context.Context) (int64, error) { return d.client.redis.Exists(ctx, keys...).Result() })
		denied = denied || n > 0
		return err
	})
	return denied, failed("checking the denylist", err)
}

// byKey calls f with the keys of ids. While their slot moves to another node of a
// Cluster, a server may refuse several keys: then it calls f with each, which is found
// wherever it is. Otherwise no token with two IDs was accepted until the slot has moved.
func (d denylist) byKey(ids []string, f func(keys []string) error) error {
	keys := d.denyKeys(ids)
	err := f(keys)
	if err == nil || !redis.HasErrorPrefix(err, "TRYAGAIN") {
		return err
	}
	for i := range keys {
		if err := f(keys[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// denyKeys returns the keys of ids. They are hashed, since another issuer's IDs
// may have any length.
func (d denylist) denyKeys(ids []string) []string {
	keys := make([]string, len(ids))
	for i, id := range ids {
		sum := sha256.Sum256([]byte(id))
		keys[i] = d.key("deny", "all", ":"+base64.RawURLEncoding.EncodeToString(sum[:16]))
	}
	return keys
}
