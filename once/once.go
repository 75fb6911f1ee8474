// Package once allows an event a single time: the use of a nonce or of a token's jti,
// the work for a message, the step of a one-time code. Other packages of guard take a
// [Store]; an application can use one directly.
//
//	store := guard.Must(once.NewMemory(nil)) // several processes: stores.Once() of redisstore or sqlstore
//	first, err := store.Take(ctx, once.Key("invitation", id), expires)
//	if err != nil {
//		return guard.Unavailable(err) // whether it is the first is unknown
//	}
//	if !first {
//		return errUsed
//	}
//
// For work that may fail and be repeated, use a lease: Acquire before it, Commit when
// it is done, Release if it failed.
package once

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A Store remembers keys. Each method is atomic over all processes that share the
// store, and one round trip. An error means that the store failed, and that whether
// the key is remembered is unknown: the caller refuses, as a failure (503).
//
// One purpose uses a key with Take alone, with leases alone or with Advance alone; the
// others treat it as done. Times are by the caller's clock; since those of processes
// differ, a store remembers a key for [Slack] longer. A full store fails with
// [ErrFull], and forgets nothing before its time. It must be safe for use by several
// goroutines. Package oncetest tests an implementation.
type Store interface {
	// Take remembers the key until the given time. first is true for one caller, and
	// false for each other one until then. If until is past, first is false: nothing
	// would remember the key.
	Take(ctx context.Context, key [32]byte, until time.Time) (first bool, err error)

	// Acquire begins work that can fail. If the state is First, the caller has the
	// lease for the given time, and ends it by Commit or Release. A lease has no Slack:
	// make it longer than the work takes and the clocks differ. One that is not positive
	// is an error.
	Acquire(ctx context.Context, key [32]byte, lease time.Duration) (Lease, State, error)

	// Commit ends a lease: the work is done, and Acquire says so until the given time. A
	// lease that ran out is committed as well, unless another one since is under way or
	// was committed: then the error is ErrLost. A Commit may be repeated.
	Commit(ctx context.Context, l Lease, until time.Time) error

	// Release ends a lease: the work failed, and the next caller may try. It does
	// nothing if the lease is lost or was committed.
	Release(ctx context.Context, l Lease) error

	// Advance remembers step until the given time. ok is true if step is larger than the
	// one that is remembered, or if none is. A negative step is an error. If until is
	// past, ok is false.
	Advance(ctx context.Context, key [32]byte, step int64, until time.Time) (ok bool, err error)
}

// Slack is how much longer than its time a store remembers a key.
const Slack = time.Minute

var (
	// ErrFull is the error of a store that has no room for another key.
	ErrFull = errors.New("once: the store is full")
	// ErrLost is the error of a Commit whose lease ran out and was acquired by another
	// caller: the work may have been done twice.
	ErrLost = errors.New("once: the lease ran out, and another caller acquired it")
)

// A Lease is the right to do the work of a key.
type Lease struct {
	Key    [32]byte
	Holder [12]byte // random; names this lease among those of the key
}

// A State is what Acquire found.
type State int

// The states. The zero value allows nothing.
const (
	Busy  State = iota // another caller has the lease
	First              // the caller has the lease
	Done               // the work was done
)

// String returns "busy", "first" or "done".
func (s State) String() string {
	switch s {
	case Busy:
		return "busy"
	case First:
		return "first"
	case Done:
		return "done"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// Key returns the key for a purpose and its parts, such as an ID: their SHA-256, each
// with its length. Different purposes, or different lists of parts, have different keys.
func Key(purpose string, parts ...string) [32]byte {
	var stackBuffer [256]byte // avoids a heap allocation for most keys
	b := appendPart(stackBuffer[:0], purpose)
	for _, part := range parts {
		b = appendPart(b, part)
	}
	return sha256.Sum256(b)
}

func appendPart(b []byte, part string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}
