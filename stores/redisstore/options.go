package redisstore

import (
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// endsByDeadline reports whether each command of a client ends by the deadline of its
// context, if checkOptions finds no mistake. The functions of an application may take
// longer where a connection is opened, and clients of other types always.
func endsByDeadline(client redis.UniversalClient) bool {
	switch c := client.(type) {
	case *redis.Client:
		o := c.Options()
		return o.OnConnect == nil && o.CredentialsProvider == nil && o.StreamingCredentialsProvider == nil && o.Limiter == nil
	case *redis.ClusterClient:
		o := c.Options()
		return o.OnConnect == nil && o.CredentialsProvider == nil && o.StreamingCredentialsProvider == nil
	}
	return false
}

// checkOptions returns the mistakes in the options of a client, also of a type that
// embeds one of go-redis. Those of other types cannot be read.
func checkOptions(client redis.UniversalClient) (errs []error) {
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("redisstore: "+format, args...))
		}
	}
	all := func(deadlines bool, retries int, read, write time.Duration) {
		refuse(!deadlines, "the client needs ContextTimeoutEnabled: true: without it, commands outlive the deadlines of their contexts")
		refuse(retries > 0, "the client needs MaxRetries: -1: a command whose answer was lost would run twice")
		refuse(read < 0, "the client has ReadTimeout: -2: with it, commands outlive the deadlines of their contexts")
		refuse(write < 0, "the client has WriteTimeout: -2: with it, commands outlive the deadlines of their contexts")
	}
	const stale = "the client has %s: it may answer from a replica or a cache, where an ended session is still live"
	switch c := client.(type) {
	case interface{ Options() *redis.Options }:
		o := c.Options()
		all(o.ContextTimeoutEnabled, o.MaxRetries, o.ReadTimeout, o.WriteTimeout)
		refuse(o.ClientSideCacheConfig != nil || o.ClientSideCache != nil, stale, "a ClientSideCache")
	case interface{ Options() *redis.ClusterOptions }:
		o := c.Options()
		all(o.ContextTimeoutEnabled, o.MaxRetries, o.ReadTimeout, o.WriteTimeout)
		refuse(o.RouteByLatency, stale, "RouteByLatency")
		refuse(o.RouteRandomly, stale, "RouteRandomly")
		refuse(o.ReadOnly && !o.RouteByLatency && !o.RouteRandomly, stale, "ReadOnly") // go-redis sets it with those
	case interface{ Options() *redis.RingOptions }:
		refuse(true, "the client is a redis.Ring: while one of its servers is down, another one answers in its place, without what the first one knows")
	}
	return errs
}
