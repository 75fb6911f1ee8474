package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

// A node is a master of a Cluster.
type node struct {
	*redis.Client
	id, host, port, bus string
}

// startCluster starts two nodes with half of the slots each: a node that lost all its
// slots would become a replica.
func startCluster(t *testing.T) (nodes [2]node) {
	t.Helper()
	ctx := t.Context()
	for i := range nodes {
		n := &nodes[i]
		n.bus = harness.FreePort(t)
		s := startServer(t, "--cluster-enabled", "yes", "--cluster-port", n.bus, "--appendonly", "no")
		n.Client = newClient(t, s.addr)
		n.host, n.port, _ = net.SplitHostPort(s.addr)
		n.id = must[string](t)(n.ClusterMyID(ctx).Result())
		must[string](t)(n.ClusterAddSlotsRange(ctx, 8192*i, 8192*i+8191).Result())
	}
	if err := nodes[0].meet(ctx, nodes[1]); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		awaitNodes(t, n.Client, len(nodes))
	}
	return nodes
}

// meet makes n send a message to another node, within 100 ms. [agree] waits for the answer.
func (n node) meet(ctx context.Context, other node) error {
	return n.Do(ctx, "CLUSTER", "MEET", other.host, other.port, other.bus).Err()
}

// hear makes each node hear of the slots that the other one has now. It is needed before
// a slot moves again: a node to which an old message says that the owner does not have
// the slot notes that, and clears the note only when the owner says otherwise. If it takes
// the slot before, the next old message takes the slot from it, whatever the epochs, and
// it deletes the keys (fixed after Redis 7.0 by redis/redis#12564).
func hear(ctx context.Context, a, b node) error {
	if err := errors.Join(a.meet(ctx, b), b.meet(ctx, a)); err != nil {
		return err
	}
	return agree(ctx, a, b)
}

// agree waits until both nodes have the same configuration epochs and slots, as redis-cli
// --cluster reshard does before it begins. A node that takes back a slot before it has
// heard of the epoch with which the other node took it loses the slot to a message that is
// on its way: then each node redirects to the other one, for good.
func agree(ctx context.Context, a, b node) error {
	epochs := func(n node) (list []string, err error) {
		text, err := n.ClusterNodes(ctx).Result()
		for line := range strings.Lines(text) {
			fields := strings.Fields(line)                                                     // id, address, flags, master, ping, pong, epoch, state, slots…
			slots := slices.DeleteFunc(fields[8:], func(s string) bool { return s[0] == '[' }) // moves now, which one node shows
			list = append(list, fields[0]+" "+fields[6]+" "+strings.Join(slots, " "))
		}
		slices.Sort(list)
		return list, err
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // other processes
		of, err := epochs(a)
		other, otherErr := epochs(b)
		if err := errors.Join(err, otherErr); err != nil || slices.Equal(of, other) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the nodes do not agree: %q, %q", of, other)
		}
	}
}

// move moves a slot as redis-cli --cluster reshard does.
func move(ctx context.Context, slot int64, from, to node) error {
	if err := agree(ctx, from, to); err != nil {
		return err
	}
	if err := to.Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", from.id).Err(); err != nil {
		return err
	}
	if err := from.Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", to.id).Err(); err != nil {
		return err
	}
	for {
		keys, err := from.ClusterGetKeysInSlot(ctx, int(slot), 1).Result()
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			break
		}
		if err := from.Do(ctx, "MIGRATE", to.host, to.port, keys[0], 0, 5000).Err(); err != nil {
			return fmt.Errorf("MIGRATE: %w", err)
		}
	}
	if err := to.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", to.id).Err(); err != nil {
		return err
	}
	return from.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", to.id).Err()
}

// moveUntil moves the slots of nodes to the other node, and back, until done, and counts
// the moves.
func moveUntil(t *testing.T, nodes [2]node, slots []int64, done *atomic.Bool, moves *atomic.Int64) {
	for n := 0; !done.Load(); n++ {
		if n%len(slots) == 0 {
			if err := hear(t.Context(), nodes[0], nodes[1]); err != nil {
				t.Errorf("waiting for the nodes: %v", err)
				return
			}
		}
		slot := slots[n%len(slots)]
		from := (int(slot/8192) + n/len(slots)) % 2
		if err := move(t.Context(), slot, nodes[from], nodes[1-from]); err != nil {
			t.Errorf("moving slot %d: %v", slot, err)
			return
		}
		moves.Add(1)
	}
}

// TestLogoutsWhileSlotsMove: no session is live after its logout was acknowledged, and
// the slots move.
func TestLogoutsWhileSlotsMove(t *testing.T) {
	nodes, ctx := startCluster(t), t.Context()
	c := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{net.JoinHostPort(nodes[0].host, nodes[0].port)}, ContextTimeoutEnabled: true, MaxRetries: -1, Protocol: 2,
	})
	defer c.Close()
	stores := open(t, c, "app")
	s := stores.Sessions()
	const workers, logouts = 8, 500
	subject := func(worker int) string { return fmt.Sprint("u", worker%4) }
	for i := range workers {
		insert(t, s, subject(i), func(rec *session.Record) { rec.Ref = fmt.Sprint("ref", i) })
		must[int](t)(s.DeleteAll(ctx, subject(i), nil))
		insert(t, s, subject(i), nil)
	}
	var slots []int64
	for _, n := range nodes {
		for _, key := range must[[]string](t)(n.Keys(ctx, "*").Result()) {
			slots = append(slots, must[int64](t)(n.ClusterKeySlot(ctx, key).Result()))
		}
	}
	slices.Sort(slots)
	slots = slices.Compact(slots)

	var done atomic.Bool
	var working, moving sync.WaitGroup
	var moves atomic.Int64
	moving.Go(func() { moveUntil(t, nodes, slots, &done, &moves) })
	var failures atomic.Int64
	var mu sync.Mutex
	var ended []session.Key
	for i := range workers {
		working.Go(func() {
			for n := 0; n < logouts && !t.Failed(); n++ {
				rec, to := sessiontest.Record(subject(i)), sessiontest.Key(subject(i))
				if n%8 == 0 {
					rec.Ref = fmt.Sprint("ref", i, n)
				}
				if s.Insert(ctx, rec, session.AnyEpoch) != nil {
					failures.Add(1)
					continue
				}
				if _, err := s.Rotate(ctx, rec.Key, to); err != nil {
					failures.Add(1) // it is rotated or not
				}
				var found bool
				var err error
				if rec.Ref != "" {
					var deleted int
					of := ""
					if n%16 == 0 {
						of = subject(i)
					}
					deleted, err = s.DeleteRef(ctx, rec.Ref, of)
					found = deleted == 1
				} else {
					found, err = s.Delete(ctx, rec.Key)
				}
				switch {
				case err != nil:
					failures.Add(1)
				case !found:
					t.Error("a logout did not find its session")
				default:
					mu.Lock()
					ended = append(ended, rec.Key, to)
					mu.Unlock()
				}
			}
		})
	}
	working.Wait()
	done.Store(true)
	moving.Wait()
	for _, key := range ended {
		if _, found, err := s.Load(ctx, key); found || err != nil {
			t.Errorf("after an acknowledged logout: %t, %v", found, err)
		}
	}
	if moves.Load() < int64(2*len(slots)) || len(ended) < workers*logouts {
		t.Errorf("%d moves of %d slots, %d logouts", moves.Load(), len(slots), len(ended)/2)
	}
	t.Logf("%d moves of %d slots, %d logouts, %d failures", moves.Load(), len(slots), len(ended)/2, failures.Load())
}

// TestRevocationsWhileSlotsMove: no API key is valid after its revocation was
// acknowledged, none is lost after its issue was, and the slot moves.
func TestRevocationsWhileSlotsMove(t *testing.T) {
	nodes, ctx := startCluster(t), t.Context()
	c := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{net.JoinHostPort(nodes[0].host, nodes[0].port)}, ContextTimeoutEnabled: true, MaxRetries: -1, Protocol: 2,
	})
	defer c.Close()
	keys := open(t, c, "app").APIKeys()
	insertEntry(t, keys, newEntry("aaaaaaaaaaa0", "u0"))
	slot := must[int64](t)(nodes[0].ClusterKeySlot(ctx, "app:apikey{all}:index:ak_live").Result())

	var done atomic.Bool
	var working, moving sync.WaitGroup
	var moves atomic.Int64
	moving.Go(func() { moveUntil(t, nodes, []int64{slot}, &done, &moves) })
	var failures, refused atomic.Int64
	var mu sync.Mutex
	revoked := map[string]bool{} // by ID of an entry that was inserted
	for i := range 4 {
		working.Go(func() {
			for n := 0; !t.Failed() && (n < 60 || moves.Load() < 10); n++ {
				if n >= 60 {
					time.Sleep(50 * time.Millisecond) // until the slot, of another process, has moved often enough
				}
				e := newEntry(fmt.Sprintf("a%d%010d", i, n), fmt.Sprint("u", i))
				for {
					ok, err := keys.Insert(ctx, e, 1000)
					if ok || t.Failed() {
						break
					}
					failures.Add(1)
					if err == nil {
						t.Error("an ID that is free is taken")
					}
					time.Sleep(time.Millisecond) // as a client that was refused; the slot moves meanwhile
				}
				if ok, err := keys.Rotate(ctx, e.ID, apikey.Rotation{From: e.Digest, To: apikey.Digest{2}}); !ok && err == nil {
					t.Error("a rotation did not find its API key")
				}
				found, err := n%2 == 0, error(nil)
				if found {
					found, err = keys.Revoke(ctx, e.ID, e.CreatedAt)
				}
				if err != nil {
					refused.Add(1)
				} else if n%2 == 0 && !found {
					t.Error("a revocation did not find its API key")
				}
				mu.Lock()
				revoked[e.ID] = found && err == nil
				mu.Unlock()
			}
		})
	}
	working.Wait()
	done.Store(true)
	moving.Wait()
	for id, want := range revoked {
		e, found, err := keys.Load(ctx, id)
		if !found || err != nil || want && e.RevokedAt.IsZero() {
			t.Fatalf("%s: %+v, %t, %v; want revoked %t", id, e, found, err, want)
		}
	}
	listed := 0
	for at, more := (apikey.Position{}), true; more; {
		list, next, err := keys.ListAll(ctx, "ak_live", at, 100)
		if err != nil {
			t.Fatal(err)
		}
		listed, at, more = listed+len(list), next, next != apikey.Position{}
	}
	if listed < len(revoked)+1 || moves.Load() < 10 || len(revoked) < 240 {
		t.Errorf("%d of %d API keys are listed, %d moves", listed, len(revoked)+1, moves.Load())
	}
	t.Logf("%d moves, %d API keys, %d inserts and %d revocations failed", moves.Load(), len(revoked), failures.Load(), refused.Load())
}
