package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// MemoryOptions holds what has a safe default.
type MemoryOptions struct {
	// MaxKeys is how many keys are remembered before any is forgotten. If 0,
	// 1<<20.
	MaxKeys int
	// DenyNewWhenFull refuses keys that are not known while the store is full,
	// in place of forgetting those who used least.
	DenyNewWhenFull bool
	// Now is the clock; if nil, time.Now.
	Now func() time.Time
}

// Memory is the Store of one process. It needs no goroutine.
type Memory struct {
	opts MemoryOptions
	mu   sync.Mutex
	logs map[logKey]*log
}

type logKey struct {
	limit Limit
	key   string
}

type log struct {
	stamps []int64 // expiries; Sliding
	tat    int64   // GCRA
}

// NewMemory returns an empty store.
func NewMemory(opts *MemoryOptions) (*Memory, error) {
	m := &Memory{logs: map[logKey]*log{}}
	if opts != nil {
		m.opts = *opts
	}
	if m.opts.MaxKeys < 0 {
		return nil, fmt.Errorf("ratelimit: MaxKeys %d is negative", m.opts.MaxKeys)
	}
	if m.opts.Now == nil {
		m.opts.Now = time.Now
	}
	return m, nil
}

// Take implements Store; it does not fail.
func (m *Memory) Take(_ context.Context, takes []Take) ([]State, error) {
	states := make([]State, len(takes))
	_, err := m.take(takes, states)
	return states, err
}

var errTake = errors.New("ratelimit: a take without a key, or of more than its limit grants")

func (m *Memory) take(takes []Take, states []State) (failure, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.opts.Now().UnixNano()
	ok := true
	for i := range takes {
		t := &takes[i]
		if t.Key == "" || t.Cost < 0 || t.Cost > t.Limit.capacity() {
			return nil, errTake
		}
		states[i] = m.log(t).state(&t.Limit, now, t.Cost)
		ok = ok && states[i].RetryAfter == 0
	}
	for i := range takes {
		if t := &takes[i]; ok && t.Cost > 0 {
			states[i] = m.log(t).take(&t.Limit, now, t.Cost)
		}
	}
	return nil, nil
}

func (m *Memory) log(t *Take) *log {
	k := logKey{t.Limit, t.Key}
	l, ok := m.logs[k]
	if !ok {
		l = &log{}
		m.logs[k] = l
	}
	return l
}

func (l *log) state(limit *Limit, now int64, cost int) State {
	ask := max(cost, 1)
	if limit.Algorithm == GCRA {
		room := int64(limit.capacity()) * limit.interval()
		wait := max(l.tat, now) + int64(ask)*limit.interval() - room - now
		left := (now + room - max(l.tat, now)) / limit.interval()
		return State{Remaining: int(left), RetryAfter: time.Duration(max(wait, 0)), Reset: time.Duration(max(l.tat-now, 0))}
	}
	for len(l.stamps) > 0 && l.stamps[0] <= now {
		l.stamps = l.stamps[1:]
	}
	s := State{Remaining: limit.Quota - len(l.stamps)}
	if n := len(l.stamps) + ask - limit.Quota; n > 0 {
		s.RetryAfter = time.Duration(l.stamps[n-1] - now)
	}
	if n := len(l.stamps); n > 0 {
		s.Reset = time.Duration(l.stamps[n-1] - now)
	}
	return s
}

func (l *log) take(limit *Limit, now int64, cost int) State {
	if limit.Algorithm == GCRA {
		l.tat = max(l.tat, now) + int64(cost)*limit.interval()
		s := l.state(limit, now, 0)
		s.RetryAfter, s.Stamp = 0, l.tat
		return s
	}
	at := now + int64(limit.Window)
	if n := len(l.stamps); n > 0 {
		at = max(at, l.stamps[n-1])
	}
	for range cost {
		l.stamps = append(l.stamps, at)
	}
	s := l.state(limit, now, 0)
	s.RetryAfter, s.Stamp = 0, at
	return s
}

// GiveBack implements Store; it does not fail.
func (m *Memory) GiveBack(_ context.Context, taken []Taken) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.opts.Now().UnixNano()
	for i := range taken {
		t := &taken[i]
		l := m.log(&t.Take)
		if t.All {
			*l = log{}
			continue
		}
		if t.Limit.Algorithm == GCRA {
			back := min(int64(t.Cost)*t.Limit.interval(), t.Stamp-now)
			if back > 0 && l.tat >= t.Stamp {
				l.tat -= back
			}
			continue
		}
		var kept []int64
		n := t.Cost
		for _, s := range l.stamps {
			if s == t.Stamp && n > 0 {
				n--
				continue
			}
			kept = append(kept, s)
		}
		l.stamps = kept
	}
	return nil
}
