package ratelimit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/hmacstate"
	"github.com/go-guard/guard/internal/wiring"
)

// A backend is a store with the timeout, breakers and fallback that protect
// requests from it.
type backend struct {
	memory   *Memory // the store, if it is one: it never fails or hangs
	store    Store
	sharded  ShardedStore  // the store, if it is one
	fresh    bool          // Take.Fresh
	slot     string        // Take.Slot
	secret   hmacstate.Key // of Options.Secret; zero if there is none
	failure  Failure
	fallback *backend
	breakers []breaker // of the shards; a store that is not sharded has one
	now      func() time.Time
	outage   outage
}

func newBackend(o *Options, fresh bool) (*backend, error) {
	b := &backend{store: o.Store, fresh: fresh, failure: o.OnFailure}
	if fresh {
		b.slot = "login" // an attempt takes from an address and from an account
	}
	var errs []error
	if s := o.Secret; s != nil { // an unset environment variable is empty, not nil
		if len(s) < minSecret {
			errs = append(errs, fmt.Errorf("ratelimit: a Secret of %d bytes: at least %d are needed", len(s), minSecret))
		} else if wiring.IsZero(s) {
			errs = append(errs, errors.New("ratelimit: the Secret has zeros only: fill it from crypto/rand"))
		}
		b.secret = hmacstate.New(sha256.New, bytes.Clone(s))
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("ratelimit: timeout %v is negative", o.Timeout))
	}
	if o.OnFailure.mode == fallBack {
		if wiring.IsNil(o.OnFailure.fallback) {
			errs = append(errs, errors.New("ratelimit: Fallback of nil"))
		} else {
			var err error
			b.fallback, err = newBackend(&Options{Store: o.OnFailure.fallback, Timeout: o.Timeout, Now: o.Now}, fresh)
			b.fallback.secret = b.secret // already checked
			errs = append(errs, err)
		}
	}
	if b.store == nil {
		m, err := NewMemory(&MemoryOptions{Now: o.Now})
		errs = append(errs, err)
		b.store = m
	}
	errs = append(errs, wiring.TypedNil("ratelimit", "the Store", b.store))
	b.memory, _ = b.store.(*Memory)
	if b.now = o.Now; b.now == nil {
		b.now = time.Now
	}
	shards := 1
	if b.sharded, _ = b.store.(ShardedStore); !wiring.IsNil(b.sharded) {
		if shards = b.sharded.Shards(); shards < 1 || shards > maxStoreShards {
			errs = append(errs, fmt.Errorf("ratelimit: %T has %d shards, which is not from 1 to %d", b.store, shards, maxStoreShards))
			shards = 1
		}
	}
	b.breakers = newBreakers(shards, o.Timeout, b.now)
	return b, errors.Join(errs...)
}

// breakerOf returns the breaker of the shard that has the count of a take.
func (b *backend) breakerOf(t *Take) *breaker {
	if len(b.breakers) == 1 {
		return &b.breakers[0]
	}
	return &b.breakers[uint(b.sharded.Shard(t))%uint(len(b.breakers))]
}

// take fills states. from is the store, or OnFailure in its place; err refuses
// the request.
func (b *backend) take(ctx context.Context, demands []demand, states []State) (from source, err error) {
	return b.takeToSettle(ctx, demands, states, b.fresh)
}

// takeToSettle is take. If settles is true, the take is undone or settled later, as far
// as it was answered in time.
func (b *backend) takeToSettle(ctx context.Context, demands []demand, states []State, settles bool) (from source, err error) {
	if b.memory != nil {
		b.memory.take(demands, states)
		return source{}, nil
	}
	hashed := b.hashed(demands)
	answer, err := b.ask(ctx, hashed, func(ctx context.Context, late []State) {
		b.undo(ctx, hashed, late, settles || b.failure.mode != failOpen)
	})
	if err == nil {
		copy(states, answer)
		return source{}, nil
	}
	from = source{failure: err, begins: b.outage.failed(b.now())}
	switch b.failure.mode {
	case failOpen:
		for i := range states {
			states[i] = State{Remaining: demands[i].limit.capacity() - demands[i].cost}
		}
		return from, nil
	case fallBack:
		if _, err2 := b.fallback.take(ctx, demands, states); err2 != nil {
			return from, guard.Unavailable(errors.Join(err, err2))
		}
		return from, nil
	}
	return from, guard.Unavailable(err)
}

// ask takes from the store alone. late gets the answer to a call that was abandoned.
func (b *backend) ask(ctx context.Context, takes []Take, late func(context.Context, []State)) ([]State, error) {
	answer, err := call(ctx, b.breakerOf(&takes[0]), func(ctx context.Context) ([]State, error) { return b.store.Take(ctx, takes) }, late)
	if err == nil && len(answer) != len(takes) {
		err = fmt.Errorf("ratelimit: %T answered %d takes with %d states", b.store, len(takes), len(answer))
	}
	return answer, err
}

// undo gives back takes that the store granted after the request was refused, allowed
// by FailOpen or counted by the fallback. Unless all is true, it is those of requests in
// flight.
func (b *backend) undo(ctx context.Context, takes []Take, states []State, all bool) {
	var taken []Taken
	for i := range takes {
		if len(states) != len(takes) || states[i].RetryAfter > 0 {
			return // nothing was taken
		}
		if all || takes[i].Call != "" {
			taken = append(taken, Taken{Take: takes[i], Stamp: states[i].Stamp})
		}
	}
	if len(taken) > 0 {
		_ = b.store.GiveBack(ctx, taken) // if this fails, the takes count until they expire
	}
}

// giveBack undoes takes.
func (b *backend) giveBack(ctx context.Context, taken []Taken) error {
	if b.memory != nil {
		return b.memory.GiveBack(ctx, taken)
	}
	hashed := make([]Taken, len(taken))
	for i, t := range taken {
		b.address(&t.Take) // as in the take
		hashed[i] = t
	}
	return b.giveBackHashed(ctx, hashed)
}

// giveBackHashed undoes takes of a Store, by their hashed keys.
func (b *backend) giveBackHashed(ctx context.Context, taken []Taken) error {
	_, err := call(ctx, b.breakerOf(&taken[0].Take), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, b.store.GiveBack(ctx, taken)
	}, nil)
	if err != nil {
		return guard.Unavailable(err)
	}
	return nil
}

// reset undoes all takes of the demands' keys, also in the fallback: it decides
// again when the store fails the next time.
func (b *backend) reset(ctx context.Context, demands []demand) error {
	taken := make([]Taken, len(demands))
	for i := range demands {
		taken[i] = Taken{Take: demands[i].take(), All: true}
	}
	err := b.giveBack(ctx, taken)
	if b.fallback != nil {
		err = errors.Join(err, b.fallback.giveBack(ctx, taken))
	}
	return err
}

// hashed returns demands as takes of a Store, which may retain them.
func (b *backend) hashed(demands []demand) []Take {
	takes := make([]Take, len(demands))
	for i := range demands {
		takes[i] = demands[i].take()
		b.address(&takes[i])
	}
	return takes
}

// address sets by what a store finds the count of t.
func (b *backend) address(t *Take) { t.Key, t.Fresh, t.Slot = b.hash(t.Key), b.fresh, b.slot }

// setSlot sets the slot of all takes, whose keys differ.
func (b *backend) setSlot(slot string) {
	if b.slot = slot; b.fallback != nil {
		b.fallback.setSlot(slot)
	}
}

// hash returns the key that a store sees. The key itself comes from the client
// and may be long, secret or personal.
func (b *backend) hash(key string) string {
	var sum [sha256.Size]byte
	if b.secret.IsZero() {
		sum = sha256.Sum256([]byte(key))
	} else {
		hmacstate.Append(b.secret, sum[:0], key)
	}
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// minSecret is a length in bytes that cannot be guessed.
const minSecret = 16
