package refresh

import (
	"sync"
	"time"
)

// unanswered remembers, for at least MaxGrace, the tokens whose rotation failed in
// the Store: the Store may have used them, and the clients do not have their
// successors. Of more than maxUnanswered, the latest are remembered. The zero value
// is empty.
type unanswered struct {
	mu           sync.Mutex
	newer, older map[use]struct{}
	since        time.Time // of newer
}

// A use is that of one token.
type use struct {
	family     [16]byte
	generation uint32
}

const maxUnanswered = 4096

// add remembers the use of a token.
func (u *unanswered) add(t token, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if age := now.Sub(u.since).Abs(); age >= MaxGrace || len(u.newer) >= maxUnanswered/2 {
		if u.older = u.newer; age >= 2*MaxGrace {
			u.older = nil
		}
		u.newer, u.since = map[use]struct{}{}, now
	}
	u.newer[use{t.id, t.generation}] = struct{}{}
}

// has reports whether the use of a token is remembered. It may be for longer than
// MaxGrace, which only the Store measures, from the first use.
func (u *unanswered) has(t token) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, inNewer := u.newer[use{t.id, t.generation}]
	_, inOlder := u.older[use{t.id, t.generation}]
	return inNewer || inOlder
}
