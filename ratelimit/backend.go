package ratelimit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-guard/guard"
)

// A backend is a store with what protects requests from it.
type backend struct {
	memory   *Memory // the store, where it is one: nothing can fail or hang
	store    Store
	fresh    bool // Take.Fresh
	secret   []byte
	failure  Failure
	fallback *backend
	breaker  *breaker
}

func newBackend(o *Options, fresh bool) (*backend, error) {
	b := &backend{store: o.Store, fresh: fresh, failure: o.OnFailure, secret: append([]byte(nil), o.Secret...)}
	var errs []error
	if o.Secret != nil && len(o.Secret) < minSecret { // an unset variable is not nil
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
			b.fallback.secret = b.secret // which is checked once
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
	_, b.breaker.direct = b.store.(interface{ EndsByDeadline() })
	return b, errors.Join(errs...)
}

// take fills states. failure is why the store did not decide, where OnFailure
// did so instead; err is a request's refusal.
func (b *backend) take(ctx context.Context, wants []want, states []State) (failure, err error) {
	if b.memory != nil {
		b.memory.take(wants, states)
		return nil, nil
	}
	hashed := b.hashed(wants)
	got, err := call(ctx, b.breaker, func(ctx context.Context) ([]State, error) {
		return b.store.Take(ctx, hashed)
	}, func(ctx context.Context, late []State) { b.undo(ctx, hashed, late) })
	if err == nil && len(got) != len(wants) {
		err = fmt.Errorf("ratelimit: %T answered %d takes with %d states", b.store, len(wants), len(got))
	}
	if err == nil {
		copy(states, got)
		return nil, nil
	}
	switch b.failure.mode {
	case failOpen:
		for i := range states {
			states[i] = State{Remaining: wants[i].limit.capacity() - wants[i].cost}
		}
		return err, nil
	case fallBack:
		if _, err2 := b.fallback.take(ctx, wants, states); err2 != nil {
			return nil, guard.Unavailable(errors.Join(err, err2))
		}
		return err, nil
	}
	return nil, guard.Unavailable(err)
}

// undo gives back what the store granted after the request was refused or
// counted elsewhere.
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
	_ = b.store.GiveBack(ctx, taken) // it counts until it expires, then
}

// giveBack undoes takes.
func (b *backend) giveBack(ctx context.Context, taken []Taken) error {
	if b.memory != nil {
		return b.memory.GiveBack(ctx, taken)
	}
	hashed := make([]Taken, len(taken))
	for i, t := range taken {
		t.Key, t.Fresh = b.hash(t.Key), b.fresh // as it was taken: a store may tell keys apart by both
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

// forget undoes all takes of the wants' keys, those of the fallback too: it
// decides again when the store fails the next time.
func (b *backend) forget(ctx context.Context, wants []want) error {
	taken := make([]Taken, len(wants))
	for i := range wants {
		taken[i] = Taken{Take: wants[i].take(), All: true}
	}
	err := b.giveBack(ctx, taken)
	if b.fallback != nil {
		err = errors.Join(err, b.fallback.giveBack(ctx, taken))
	}
	return err
}

// hashed is wants as a Store gets them, for as long as it likes.
func (b *backend) hashed(wants []want) []Take {
	takes := make([]Take, len(wants))
	for i := range wants {
		takes[i] = wants[i].take()
		takes[i].Key, takes[i].Fresh = b.hash(wants[i].key), b.fresh
	}
	return takes
}

// hash keeps what clients sent, which may be long, secret or personal, out of
// stores.
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

// minSecret is the length in bytes that nobody finds out by trying.
const minSecret = 16

// defaultTimeout is when a store has failed.
const defaultTimeout = 50 * time.Millisecond
