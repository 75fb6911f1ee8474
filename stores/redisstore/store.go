// Package redisstore keeps the state of guard's packages in Redis or Valkey, so
// that several processes share it: sessions, refresh token families, a denylist,
// rate limits and API keys.
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
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// minVersion is the first major version of Redis that always replicates the
// effects of a script and supports EXPIRE with GT.
const minVersion = 7

// Stores creates the stores of one application in one Redis. It is safe for
// concurrent use.
type Stores struct {
	client *client
	prefix string
	now    func() time.Time
}

// New returns stores whose Redis keys begin with prefix, such as "myapp". Two
// applications with different prefixes can share a Redis. The caller configures
// and closes the client, which may connect to a single server, Sentinel or a
// Cluster.
//
// New queries the server's version. It returns an error if the server cannot be
// reached or is older than Redis 7, or if the client ignores the deadlines of
// contexts (ContextTimeoutEnabled is false): its commands would outlive them.
func New(ctx context.Context, client redis.UniversalClient, prefix string) (*Stores, error) {
	var errs []error
	if client == nil {
		return nil, errors.New("redisstore: the client is nil")
	}
	if prefix == "" || strings.ContainsAny(prefix, "{}") {
		errs = append(errs, fmt.Errorf("redisstore: prefix %q is empty or contains a brace: braces delimit the hash tag of a key", prefix))
	}
	if !respectsDeadlines(client) {
		errs = append(errs, errors.New("redisstore: the client needs ContextTimeoutEnabled: true in its options: without it, commands outlive the deadlines of their contexts"))
	}
	if err := checkVersion(ctx, client); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Stores{client: newClient(client, callTimeout), prefix: prefix, now: time.Now}, nil
}

// respectsDeadlines reports whether client ends a command at the deadline of its
// context. Clients of unknown types are assumed to do so.
func respectsDeadlines(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		return c.Options().ContextTimeoutEnabled
	}
	return true
}

// checkVersion returns an error unless the server is at least minVersion.
func checkVersion(ctx context.Context, client redis.UniversalClient) error {
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return fmt.Errorf("redisstore: querying the server's version: %w", err)
	}
	for line := range strings.Lines(info) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "redis_version" { // Valkey reports the Redis version it is compatible with
			continue
		}
		major, _, _ := strings.Cut(version, ".")
		if n, err := strconv.Atoi(major); err != nil || n < minVersion {
			return fmt.Errorf("redisstore: the server is Redis %q; Redis %d.0 or newer, or Valkey, is required: older versions lack EXPIRE with GT", version, minVersion)
		}
		return nil
	}
	return errors.New("redisstore: the server reports no version: Redis 7.0 or newer, or Valkey, is required")
}

// key returns a Redis key. In a Cluster its hash tag determines the slot; all
// keys that one script accesses have the same tag. In this package a key is a Redis
// key; the keys of packages session and apikey are session keys and API keys.
func (s *Stores) key(kind, tag, rest string) string {
	return s.prefix + ":" + kind + "{" + tag + "}" + rest
}

// failed returns err with the operation that failed, or nil if err is nil.
func failed(operation string, err error) error {
	if err != nil {
		return fmt.Errorf("redisstore: %s: %w", operation, err)
	}
	return nil
}
