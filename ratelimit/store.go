package ratelimit

import (
	"context"
	"time"
)

// A Store keeps what was taken. Each call is one atomic step, in one round
// trip, by one clock: the store's own. An error means that the store failed.
//
// A store need not be quick, bounded in time or up: the limits of this package
// give a call up after Options.Timeout and leave a dead store alone for a
// while. One whose calls always end by their context's deadline says so with a
// method EndsByDeadline(), and is called without a goroutine in between. It must
// be safe for use by several goroutines. Package ratelimittest
// tests one.
type Store interface {
	// Take takes every one of takes, or none of them if one of their limits
	// refuses. It answers with one State each, in order; the takes were granted
	// if no RetryAfter is positive. A Cost of 0 asks and takes nothing; its
	// RetryAfter is that of a Cost of 1. No two takes name the same key of the
	// same limit.
	Take(ctx context.Context, takes []Take) ([]State, error)

	// GiveBack undoes granted takes, each once. What has expired since or was
	// forgotten is no error, and grants nothing.
	GiveBack(ctx context.Context, taken []Taken) error
}

// A Take asks for Cost units of the count that Limit and Key name together:
// the same key has a count of its own for every name, algorithm, quota, burst
// and window.
type Take struct {
	// Limit is valid and has a name.
	Limit Limit
	// Key is not empty. For a store other than *Memory it is a keyed hash of
	// the limiter's key: 22 letters of base64url.
	Key string
	// Cost is at most what the limit can ever grant at once.
	Cost int
	// Fresh forbids an answer from a copy of the store's state: the key may be
	// reset from elsewhere. GiveBack gets it as Take did.
	Fresh bool
}

// A State is what a limit has to say about a Take.
type State struct {
	// Remaining is what could be taken now, after the take.
	Remaining int
	// RetryAfter is positive where this limit refuses: how long from now until
	// it would grant the same take, if nobody else takes.
	RetryAfter time.Duration
	// Reset is how long from now until nothing counts any more.
	Reset time.Duration
	// Stamp is the store's name for when it was taken, for GiveBack.
	Stamp int64
}

// Taken is a granted Take to undo.
type Taken struct {
	Take
	// Stamp is that of the take's State.
	Stamp int64
	// All forgets everything that was taken under the key, whatever Cost and
	// Stamp are.
	All bool
}
