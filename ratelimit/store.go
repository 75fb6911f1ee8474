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
// Options.Timeout. Its context goes on, until a second or twice the timeout is over: what
// it grants meanwhile is given back, and a connection that it opens is not lost. After five
// failures in a row they make no call for a second, and then up to 16 a second until
// one succeeds. Calls should return soon after their context ends: while 64 abandoned
// calls have not returned, there is one a second, and while 256 have not, one in 15
// seconds.
type Store interface {
	// Take takes all of takes, or none of them if one of their limits refuses. It
	// returns a State for each, in order: they are granted if no RetryAfter is
	// positive. A Cost of 0 takes nothing, and its RetryAfter is that of a Cost
	// of 1. No two takes have the same key and the same limit. Takes with different
	// keys have one Slot.
	Take(ctx context.Context, takes []Take) ([]State, error)

	// GiveBack undoes granted takes, each a single time. A take that has expired
	// or was evicted is ignored: it is not an error, and grants nothing.
	GiveBack(ctx context.Context, taken []Taken) error
}

// A ShardedStore is a Store of several servers, each of which may fail alone. The
// calls of each shard are abandoned and paused separately, so that takes of others go
// on.
type ShardedStore interface {
	Store
	// Shards returns the number of shards, from 1 to 256. It never changes.
	Shards() int
	// Shard returns the shard, from 0, that has the count of a take now. It does not
	// wait for a server. The takes of one call have the same.
	Shard(t *Take) int
}

// maxStoreShards is the maximum of ShardedStore.Shards. Each shard takes about 100 bytes.
const maxStoreShards = 256

// A Take requests Cost units of the count that Limit and Key name together: a
// key has a separate count for every name, window and algorithm, and for every
// period of a Calendar, by its Since and Until. A count survives a change of its quota
// or burst: what was taken under another quota counts as long as under its own, or up to
// a sixteenth of the window longer.
type Take struct {
	// Limit is valid, and has a name and a positive Quota.
	Limit Limit
	// Key is not empty. For a store other than *Memory it is a keyed hash of
	// the limiter's key: 22 letters of base64url.
	Key string
	// Cost is at most what the limit can ever grant in one take or, with Force,
	// 1<<30.
	Cost int
	// Force takes the units whatever the count is. The limit then refuses until less
	// than its quota counts. RetryAfter is 0. It is not for an InFlight limit.
	Force bool
	// Call names a take of an InFlight limit, and is empty for others. Its units count
	// until GiveBack gets the same Call, or for a Window. A take with the Call of one
	// that counts takes nothing more: it is granted, and counts for a Window from now.
	// *Memory ignores it: there units count until they are given back.
	Call string
	// Since and Until are the period of Limit.Calendar in which the take counts. They
	// are zero without a Calendar.
	Since, Until time.Time
	// Slot, if not empty, is the same for all takes that may be in one call though
	// their keys differ: a store of several servers has their counts on one of
	// them. GiveBack gets the same value as Take.
	Slot string
	// Fresh forbids an answer from a copy of the store's state, because another
	// process may reset the key. GiveBack gets the same value as Take. Without it,
	// a copy may be a second old.
	Fresh bool
}

// A State is the answer of a limit to a Take.
type State struct {
	// Remaining is how many units could be taken now, after the take.
	Remaining int
	// RetryAfter is positive if this limit refuses: it is how long from now until
	// it would grant the same take, if there are no other takes. When a request ends
	// is unknown: for an InFlight limit RetryAfter and Reset may be a second.
	RetryAfter time.Duration
	// Reset is how long from now until the last unit expires.
	Reset time.Duration
	// Stamp identifies, to the store, when the units were taken, for GiveBack.
	Stamp int64
}

// Taken is a granted Take to undo. Its Cost may be smaller than what was taken.
type Taken struct {
	Take
	// Stamp is that of the take's State.
	Stamp int64
	// All undoes every take of the key, regardless of Cost and Stamp.
	All bool
}
