package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// startTimeout bounds the checks of New, which wait for the first connections.
const startTimeout = 10 * time.Second

// checkServers checks the server of c or, in a Cluster, each master: its version, users
// and configuration are not those of the others.
func checkServers(ctx context.Context, c redis.UniversalClient, prefix string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cluster, ok := c.(*redis.ClusterClient)
	if !ok {
		_, single := c.(*redis.Client)
		return failed("checking the server", checkServer(ctx, newClient(c, startTimeout), single, prefix, "all"))
	}
	var masters atomic.Int64
	err := cluster.ForEachMaster(ctx, func(context.Context, *redis.Client) error { masters.Add(1); return nil })
	checked := map[*redis.Client]bool{}
	// A tag whose slot is that of a master is found by trying, in memory. So many tries
	// find a master of a single slot.
	for i := 0; err == nil && len(checked) < int(masters.Load()) && i < 50*16384; i++ {
		var master *redis.Client
		tag := strconv.Itoa(i)
		if master, err = cluster.MasterForKey(ctx, "{"+tag+"}"); err != nil || checked[master] {
			continue
		}
		err = checkServer(ctx, newClient(master, startTimeout), false, prefix, tag)
		if redis.HasErrorPrefix(err, "MOVED") || redis.HasErrorPrefix(err, "ASK") || redis.HasErrorPrefix(err, "TRYAGAIN") {
			err = nil // the slot moves
			continue
		}
		checked[master] = true
	}
	if err == nil && !cluster.Options().DisableRoutingPolicies {
		err = loadCommands(ctx, cluster)
	}
	return failed("checking the server", err)
}

// loadCommands makes the client of a Cluster ask for the commands of a server. Until it
// has the answer, go-redis asks before each command, up to three servers, for up to five
// seconds and one request at a time.
func loadCommands(ctx context.Context, cluster *redis.ClusterClient) error {
	_, err := call(ctx, newClient(cluster, startTimeout), func(ctx context.Context) (any, error) { return cluster.Command(ctx).Result() })
	if err != nil {
		return fmt.Errorf("COMMAND, which a client without DisableRoutingPolicies needs: %w", err)
	}
	return nil
}

// checkServer returns an error unless a server can run the scripts, in four round trips.
// If single is true, c finds no other node of a Cluster.
func checkServer(ctx context.Context, c *client, single bool, prefix, tag string) error {
	reply, err := call(ctx, c, func(ctx context.Context) (any, error) { return c.redis.Do(ctx, "hello").Result() })
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: the address may be that of another service, or only one side uses TLS (Options.TLSConfig)", err)
	}
	if err != nil {
		return fmt.Errorf("HELLO: %w", err)
	}
	if err := checkHello(reply, single); err != nil {
		return err
	}
	if err := checkRights(ctx, c, prefix, tag); err != nil {
		return err
	}
	info, _ := call(ctx, c, func(ctx context.Context) (string, error) { return c.redis.Info(ctx, "memory").Result() })
	for line := range strings.Lines(info) { // none, if the user may not read it
		policy, found := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:")
		if found && policy != "noeviction" {
			warn(ctx, "under maxmemory-policy "+policy+" the server may evict denied tokens, sessions and counts: noeviction is needed")
		}
	}
	return nil
}

// checkHello checks the answer to HELLO, which a server gives to every user: a map or,
// in RESP2, a list of its keys and values.
func checkHello(reply any, single bool) error {
	fields := map[string]string{}
	switch reply := reply.(type) {
	case map[any]any:
		for k, v := range reply {
			fields[fmt.Sprint(k)] = fmt.Sprint(v)
		}
	case []any:
		for i := 0; i+1 < len(reply); i += 2 {
			fields[fmt.Sprint(reply[i])] = fmt.Sprint(reply[i+1])
		}
	}
	const needed = "Redis 7.0 or newer, or Valkey 7.2 or newer, is required"
	server, version := fields["server"], fields["version"]
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	switch {
	case server == "redis" && err == nil && major < 7:
		return fmt.Errorf("the server is Redis %q: %s: older versions lack EXPIRE with GT", version, needed)
	case server != "redis" && server != "valkey" || err != nil || major < 7:
		return fmt.Errorf("the server is %q, version %q: %s", server, version, needed)
	case fields["mode"] == "sentinel":
		return errors.New("the server is a Sentinel: redis.NewFailoverClient finds its master")
	case fields["mode"] == "cluster" && single:
		return errors.New("the server is one of a Cluster: redis.NewClusterClient finds the others")
	case fields["role"] == "replica":
		return errors.New("the server is a replica: it accepts no writes, and its answers may be old")
	}
	return nil
}

// rights is a script that calls each command of the stores, in scripts or not, and
// leaves nothing. It returns the commands that the server refuses, and why it refuses
// the first. DEL is called first: without it, the script would leave its key, and a full
// server refuses a script whose first command needs memory.
var rights = redis.NewScript(`
local key, refused, reason = KEYS[1], {}, nil
local function try(command, ...)
  local reply = redis.pcall(command, ...)
  if type(reply) == 'table' and reply.err then
    if not reason then reason = reply.err end
    if refused[#refused] ~= command then refused[#refused + 1] = command end
  end
end
try('DEL', key)
if not reason then
  try('TIME')
  try('SET', key, 1, 'PX', 1000)
  try('GET', key)
  try('SETRANGE', key, 0, 2)
  try('EXISTS', key)
  try('PTTL', key)
  try('PEXPIRE', key, 2000, 'GT')
  try('PEXPIREAT', key, '4000000000000', 'GT')
  try('PEXPIRETIME', key)
  try('PERSIST', key)
  redis.call('DEL', key)
  try('HSET', key, 'a', 1, 'b', 1)
  try('HINCRBY', key, 'a', 1)
  try('HGET', key, 'a')
  try('HMGET', key, 'a')
  try('HGETALL', key)
  try('HKEYS', key)
  try('HEXISTS', key, 'a')
  try('HLEN', key)
  try('HDEL', key, 'a')
  redis.call('DEL', key)
  try('ZADD', key, 'GT', 1, 'a')
  try('ZSCORE', key, 'a')
  try('ZMSCORE', key, 'a')
  try('ZCARD', key)
  try('ZCOUNT', key, 0, 1)
  try('ZRANGE', key, 0, 1)
  try('ZREVRANGEBYLEX', key, '+', '-')
  try('ZREM', key, 'b')
  try('ZREMRANGEBYSCORE', key, 0, 0)
  redis.call('DEL', key)
end
struct.unpack('>I6', struct.pack('>I6', 1))
if reason then refused[#refused + 1] = reason end
return refused`)

// kinds are those of the keys, as in docs/running-on-redis.md.
var kinds = []string{"s", "e", "r", "f", "fr", "deny", "c", "apikey", "o"}

// checkRights returns an error unless the user may run scripts on keys with the prefix,
// and in them the commands of the stores.
func checkRights(ctx context.Context, c *client, prefix, tag string) error {
	keys := make([]string, len(kinds))
	for i, kind := range kinds {
		keys[i] = newKey(prefix, kind, tag, ":probe")
	}
	if err := rights.EvalSha(ctx, c, keys).Err(); err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
		return fmt.Errorf("EVALSHA with keys %q: %w", prefix+":*", err)
	}
	refused, err := rights.Eval(ctx, c, keys).StringSlice() // as for a script that a server does not have
	if err != nil {
		return fmt.Errorf("EVAL with keys %q: %w", prefix+":*", err)
	}
	n := len(refused) - 1
	switch {
	case n <= 0:
		return nil
	case strings.HasPrefix(refused[n], "NOREPLICAS") || strings.HasPrefix(refused[n], "MISCONF"):
		// A process that restarts meanwhile would refuse more than those that run.
		warn(ctx, "the server refuses every change for now, so that the rights of the user are not checked: "+refused[n])
		return nil
	}
	return fmt.Errorf("%s: %s", strings.Join(refused[:n], ", "), refused[n])
}

// warn logs a state of a server with which New goes on.
func warn(ctx context.Context, reason string) {
	slog.Default().LogAttrs(ctx, slog.LevelWarn, "guard", slog.String("package", "redisstore"), slog.String("reason", reason))
}
