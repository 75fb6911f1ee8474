package redisstore_test

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// replicated is a hook of a client: a script has succeeded if a replica has its changes,
// too. docs/running-on-redis.md shows it.
type replicated struct{ client *redis.Client }

func (replicated) DialHook(next redis.DialHook) redis.DialHook { return next }

func (replicated) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (r replicated) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if !strings.HasPrefix(cmd.Name(), "eval") { // every change is a script
			return next(ctx, cmd)
		}
		pipe := r.client.Pipeline() // WAIT is for the changes of its connection
		_ = pipe.Process(ctx, cmd)
		wait := pipe.Do(ctx, "WAIT", 1, 500) // replicas, ms
		_, _ = pipe.Exec(ctx)
		if n, err := wait.Int(); cmd.Err() == nil && (err != nil || n < 1) {
			cmd.SetErr(errors.Join(errors.New("no replica has the change"), err))
		}
		return cmd.Err()
	}
}
