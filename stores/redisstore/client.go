package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/internal/flight"
)

const (
	// callTimeout bounds every command of every store, unless its context ends sooner.
	callTimeout = time.Second
	// maxCalls bounds the goroutines of a client that may ignore its contexts.
	maxCalls = 1024
)

// A client sends the commands of the stores. It implements redis.Scripter, so that a
// redis.Script can run on it.
type client struct {
	redis.Scripter // only Eval and EvalSha are used, which are below
	redis          redis.UniversalClient
	timeout        time.Duration
	// calls has the commands of a client that may ignore its contexts. It is nil if the
	// client ends each command by the deadline of its context.
	calls *flight.Group[struct{}, any]
	// reload makes the client of a Cluster ask for its masters, one time after another and,
	// while one answers, at most five times a second. It is nil for other clients.
	reload func(context.Context)
}

// newClient returns a client whose commands take at most timeout.
func newClient(c redis.UniversalClient, timeout time.Duration) *client {
	limited := &client{Scripter: c, redis: c, timeout: timeout}
	if cluster, ok := c.(interface{ ReloadState(context.Context) }); ok {
		limited.reload = cluster.ReloadState
	}
	if !endsByDeadline(c) {
		limited.calls = flight.New[struct{}, any](flight.Options{
			Name: "the command", Timeout: timeout, Max: maxCalls, Wait: timeout, Alone: true,
		})
	}
	return limited
}

// call calls f, and returns by the deadline of ctx and within the timeout of c even if f
// does not. f may outlive the call: it must not write to variables of the caller.
func call[T any](ctx context.Context, c *client, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := within(ctx, c.timeout)
	defer cancel()
	if c.calls == nil {
		v, err := f(ctx)
		c.unanswered(err)
		return v, err
	}
	deadline, _ := ctx.Deadline()
	v, err := c.calls.Do(ctx, struct{}{}, func(ctx context.Context) (any, error) {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return f(ctx)
	})
	result, _ := v.(T)
	c.unanswered(err)
	return result, err
}

// unanswered makes the client of a Cluster look for another master, if err is not the
// answer of one: one that is dead redirects no command to the replica that succeeded it,
// and go-redis by itself asks once a minute. A request whose client has left is no reason.
func (c *client) unanswered(err error) {
	if c.reload == nil || err == nil || errors.Is(err, context.Canceled) {
		return
	}
	if _, answered := errors.AsType[redis.Error](err); !answered {
		c.reload(context.Background())
	}
}

// within returns a context that ends after timeout, or when ctx ends.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= timeout {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, timeout)
}

// Eval implements redis.Scripter.
func (c *client) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return c.run(ctx, "eval", script, keys, args)
}

// EvalSha implements redis.Scripter.
func (c *client) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	return c.run(ctx, "evalsha", sha1, keys, args)
}

func (c *client) run(ctx context.Context, name, script string, keys []string, args []any) *redis.Cmd {
	all := append(make([]any, 0, 3+len(keys)+len(args)), name, script, len(keys))
	for _, key := range keys {
		all = append(all, key)
	}
	all = append(all, args...)
	cmd, err := call(ctx, c, func(ctx context.Context) (*redis.Cmd, error) {
		cmd := redis.NewCmd(ctx, all...)
		cmd.SetFirstKeyPos(3)
		if err := c.redis.Process(ctx, unrepeated{cmd}); err != nil {
			cmd.SetErr(err)
		}
		_ = cmd.Err() // waits for the answer, where Process does not
		return cmd, nil
	})
	if err != nil { // call has seen it
		cmd = redis.NewCmd(ctx)
		cmd.SetErr(err)
		return cmd
	}
	c.unanswered(cmd.Err())
	return cmd
}

// An unrepeated command is sent a single time: if its answer is lost, it may have
// run. Without this, a Cluster's client sends it again, whatever its MaxRetries are.
// It follows a slot to another node all the same.
type unrepeated struct{ *redis.Cmd }

// NoRetry implements redis.Cmder.
func (unrepeated) NoRetry() bool { return true }

var _ interface{ NoRetry() bool } = redis.Cmder(nil) // a version without it would send twice
