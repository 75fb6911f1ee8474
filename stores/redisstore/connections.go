package redisstore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// readyConnections is how many connections to a server are opened in advance. To open
	// one takes four round trips, with TLS five or six.
	readyConnections = 16
	// slow is after how long a take makes the connections be checked.
	slow = 100 * time.Millisecond
	// checkTimeout is how long connections have to answer, or to open.
	checkTimeout = 500 * time.Millisecond
	checkEvery   = time.Second
	// holdFor is how long a checked connection is held, so that each check gets another
	// one. It is longer than it takes to get one from the pool.
	holdFor = 5 * time.Millisecond
)

// connections opens and checks the idle connections of a client. So a request rarely
// waits for a connection to open, and those that a firewall has dropped cost a single
// pause and not one each.
type connections struct {
	client  redis.UniversalClient
	checked atomic.Int64 // when the last check began, in ns
}

// check starts a check, unless one began in the last second. It does not wait for it.
func (c *connections) check() {
	now, last := time.Now().UnixNano(), c.checked.Load()
	if time.Duration(now-last).Abs() < checkEvery || !c.checked.CompareAndSwap(last, now) {
		return
	}
	go c.open(context.Background())
}

// open pings all idle connections of each server, and opens others until
// readyConnections are idle or the pool is full. The client closes those that do not
// answer.
func (c *connections) open(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	switch client := c.client.(type) {
	case *redis.Client:
		openEach(ctx, client)
	case *redis.ClusterClient:
		_ = client.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			openEach(ctx, node)
			return nil
		})
	}
}

func openEach(ctx context.Context, client *redis.Client) {
	stats := client.PoolStats()
	idle := int(stats.IdleConns)
	var pings sync.WaitGroup
	for range max(idle, wanted(client.Options(), idle, int(stats.TotalConns))) {
		pings.Go(func() {
			conn := client.Conn()
			defer conn.Close() // into the pool, if it works
			held := time.After(holdFor)
			_ = conn.Ping(ctx).Err()
			<-held
		})
	}
	pings.Wait()
}

// wanted returns how many idle connections there are to be, of which the pool allows all.
func wanted(o *redis.Options, idle, total int) int {
	size, most := o.PoolSize, readyConnections
	if o.MaxActiveConns > 0 {
		size = min(size, o.MaxActiveConns)
	}
	if o.MaxIdleConns > 0 { // the pool closes others
		most = min(most, o.MaxIdleConns)
	}
	return min(most, idle+max(size-total, 0))
}
