package ratelimit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-guard/guard"
)

// A backend is a store with the timeout, breaker and fallback that protect
// requests from it.
type backend struct {
	memory   *Memory // the store, if it is one: it never fails or hangs
	store    Store
	fresh    bool // Take.Fresh
	secret   []byte
	failure  Failure
	fallback *backend
	breaker  *breaker
	outage   outage
}

func newBackend(o *Options, fresh bool) (*backend, error) {
	b := &backend{store: o.Store, fresh: fresh, failure: o.OnFailure, secret: append([]byte(nil), o.Secret...)}
	var errs []error
	if o.Secret != nil && len(o.Secret) < minSecret { // an unset environment variable is empty, not nil
		errs = append(errs, fmt.Errorf("ratelimit: a Secret of %d bytes: at least %d are needed", len(o.Secret), minSecret))
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("ratelimit: timeout %v is negative", o.Timeout))
	}
	if o.OnFailure.mode == fallBack {
		if o.OnFailure.fallback == nil {
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
	if m, ok := b.store.(*Memory); ok {
		if b.memory = m; m == nil {
			errs = append(errs, errors.New("ratelimit: the store is a nil *Memory"))
		}
	}
	b.breaker = newBreaker(o.Timeout, o.Now)
	_, b.breaker.endsByDeadline = b.store.(DeadlineStore)
	return b, errors.Join(errs...)
}

// take fills states. from is the store, or OnFailure in its place; err refuses
// the request.
func (b *backend) take(ctx context.Context, demands []demand, states []State) (from source, err error) {
	if b.memory != nil {
		b.memory.take(demands, states)
		return source{}, nil
	}
	hashed := b.hashed(demands)
	answer, err := call(ctx, b.breaker, func(ctx context.Context) ([]State, error) {
		return b.store.Take(ctx, hashed)
	}, func(ctx context.Context, late []State) { b.undo(ctx, hashed, late) })
	if err == nil && len(answer) != len(demands) {
		err = fmt.Errorf("ratelimit: %T answered %d takes with %d states", b.store, len(demands), len(answer))
	}
	if err == nil {
		copy(states, answer)
		return source{}, nil
	}
	from = source{failure: err, begins: b.outage.failed(b.breaker.now())}
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

// undo gives back takes that the store granted after the request was refused or
// counted by the fallback.
func (b *backend) undo(ctx context.Context, takes []Take, states []State) {
	if b.failure.mode == failOpen && !b.fresh || len(states) != len(takes) {
		return
	}
	taken := make([]Taken, len(takes))
	for i := range takes {
		if states[i].RetryAfter > 0 {
			return // nothing was taken
		}
		taken[i] = Taken{Take: takes[i], Stamp: states[i].Stamp}
	}
	_ = b.store.GiveBack(ctx, taken) // if this fails, the takes count until they expire
}

// giveBack undoes takes.
func (b *backend) giveBack(ctx context.Context, taken []Taken) error {
	if b.memory != nil {
		return b.memory.GiveBack(ctx, taken)
	}
	hashed := make([]Taken, len(taken))
	for i, t := range taken {
		t.Key, t.Fresh = b.hash(t.Key), b.fresh // as in the take: a store may distinguish keys by both
		hashed[i] = t
	}
	_, err := call(ctx, b.breaker, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, b.store.GiveBack(ctx, hashed)
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
		takes[i].Key, takes[i].Fresh = b.hash(demands[i].key), b.fresh
	}
	return takes
}

// hash returns the key that a store sees. The key itself comes from the client
// and may be long, secret or personal.
func (b *backend) hash(key string) string {
	var sum [sha256.Size]byte
	if len(b.secret) == 0 {
		sum = sha256.Sum256([]byte(key))
	} else {
		sum = b.mac(key)
	}
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (b *backend) mac(key string) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, b.secret)
	m.Write([]byte(key))
	m.Sum(sum[:0])
	return sum
}

// minSecret is a length in bytes that cannot be guessed.
const minSecret = 16
