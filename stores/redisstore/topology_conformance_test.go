package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// conformWith runs every conformance suite on stores of a client.
func conformWith(t *testing.T, c redis.UniversalClient) {
	conform(t, func(t *testing.T) *redisstore.Stores {
		return open(t, c, fmt.Sprint("app", prefixes.Add(1)))
	})
}

func TestConformanceInCluster(t *testing.T) {
	t.Parallel() // much of it waits
	nodes, links := startSix(t, nil)
	conformWith(t, newClusterClient(t, addresses(nodes, links), longTimeout))
}

func TestConformanceWithSentinel(t *testing.T) {
	t.Parallel()
	_, _, sentinels := startSentinels(t, nil, time.Minute)
	conformWith(t, newFailoverClient(t, sentinels, longTimeout))
}
