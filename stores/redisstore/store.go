// Package redisstore keeps the state of guard's packages in Redis or Valkey, so
// that several processes act as one: sessions, refresh families, a denylist,
// rate limits and API keys.
//
// Every method is one command and one round trip: what takes more than one
// step is a script, which Redis runs whole or not at all. Every key has a time
// to live, but for API keys that never expire. Nothing that Redis holds lets its
// reader log in: ids, tokens and keys are digests.
//
// A failure of Redis is an error of the store; the packages answer it with
// 503. Redis may be restarted and replaced while requests run.
//
// Not covered: durability is as Redis is configured (see docs/running-on-redis.md
// for what is lost in which failure), and a maxmemory-policy other than
// noeviction may forget a revocation.
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

// oldest is the first version with all that the scripts use: script effects
// replication only, and EXPIRE with GT.
const oldest = 7

// Stores makes the stores of one application in one Redis.
type Stores struct {
	client redis.UniversalClient
	prefix string
	now    func() time.Time
}

// New returns stores that keep their keys under prefix, such as "myapp": two
// applications with different prefixes share a Redis without seeing each other.
// The client stays the caller's to configure and to close; it may be one for a
// single server, Sentinel or Cluster.
//
// It asks the server for its version. A server that cannot be reached or is
// older than Redis 7 is an error, and so is a client that does not honour
// deadlines (ContextTimeoutEnabled): its requests would outlive them.
func New(ctx context.Context, client redis.UniversalClient, prefix string) (*Stores, error) {
	var errs []error
	if client == nil {
		return nil, errors.New("redisstore: the client is nil")
	}
	if prefix == "" || strings.ContainsAny(prefix, "{}") {
		errs = append(errs, fmt.Errorf("redisstore: prefix %q is empty or holds a brace: it is the hash tag of the keys", prefix))
	}
	if !honoursDeadlines(client) {
		errs = append(errs, errors.New("redisstore: the client needs ContextTimeoutEnabled: true in its options, or requests outlive their deadlines"))
	}
	if err := checkVersion(ctx, client); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Stores{client: client, prefix: prefix, now: time.Now}, nil
}

func honoursDeadlines(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		return c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		return c.Options().ContextTimeoutEnabled
	}
	return true
}

func checkVersion(ctx context.Context, client redis.UniversalClient) error {
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return fmt.Errorf("redisstore: asking the server for its version: %w", err)
	}
	for line := range strings.Lines(info) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "redis_version" { // Valkey says the Redis version it is compatible with
			continue
		}
		major, _, _ := strings.Cut(version, ".")
		if n, err := strconv.Atoi(major); err != nil || n < oldest {
			return fmt.Errorf("redisstore: the server is Redis %s; %d.0 or newer, or Valkey, is needed: older ones lack EXPIRE with GT", version, oldest)
		}
		return nil
	}
	return errors.New("redisstore: the server does not tell its version: Redis 7 or Valkey is needed")
}

// key is the name of a key in the one hash slot that its tag chooses. Keys
// that one script touches have the same tag.
func (s *Stores) key(kind, tag, rest string) string {
	return s.prefix + ":" + kind + "{" + tag + "}" + rest
}
