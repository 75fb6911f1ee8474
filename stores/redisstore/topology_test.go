package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/testing/harness"
)

// startSix starts a Cluster of three masters with a replica each, with redis-cli. If lag
// is not nil, the others and the clients reach each node by a link, which replicas read
// that much later.
func startSix(t *testing.T, lag *time.Duration, args ...string) (nodes []*server, links []*link) {
	t.Helper()
	create := []string{"--cluster", "create"}
	for range 6 {
		// By default the port of the cluster bus is 10,000 above, which may be in use.
		own := append([]string{"--cluster-enabled", "yes", "--cluster-port", harness.FreePort(t), "--appendonly", "no", "--repl-diskless-sync-delay", "0"}, args...)
		s := newServer(t, own...)
		if lag != nil {
			l := startLink(t, s.addr, *lag)
			_, port, _ := net.SplitHostPort(l.Addr().String())
			s.args = append(s.args, "--cluster-announce-port", port)
			links = append(links, l)
		}
		s.start()
		nodes = append(nodes, s)
		create = append(create, addresses(nodes, links)[len(nodes)-1])
	}
	redisCLI(t, append(create, "--cluster-replicas", "1", "--cluster-yes")...)
	for _, s := range nodes {
		c := newClient(t, s.addr)
		harness.Eventually(t, "each node knows the Cluster, and each replica is in step", func() bool {
			info, _ := c.ClusterInfo(t.Context()).Result()
			role, _ := c.Do(t.Context(), "ROLE").Slice()
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:6") || len(role) < 3 {
				return false
			}
			if role[0] == "slave" {
				return role[3] == "connected"
			}
			return replicas(t.Context(), c, 1) == nil
		})
	}
	return nodes, links
}

// awaitNodes waits until a node knows n nodes, and the Cluster is up.
func awaitNodes(t testing.TB, node *redis.Client, n int) {
	t.Helper()
	known := fmt.Sprint("cluster_known_nodes:", n)
	harness.Eventually(t, "each node knows the others, and the Cluster is up", func() bool {
		info := must[string](t)(node.ClusterInfo(t.Context()).Result())
		return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, known)
	})
}

// addresses returns the addresses by which clients reach the nodes.
func addresses(nodes []*server, links []*link) (addrs []string) {
	for i, s := range nodes {
		if addrs = append(addrs, s.addr); links != nil {
			addrs[i] = links[i].Addr().String()
		}
	}
	return addrs
}

func redisCLI(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(harness.Program(t, "redis-cli"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func newClusterClient(t testing.TB, addrs []string, timeout time.Duration) *redis.ClusterClient {
	c := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, ContextTimeoutEnabled: true, DialTimeout: time.Second, DialerRetries: 1, MaxRetries: -1, Protocol: 2,
		ReadTimeout: timeout, WriteTimeout: timeout,
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// replicas returns an error unless n replicas are in step.
func replicas(ctx context.Context, master *redis.Client, n int) error {
	info, err := master.Info(ctx, "replication").Result()
	if err == nil && strings.Count(info, "state=online") != n {
		err = errors.New(info)
	}
	return err
}

// startSentinels starts a master with two replicas and three sentinels, which find it
// dead after a time without an answer. If lag is not nil, the others and the clients
// reach the master by a link.
func startSentinels(t *testing.T, lag *time.Duration, dead time.Duration) (master *server, l *link, sentinels []string) {
	t.Helper()
	master = startServer(t, "--appendonly", "no", "--repl-diskless-sync-delay", "0")
	addr := master.addr
	if lag != nil {
		l = startLink(t, addr, *lag)
		addr = l.Addr().String()
	}
	host, port, _ := net.SplitHostPort(addr)
	for range 2 {
		startServer(t, "--appendonly", "no", "--repl-diskless-sync-delay", "0", "--replicaof", host+" "+port)
	}
	for range 3 {
		s := newServer(t)
		_, own, _ := net.SplitHostPort(s.addr)
		file := filepath.Join(t.TempDir(), "sentinel.conf")
		config := fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %s\nloglevel warning\nsentinel monitor app %s %s 2\nsentinel down-after-milliseconds app %d\nsentinel failover-timeout app 10000\n",
			own, t.TempDir(), host, port, dead.Milliseconds())
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		s.args = []string{file, "--sentinel"}
		s.start()
		sentinels = append(sentinels, s.addr)
	}
	for _, addr := range sentinels {
		c := newClient(t, addr)
		harness.Eventually(t, "the sentinels know each other and the replicas", func() bool {
			info, _ := c.Info(t.Context(), "sentinel").Result()
			return strings.Contains(info, "status=ok") && strings.Contains(info, "slaves=2,sentinels=3")
		})
	}
	m := newClient(t, master.addr)
	harness.Eventually(t, "the replicas are in step", func() bool { return replicas(t.Context(), m, 2) == nil })
	return master, l, sentinels
}

func newFailoverClient(t testing.TB, sentinels []string, timeout time.Duration) *redis.Client {
	c := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "app", SentinelAddrs: sentinels, ContextTimeoutEnabled: true, DialTimeout: time.Second, DialerRetries: 1, MaxRetries: -1, Protocol: 2,
		ReadTimeout: timeout, WriteTimeout: timeout,
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// A link is the network before a server: what replicas read is on its way for a time.
type link struct {
	net.Listener
	lag   time.Duration
	isCut chan struct{}
	cut   func() // also drops what is on its way, as the end of a machine does
}

func startLink(t testing.TB, backend string, lag time.Duration) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{Listener: listener, lag: lag, isCut: make(chan struct{})}
	l.cut = sync.OnceFunc(func() { close(l.isCut); listener.Close() })
	t.Cleanup(l.cut)
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(in, backend)
		}
	}()
	return l
}

func (l *link) carry(in net.Conn, backend string) {
	defer in.Close()
	out, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer out.Close()
	type chunk struct {
		bytes []byte
		at    time.Time
	}
	late := make(chan chunk, 1<<16)
	var replica atomic.Bool
	ended := make(chan struct{}, 3)
	go func() { // to the server
		defer func() { ended <- struct{}{} }()
		b := make([]byte, 32<<10)
		for {
			n, err := in.Read(b)
			if strings.Contains(string(b[:n]), "PSYNC") {
				replica.Store(true)
			}
			if _, writeErr := out.Write(b[:n]); err != nil || writeErr != nil {
				return
			}
		}
	}()
	go func() { // from the server
		defer func() { ended <- struct{}{} }()
		for {
			b := make([]byte, 32<<10)
			n, err := out.Read(b)
			if replica.Load() {
				late <- chunk{b[:n], time.Now().Add(l.lag)}
			} else if _, writeErr := in.Write(b[:n]); writeErr != nil {
				return
			}
			if err != nil {
				return
			}
		}
	}()
	go func() { // from the server to a replica
		defer func() { ended <- struct{}{} }()
		for c := range late {
			select {
			case <-l.isCut:
				return
			case <-time.After(time.Until(c.at)): // the network under test
			}
			if _, err := in.Write(c.bytes); err != nil {
				return
			}
		}
	}()
	select {
	case <-l.isCut:
	case <-ended:
	}
}
