package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/traffic"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// trafficOf returns the stores of traffic.
func trafficOf(s *redisstore.Stores) traffic.Stores {
	return traffic.Stores{Sessions: s.Sessions(), TokenFamilies: s.TokenFamilies(), Denylist: s.Denylist(), APIKeys: s.APIKeys(), Limits: s.RateLimits()}
}

// ends returns how many acknowledged facts of a report are the end of a credential.
func ends(r traffic.Report) (n int) {
	for kind, acknowledged := range r.Acknowledged {
		if strings.HasPrefix(kind, "logout") || strings.HasPrefix(kind, "revocation") || strings.HasPrefix(kind, "denied") || strings.HasPrefix(kind, "rotation") {
			n += acknowledged
		}
	}
	return n
}

// TestReshard: redis-cli moves a quarter of all slots, also that of denials and API keys,
// back and forth. Nothing that was acknowledged is undone, each answer is right or 503,
// and all API keys stay listed.
func TestReshard(t *testing.T) {
	nodes, _ := startSix(t, nil)
	c := newClusterClient(t, addresses(nodes, nil), time.Second)
	stores := must[*redisstore.Stores](t)(redisstore.New(t.Context(), c, "app"))
	slot := must[int64](t)(c.ClusterKeySlot(t.Context(), "app:apikey{all}:index").Result())
	moved := 4000 // from the first slot on
	if slot >= int64(moved) {
		t.Fatalf("the slot of the API keys is %d", slot)
	}
	if strings.Contains(must[string](t)(newClient(t, nodes[0].addr).Info(t.Context(), "server").Result()), "valkey_version") {
		moved = 200 // a slot takes it 20 ms: it waits for the replicas
	}
	var ids [2]string
	for i := range ids {
		ids[i] = must[string](t)(newClient(t, nodes[i].addr).ClusterMyID(t.Context()).Result())
	}
	l := traffic.Start(t, trafficOf(stores), 2*time.Millisecond)
	start := time.Now()
	redisCLI(t, "--cluster", "reshard", nodes[0].addr, "--cluster-from", ids[0], "--cluster-to", ids[1], "--cluster-slots", fmt.Sprint(moved), "--cluster-yes")
	took := time.Since(start)
	harness.Eventually(t, "there were enough changes", func() bool { return l.Facts() > 11_000 })
	r := l.Stop()
	t.Logf("%d slots in %v: %v", moved, took, r)
	if r.Losses() > 0 || ends(r) < 4000 {
		t.Errorf("%d losses, %d acknowledged ends", r.Losses(), ends(r))
	}
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Store: stores.APIKeys()})) // that of the traffic
	listed := 0
	for cursor, more := "", true; more; more = cursor != "" {
		list, next, err := ring.ListAll(t.Context(), cursor, 500)
		if err != nil {
			t.Fatal(err)
		}
		listed, cursor = listed+len(list), next
	}
	if n := r.Acknowledged["API key"] + r.Acknowledged["revocation of an API key"]; listed < n {
		t.Errorf("%d API keys are listed, %d were issued", listed, n)
	}
}
