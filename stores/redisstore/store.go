// Package redisstore keeps the state of guard's packages in Redis or Valkey, so
// that several processes share it: sessions, refresh token families, a denylist,
// rate limits, API keys, and what may happen a single time (package once).
//
// What a request waits for is one command and one round trip: an operation of
// several steps is a Lua script, which Redis executes atomically. Logins with a
// session.Ref, and the management of API keys, need two or three. Every entry has
// a time to live, except those of API keys that never expire. Redis holds no
// session token, refresh token or API key, only digests: a copy of its data grants
// no access.
//
// If Redis fails, the method returns an error, which the calling package answers
// with 503; package ratelimit applies its configured fallback. Redis may be
// restarted or replaced while the application runs.
//
// Not covered: durability, which depends on the configuration of Redis
// (docs/running-on-redis.md lists what each failure loses), and eviction: under a
// maxmemory-policy other than noeviction, Redis may evict a denylist entry, and
// the revoked token is accepted again.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/wiring"
)

// Stores creates the stores of one application in one Redis. It is safe for
// concurrent use.
type Stores struct {
	client *client
	prefix string
	now    func() time.Time

	connections *connections
}

// New returns stores whose Redis keys begin with prefix, such as "myapp": 1 to 100
// characters of printable ASCII other than space, { } * ? [ ] and \. Two applications
// with different prefixes can share a Redis. The caller configures and closes the
// client, which may connect to a single server, Sentinel or a Cluster.
//
// New returns an error if a server cannot be reached within ten seconds, is older than
// Redis 7.0 or Valkey 7.2, is a replica, or refuses a command that the stores use: it
// runs a script with all of them, which leaves no key. It logs a warning by
// slog.Default() if a server may evict keys, as far as the user may read that, and if it
// refuses changes for want of replicas or of a disk. This takes four round trips, in a
// Cluster four for each master and two more. Then New opens up to 16 connections to each
// server, for at most half a second.
//
// The client needs ContextTimeoutEnabled: true and MaxRetries: -1 in its options. New
// refuses a client that may answer from a replica or a cache, and a redis.Ring. The options
// of a client that is not of package redis cannot be read. A command is abandoned after a
// second. With a client that ignores its contexts, up to 1024 abandoned commands may still
// run.
func New(ctx context.Context, client redis.UniversalClient, prefix string) (*Stores, error) {
	if wiring.IsNil(client) {
		return nil, errors.New("redisstore: the client is nil")
	}
	errs := checkOptions(client)
	if !validPrefix(prefix) {
		errs = append(errs, fmt.Errorf("redisstore: prefix %q is not 1 to 100 printable ASCII characters other than { } * ? [ ] \\", prefix))
	}
	if len(errs) == 0 {
		errs = append(errs, checkServers(ctx, client, prefix))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s := &Stores{client: newClient(client, callTimeout), prefix: prefix, now: time.Now, connections: &connections{client: client}}
	s.connections.open(ctx)
	return s, nil
}

// validPrefix reports whether prefix has none of the braces that delimit the hash tag of a
// key, and none of the characters with a meaning in the patterns and rules of ACLs.
func validPrefix(prefix string) bool {
	return prefix != "" && len(prefix) <= 100 && strings.IndexFunc(prefix, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`{}*?[]\`, r)
	}) < 0
}

// key returns a Redis key. In a Cluster its hash tag determines the slot; all
// keys that one script accesses have the same tag. In this package a key is a Redis
// key; the keys of packages session and apikey are session keys and API keys.
func (s *Stores) key(kind, tag, rest string) string { return newKey(s.prefix, kind, tag, rest) }

func newKey(prefix, kind, tag, rest string) string {
	return prefix + ":" + kind + "{" + tag + "}" + rest
}

// full adds errFull, the error of a package for a full store, to an answer of a full Redis.
func full(err, errFull error) error {
	if err != nil && redis.HasErrorPrefix(err, "OOM") {
		return fmt.Errorf("%w: %w", errFull, err)
	}
	return err
}

// failed returns err with the operation that failed, or nil if err is nil.
func failed(operation string, err error) error {
	if err != nil {
		return fmt.Errorf("redisstore: %s: %w", operation, err)
	}
	return nil
}
