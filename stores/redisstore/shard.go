package redisstore

import (
	"cmp"
	"context"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/ratelimit"
)

// clusterLimits are the rate limits of a Cluster. A master is a shard: if it hangs, the
// takes of others go on, and after a fail-over takes do not wait for the old one.
type clusterLimits struct {
	*rateLimits
	cluster *redis.ClusterClient

	mu     sync.Mutex
	shards map[string]int // by the address of a master
}

const (
	// maxMasters is how many masters have a shard each. In a larger Cluster some share one.
	maxMasters = 64
	// maxAddresses bounds the memory of a process whose masters often have new addresses.
	maxAddresses = 1024
)

// Shards implements [ratelimit.ShardedStore].
func (c *clusterLimits) Shards() int { return maxMasters }

// Shard implements [ratelimit.ShardedStore].
func (c *clusterLimits) Shard(t *ratelimit.Take) int {
	hashTag := cmp.Or(t.Slot, t.Key)
	master, err := c.cluster.MasterForKey(context.Background(), hashTag) // as the client last loaded it
	if err != nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	addr := master.Options().Addr
	shard, ok := c.shards[addr]
	if !ok {
		if len(c.shards) == maxAddresses {
			clear(c.shards) // most have left the Cluster
		}
		shard = len(c.shards) % maxMasters
		c.shards[addr] = shard
	}
	return shard
}
