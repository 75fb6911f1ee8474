package redisstore_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/traffic"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// lag is how much later than its clients the replicas of a master get a change.
var lag = 50 * time.Millisecond

// failOver sends traffic while kill ends the machine of a master. What was acknowledged
// within the lag may be lost, and nothing else is refused. With wait, as replicated does
// it, nothing is lost. recovered reports whether there is another master.
func failOver(t *testing.T, c redis.UniversalClient, wait bool, kill func(), recovered func() bool) {
	t.Helper()
	l := traffic.Start(t, trafficOf(must[*redisstore.Stores](t)(redisstore.New(t.Context(), c, "app"))), 0)
	start := time.Now()
	harness.Eventually(t, "there is traffic", func() bool { return l.Facts() > 100 && time.Since(start) > time.Second })
	rate := float64(l.Facts()) / time.Since(start).Seconds()
	killed := time.Now()
	kill()
	facts := l.Facts()
	harness.Eventually(t, "there is another master", recovered)
	harness.Eventually(t, "the traffic goes on", func() bool { return l.Facts() > facts+100 })
	took := time.Since(killed)
	r := l.Stop()
	t.Logf("%.0f facts a second; traffic again after %v; %d of %d facts lost: %v", rate, took, r.Losses(), facts, r)
	if lost := r.Losses(); wait && lost > 0 || lost > facts/2 {
		t.Errorf("%d of %d acknowledged facts are lost", lost, facts)
	}
}

// cases runs f with and without WAIT, at the same time: most of it waits.
func cases(t *testing.T, f func(t *testing.T, wait bool)) {
	for name, wait := range map[string]bool{"alone": false, "WAIT": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, wait)
		})
	}
}

func TestFailOverInCluster(t *testing.T) {
	cases(t, func(t *testing.T, wait bool) {
		nodes, links := startSix(t, &lag, "--cluster-node-timeout", "3000")
		c := newClusterClient(t, addresses(nodes, links), time.Second)
		if wait {
			c.OnNewNode(func(node *redis.Client) { node.AddHook(replicated{node}) })
		}
		other := newClient(t, nodes[1].addr)
		failOver(t, c, wait, func() { links[0].cut(); nodes[0].kill() }, func() bool {
			nodesOf, _ := other.ClusterNodes(context.Background()).Result()
			info, _ := other.ClusterInfo(context.Background()).Result()
			if !strings.Contains(nodesOf, "master,fail ") || !strings.Contains(info, "cluster_state:ok") {
				return false // a master is dead, and its slots have another one
			}
			// The new master has no replica: with WAIT, each change fails until it has one.
			_, port, _ := net.SplitHostPort(nodes[0].addr)
			nodes[0].args = append(nodes[0].args, "--cluster-announce-port", port)
			nodes[0].start()
			return true
		})
	})
}

func TestFailOverWithSentinel(t *testing.T) {
	cases(t, func(t *testing.T, wait bool) {
		master, l, sentinels := startSentinels(t, &lag, 3*time.Second)
		c := newFailoverClient(t, sentinels, time.Second)
		if wait {
			c.AddHook(replicated{c})
		}
		sentinel := redis.NewSentinelClient(&redis.Options{Addr: sentinels[0]})
		defer sentinel.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		failOver(t, c, wait, func() { l.cut(); master.kill() }, func() bool {
			addr, err := sentinel.GetMasterAddrByName(context.Background(), "app").Result()
			return err == nil && addr[1] != port
		})
	})
}

// TestMinReplicas: a master without its replicas refuses changes and answers the rest.
func TestMinReplicas(t *testing.T) {
	master := startServer(t, "--appendonly", "no", "--repl-diskless-sync-delay", "0", "--min-replicas-to-write", "1")
	host, port, _ := net.SplitHostPort(master.addr)
	replica := startServer(t, "--appendonly", "no", "--replicaof", host+" "+port)
	c := newClient(t, master.addr)
	harness.Eventually(t, "the replica is in step", func() bool { return replicas(t.Context(), c, 1) == nil })
	a := newApp(t, newStoresAt(t, master.addr).Sessions())
	_, _, cookie := a.do("POST", "/login?as=u", nil)
	replica.kill()
	harness.Eventually(t, "the master has no replica", func() bool { return replicas(t.Context(), c, 0) == nil })
	a = newApp(t, newStoresAt(t, master.addr).Sessions()) // a process that starts now
	for _, target := range []string{"/login?as=v", "/logout"} {
		if code, body, _ := a.do("POST", target, cookie); code != 503 {
			t.Errorf("%s: %d %s, want 503", target, code, body)
		}
	}
	if code, body, _ := a.do("GET", "/", cookie); code != 200 || body != "u" {
		t.Errorf("a read: %d %s", code, body)
	}
}

// A reloading client counts how often it is to ask for the masters of a Cluster.
type reloading struct {
	*redis.Client
	reloads atomic.Int64
}

func (r *reloading) ReloadState(context.Context) { r.reloads.Add(1) }

// TestReload: whichever command has no answer, the client looks for another master.
func TestReload(t *testing.T) {
	s := startServer(t, "--appendonly", "no")
	c := &reloading{Client: newClient(t, s.addr)}
	stores := must[*redisstore.Stores](t)(redisstore.New(t.Context(), c, "app"))
	steps := map[string]func() error{
		"a script": func() error { _, err := stores.Sessions().DeleteAll(t.Context(), "u", nil); return err },
		"a read":   func() error { _, err := stores.Sessions().Epoch(t.Context(), "u"); return err },
		"a page":   func() error { _, err := stores.APIKeys().List(t.Context(), "ak_live", "u"); return err },
	}
	for name, step := range steps {
		if err := step(); err != nil || c.reloads.Load() > 0 {
			t.Errorf("%s: %v, %d reloads", name, err, c.reloads.Load())
		}
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, err := stores.Sessions().Epoch(left, "u"); !errors.Is(err, context.Canceled) || c.reloads.Load() > 0 {
		t.Errorf("a client that has left: %v, %d reloads", err, c.reloads.Load())
	}
	s.kill()
	for name, step := range steps {
		c.reloads.Store(0)
		if err := step(); err == nil || c.reloads.Load() == 0 {
			t.Errorf("%s without a server: %v, %d reloads", name, err, c.reloads.Load())
		}
	}
}
