package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard/once"
)

// Once returns a [once.Store]. Each method is one script. Every key expires.
func (s *Stores) Once() once.Store { return onceStore{s} }

type onceStore struct{ *Stores }

// A value is a letter and what belongs to it: "l" and the holder of a lease, "d" and the
// holder of a lease that was committed, if it was one, "s" and the digits of a step.
const stepDigits = 19 // of the largest int64

var (
	// ARGV: time to live (ms). Returns 1 for the first.
	takeOnce = redis.NewScript(`
if redis.call('SET', KEYS[1], 'd', 'NX', 'PX', ARGV[1]) then return 1 end
return 0`)

	// ARGV: holder, time to live. Returns a once.State.
	acquireOnce = redis.NewScript(`
local v = redis.call('GET', KEYS[1])
if v then return v:sub(1, 1) == 'l' and 0 or 2 end
redis.call('SET', KEYS[1], 'l' .. ARGV[1], 'PX', ARGV[2])
return 1`)

	// ARGV: holder, time to live. Returns 0 if the lease is lost.
	commitOnce = redis.NewScript(`
local v = redis.call('GET', KEYS[1])
if v == 'd' .. ARGV[1] then return 1 end -- a repetition
if v and v ~= 'l' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'd' .. ARGV[1], 'PX', ARGV[2])
return 1`)

	// ARGV: holder.
	releaseOnce = redis.NewScript(`
if redis.call('GET', KEYS[1]) == 'l' .. ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)

	// ARGV: digits of the step, time to live. Returns 1 if it is larger. Steps are compared
	// as text: a number of Lua has 53 bits.
	advanceOnce = redis.NewScript(`
local v = redis.call('GET', KEYS[1])
if v and (v:sub(1, 1) ~= 's' or v:sub(2) >= ARGV[1]) then return 0 end
local ttl = math.max(tonumber(ARGV[2]), v and redis.call('PTTL', KEYS[1]) or 0)
redis.call('SET', KEYS[1], 's' .. ARGV[1], 'PX', string.format('%.0f', ttl))
return 1`)
)

// run runs a script on the one key of a once key. Base64url keeps braces out of it.
func (s onceStore) run(ctx context.Context, operation string, script *redis.Script, key [32]byte, args ...any) (int, error) {
	n, err := script.Run(ctx, s.client, []string{s.key("o", base64.RawURLEncoding.EncodeToString(key[:]), "")}, args...).Int()
	return n, failed(operation, full(err, once.ErrFull))
}

// ttl returns the time to live of what is remembered until a time. It is at most some
// thousand years, which Lua and Redis add exactly.
func (s onceStore) ttl(until time.Time) int64 {
	const longest = 1 << 47
	if until.Unix() >= longest { // a later one may not be an int64 of milliseconds
		return longest
	}
	return min(until.UnixMilli()-s.now().UnixMilli()+1+once.Slack.Milliseconds(), longest)
}

func (s onceStore) Take(ctx context.Context, key [32]byte, until time.Time) (bool, error) {
	if !until.After(s.now()) {
		return false, nil
	}
	n, err := s.run(ctx, "taking a key of package once", takeOnce, key, s.ttl(until))
	return err == nil && n == 1, err
}

func (s onceStore) Acquire(ctx context.Context, key [32]byte, lease time.Duration) (once.Lease, once.State, error) {
	if lease <= 0 {
		return once.Lease{}, once.Busy, fmt.Errorf("redisstore: a lease of %v is not positive", lease)
	}
	l := once.Lease{Key: key}
	rand.Read(l.Holder[:])
	n, err := s.run(ctx, "acquiring a lease", acquireOnce, key, l.Holder[:], lease.Milliseconds()+1)
	switch state := once.State(n); {
	case err != nil:
		return once.Lease{}, once.Busy, err
	case state == once.First:
		return l, state, nil
	default:
		return once.Lease{}, state, nil
	}
}

func (s onceStore) Commit(ctx context.Context, l once.Lease, until time.Time) error {
	if now := s.now(); until.Before(now) {
		until = now // it is done all the same
	}
	n, err := s.run(ctx, "committing a lease", commitOnce, l.Key, l.Holder[:], s.ttl(until))
	if err == nil && n == 0 {
		return once.ErrLost
	}
	return err
}

func (s onceStore) Release(ctx context.Context, l once.Lease) error {
	_, err := s.run(ctx, "releasing a lease", releaseOnce, l.Key, l.Holder[:])
	return err
}

func (s onceStore) Advance(ctx context.Context, key [32]byte, step int64, until time.Time) (bool, error) {
	if step < 0 {
		return false, errors.New("redisstore: a step of package once is negative")
	}
	if !until.After(s.now()) {
		return false, nil
	}
	n, err := s.run(ctx, "advancing a step", advanceOnce, key, fmt.Sprintf("%0*d", stepDigits, step), s.ttl(until))
	return err == nil && n == 1, err
}
