package ratelimit

import (
	"context"
	"time"
)

// A Store counts takes. Each call is one atomic step in one round trip, by the
// store's own clock. An error means that the store failed. A store must be safe
// for use by several goroutines. Package ratelimittest tests one.
//
// A store may be slow or down: the limiters of this package abandon a call after
// Options.Timeout, and pause between calls to a store that keeps failing. They
// make each call in a new goroutine, unless the store is a [DeadlineStore].
type Store interface {
	// Take takes all of takes, or none of them if one of their limits refuses. It
	// returns a State for each, in order: they are granted if no RetryAfter is
	// positive. A Cost of 0 takes nothing, and its RetryAfter is that of a Cost
	// of 1. No two takes have the same key and the same limit.
	Take(ctx context.Context, takes []Take) ([]State, error)

	// GiveBack undoes granted takes, each a single time. A take that has expired
	// or was evicted is ignored: it is not an error, and grants nothing.
	GiveBack(ctx context.Context, taken []Taken) error
}

// A DeadlineStore is a Store whose calls always return by the deadline of their
// context, whatever happens. It is called without a goroutine in between.
type DeadlineStore interface {
	Store
	// EndsByDeadline does nothing. It marks the type.
	EndsByDeadline()
}

// A Take requests Cost units of the count that Limit and Key name together: a
// key has a separate count for every name, algorithm, quota, burst and window.
type Take struct {
	// Limit is valid and has a name.
	Limit Limit
	// Key is not empty. For a store other than *Memory it is a keyed hash of
	// the limiter's key: 22 letters of base64url.
	Key string
	// Cost is at most what the limit can ever grant in one take.
	Cost int
	// Fresh forbids an answer from a copy of the store's state, because another
	// process may reset the key. GiveBack gets the same value as Take.
	Fresh bool
}

// A State is the answer of a limit to a Take.
type State struct {
	// Remaining is how many units could be taken now, after the take.
	Remaining int
	// RetryAfter is positive if this limit refuses: it is how long from now until
	// it would grant the same take, if there are no other takes.
	RetryAfter time.Duration
	// Reset is how long from now until the last unit expires.
	Reset time.Duration
	// Stamp identifies, to the store, when the units were taken, for GiveBack.
	Stamp int64
}

// Taken is a granted Take to undo.
type Taken struct {
	Take
	// Stamp is that of the take's State.
	Stamp int64
	// All undoes every take of the key, regardless of Cost and Stamp.
	All bool
}
