package redisstore

import (
	"sync"
	"time"

	"github.com/go-guard/guard/ratelimit"
)

// maxRefusals bounds what refused clients can make a process remember.
const maxRefusals = 8192

// refusals are the keys that Redis refused, until when it would go on to.
type refusals struct {
	now func() time.Time

	mu        sync.Mutex
	all       map[refusalKey]refusal
	forgotten uint64 // how often something was
}

type refusalKey struct {
	limit ratelimit.Limit
	key   string
}

type refusal struct {
	at    time.Time
	until time.Time
	cost  int
	state ratelimit.State
}

func newRefusals(now func() time.Time) *refusals {
	return &refusals{now: now, all: map[refusalKey]refusal{}}
}

// cacheable: a decision of several limits is Redis's alone, since what the
// others have left is not known here.
func cacheable(takes []ratelimit.Take) bool {
	return len(takes) == 1 && !takes[0].Fresh && takes[0].Cost > 0
}

// find is the answer to the same take as one that was refused. age is for note,
// where there is none.
func (r *refusals) find(takes []ratelimit.Take) (states []ratelimit.State, age uint64, ok bool) {
	if !cacheable(takes) {
		return nil, 0, false
	}
	k := refusalKey{takes[0].Limit, takes[0].Key}
	r.mu.Lock()
	defer r.mu.Unlock()
	f, known := r.all[k]
	if !known || takes[0].Cost != f.cost {
		return nil, r.forgotten, false
	}
	now := r.now()
	if !now.Before(f.until) || now.Before(f.at) {
		delete(r.all, k)
		return nil, r.forgotten, false
	}
	since := now.Sub(f.at)
	s := f.state
	s.RetryAfter -= since
	s.Reset -= since
	return []ratelimit.State{s}, 0, true
}

// note remembers a refusal, unless something was forgotten since it was asked
// for: it may have been answered before that was given back.
func (r *refusals) note(takes []ratelimit.Take, states []ratelimit.State, age uint64) {
	if !cacheable(takes) || states[0].RetryAfter <= 0 {
		return
	}
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgotten != age {
		return
	}
	looked := 0
	for k, f := range r.all { // some two: what is over goes, and when full any
		if !now.Before(f.until) || len(r.all) >= maxRefusals {
			delete(r.all, k)
		}
		if looked++; looked == 2 {
			break
		}
	}
	r.all[refusalKey{takes[0].Limit, takes[0].Key}] = refusal{now, now.Add(states[0].RetryAfter), takes[0].Cost, states[0]}
}

func (r *refusals) forget(t *ratelimit.Take) {
	if t.Fresh {
		return // nothing is remembered of it
	}
	r.mu.Lock()
	delete(r.all, refusalKey{t.Limit, t.Key})
	r.forgotten++
	r.mu.Unlock()
}
