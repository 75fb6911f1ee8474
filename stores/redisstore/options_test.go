package redisstore_test

import (
	"context"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	redisstore "github.com/go-guard/guard/stores/redisstore"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestOptions: New refuses options with which an ended session could load, a denied
// token pass or a command outlive its deadline, and names each.
func TestOptions(t *testing.T) {
	newStores(t) // skips where there is no Redis
	single := func(change func(*redis.Options)) redis.UniversalClient {
		o := &redis.Options{Addr: address(), ContextTimeoutEnabled: true, MaxRetries: -1}
		change(o)
		return redis.NewClient(o)
	}
	cluster := func(change func(*redis.ClusterOptions)) redis.UniversalClient {
		o := &redis.ClusterOptions{Addrs: []string{address()}, ClusterSlots: standAlone(address()), ContextTimeoutEnabled: true}
		change(o)
		return redis.NewClusterClient(o)
	}
	failover := func(change func(*redis.FailoverOptions)) redis.UniversalClient {
		o := &redis.FailoverOptions{MasterName: "main", SentinelAddrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true, MaxRetries: -1}
		change(o)
		return redis.NewFailoverClusterClient(o)
	}
	for _, tt := range []struct {
		name   string
		client redis.UniversalClient
		want   string // separated by commas; all are named, and nothing else
	}{
		{"single", single(func(o *redis.Options) {}), ""},
		{"single, all others", single(func(o *redis.Options) {
			o.DB, o.Protocol, o.PoolFIFO, o.PoolSize, o.MaxActiveConns, o.DisableIdentity, o.ReadBufferSize = 3, 2, true, 1, 2, true, 4096
			o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.ConnMaxIdleTime, o.ClientName = -1, -1, time.Minute, -1, "app"
		}), ""},
		{"single, defaults", redis.NewClient(&redis.Options{Addr: address()}), "ContextTimeoutEnabled: true,MaxRetries: -1"},
		{"single, retries", single(func(o *redis.Options) { o.MaxRetries = 1 }), "MaxRetries: -1"},
		{"single, no read deadlines", single(func(o *redis.Options) { o.ReadTimeout = -2 }), "ReadTimeout,WriteTimeout"}, // the second follows the first
		{"single, no write deadlines", single(func(o *redis.Options) { o.WriteTimeout = -2 }), "WriteTimeout"},
		{"single, a cache", single(func(o *redis.Options) { o.ClientSideCacheConfig = &redis.ClientSideCacheConfig{} }), "ClientSideCache"},
		{"a type that embeds a client", embedding{redis.NewClient(&redis.Options{Addr: address(), MaxRetries: -1})}, "ContextTimeoutEnabled: true"},
		{"cluster", cluster(func(o *redis.ClusterOptions) {}), ""},
		{"cluster, redirects", cluster(func(o *redis.ClusterOptions) { o.MaxRedirects, o.MaxRetries = 8, -1 }), ""},
		{"cluster, defaults", redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{address()}}), "ContextTimeoutEnabled: true"},
		{"cluster, retries", cluster(func(o *redis.ClusterOptions) { o.MaxRetries = 3 }), "MaxRetries: -1"},
		{"cluster, replicas", cluster(func(o *redis.ClusterOptions) { o.ReadOnly = true }), "ReadOnly"},
		{"cluster, random", cluster(func(o *redis.ClusterOptions) { o.RouteRandomly = true }), "RouteRandomly"},
		{"cluster, closest", cluster(func(o *redis.ClusterOptions) { o.RouteByLatency = true }), "RouteByLatency"},
		{"cluster, no read deadlines", cluster(func(o *redis.ClusterOptions) { o.ReadTimeout = -2 }), "ReadTimeout,WriteTimeout"},
		{"Sentinel, random", failover(func(o *redis.FailoverOptions) { o.RouteRandomly = true }), "RouteRandomly"},
		{"Sentinel, closest", failover(func(o *redis.FailoverOptions) { o.RouteByLatency = true }), "RouteByLatency"},
		{"Sentinel, replicas", failover(func(o *redis.FailoverOptions) { o.ReplicaOnly = true }), "ReadOnly"},
		{"a ring", redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": address()}, ContextTimeoutEnabled: true, MaxRetries: -1}), "redis.Ring"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer tt.client.Close()
			_, err := redisstore.New(t.Context(), tt.client, "options")
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			want := strings.Split(tt.want, ",")
			lines := strings.Split(err.Error(), "\n")
			for i, line := range lines {
				if len(lines) != len(want) || !strings.Contains(line, want[i]) {
					t.Errorf("%q; want %q", lines, want)
				}
			}
		})
	}
}

type embedding struct{ *redis.Client }

// TestClients: New refuses what is no client of a server that accepts writes.
func TestClients(t *testing.T) {
	s := startServer(t)
	closed := newClient(t, s.addr)
	closed.Close()
	replica := startServer(t, "--replicaof", "127.0.0.1 1")
	node := startServer(t, "--cluster-enabled", "yes", "--cluster-port", harness.FreePort(t))
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	goodbye, err := net.Listen("tcp", "127.0.0.1:0") // as one with TLS, or of another protocol
	if err != nil {
		t.Fatal(err)
	}
	defer goodbye.Close()
	go func() {
		for {
			conn, err := goodbye.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1000))
			conn.Close()
		}
	}()
	for _, tt := range []struct {
		name   string
		hangs  bool
		client redis.UniversalClient
		want   string
	}{
		{"a typed nil", false, (*redis.Client)(nil), "client is nil"},
		{"a closed client", false, closed, "closed"},
		{"a replica", false, newClient(t, replica.addr), "replica"},
		{"a node of a Cluster", false, newClient(t, node.addr), "NewClusterClient"},
		{"a server that hangs", true, newClient(t, l.Addr().String()), "HELLO: (i/o timeout|context deadline exceeded): the address may be"},
		{"a server that hangs up", false, newClient(t, goodbye.Addr().String()), "TLS"},
		{"the same, a client of another type", true, struct{ redis.UniversalClient }{newClient(t, l.Addr().String())}, "HELLO: (i/o timeout|context deadline exceeded): the address may be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			if tt.hangs {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
			}
			if _, err := redisstore.New(ctx, tt.client, "app"); err == nil || !regexp.MustCompile(tt.want).MatchString(err.Error()) {
				t.Errorf("%v; want an error with %q", err, tt.want)
			}
		})
	}
	for _, prefix := range []string{"", "a{b", "a}b", "a\n", " a", "a b", "a*", "a?", "a[b]", `a\b`, "ä", "\x00", strings.Repeat("a", 101)} {
		if _, err := redisstore.New(t.Context(), newClient(t, s.addr), prefix); err == nil || !strings.Contains(err.Error(), "prefix") {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
	for _, prefix := range []string{"a", "My-App_2.test:1/x@y", strings.Repeat("a", 100)} {
		if _, err := redisstore.New(t.Context(), newClient(t, s.addr), prefix); err != nil {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
	if keys, err := newClient(t, s.addr).Keys(t.Context(), "*").Result(); len(keys) > 0 || err != nil {
		t.Errorf("New left %q, %v", keys, err)
	}
}
