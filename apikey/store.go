package apikey

import (
	"context"
	"errors"
	"time"
)

// ErrFull is returned by Insert where a store is at its capacity, in all or for
// the subject. A store never removes a valid key for a new one. [Ring.Issue]
// returns it wrapped, and guard.Refuse answers it with 503.
var ErrFull = errors.New("apikey: the store is full")

// A Rotation replaces the key of a record.
type Rotation struct {
	From, To Digest // the entry's Digest, before and after
	Last4    string
	At       time.Time // becomes RotatedAt
	Until    time.Time // becomes PreviousUntil, with From as Previous
}

// A Store holds entries. Each method is one atomic step. Absence is not an
// error: an error means that the store itself failed, and is answered with 503.
// All strings are UTF-8, and all times UTC with a precision of a millisecond;
// zero times stay zero.
//
// A Store may forget an entry from its ForgetAfter on, and must not retain it for
// much longer. Package apikeytest holds the tests that every Store passes.
type Store interface {
	// Insert adds an entry. Where its ID is taken nothing changes, and inserted
	// is false. A store at its capacity returns [ErrFull].
	Insert(ctx context.Context, e Entry) (inserted bool, err error)

	// Load returns the entry under id, a revoked or expired one too. The caller
	// must not change it, and the store must not change an entry it returned.
	Load(ctx context.Context, id string) (e *Entry, found bool, err error)

	// Rotate replaces the digest of the entry under id. Where there is no such
	// entry, it is revoked or its Digest is not r.From, nothing changes, and
	// rotated is false.
	Rotate(ctx context.Context, id string, r Rotation) (rotated bool, err error)

	// Revoke sets RevokedAt, unless it is set already. found is false where
	// there is no such entry.
	Revoke(ctx context.Context, id string, at time.Time) (found bool, err error)

	// Used sets LastUsedAt, unless it is set to a later time already. An unknown
	// id is not an error, and is not inserted.
	Used(ctx context.Context, id string, at time.Time) error

	// List returns all records of a subject, by CreatedAt, the newest first.
	List(ctx context.Context, subject string) ([]Record, error)
}
