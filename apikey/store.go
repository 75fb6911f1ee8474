package apikey

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrFull is returned by Insert where a store is at its capacity. [Ring.Issue]
	// returns it wrapped, and guard.Refuse answers it with 503.
	ErrFull = errors.New("apikey: the store is full")

	// ErrTooMany is returned by Insert where a subject has its maximum of valid keys.
	// [Ring.Issue] returns it in a *guard.Error of 409 with the code too_many_keys.
	ErrTooMany = errors.New("apikey: the subject has its maximum of valid keys")
)

// A Rotation replaces the key of a record.
type Rotation struct {
	From, To Digest // the entry's Digest, before and after
	Last4    string
	At       time.Time     // becomes RotatedAt
	Previous []PreviousKey // becomes that of the entry: at most two
}

// A Position is a record's place in the list of all: by CreatedAt and then by ID, the
// largest first. The zero Position is before the first.
type Position struct {
	CreatedAt time.Time
	ID        string
}

// A Store holds entries. Each method is one atomic step. Absence is not an
// error: an error means that the store itself failed, and is answered with 503.
// All strings are UTF-8, and all times UTC with a precision of a millisecond;
// zero times stay zero. No method takes longer because other subjects have keys.
//
// A Store may forget an entry from its ForgetAfter on, and must not retain it for
// much longer. It never removes an entry that has not ended.
//
// Several rings may share a Store. IDs are unique among all of them, and each has its
// own lists and maxima: a Store keeps them apart by Record.Ring, which has 4 to 33
// bytes of lower-case letters, digits and "_". Where a client library
// sends a command again, after its answer was lost, the second changes nothing and
// has the result of the first; only Spend may count twice.
//
// Package apikeytest holds the tests that every Store passes.
type Store interface {
	// Insert adds an entry. Where its ID is taken nothing changes, and inserted
	// is false. If the subject has maxPerSubject entries of the ring that have not ended,
	// it is [ErrTooMany]; if it has as many with those that have, the one that ended first
	// is removed. A store at its capacity removes the one that ended first of all, or
	// returns [ErrFull].
	Insert(ctx context.Context, e Entry, maxPerSubject int) (inserted bool, err error)

	// Load returns the entry under id, one that has ended too. The caller must not
	// change it, and the store must not change an entry it returned.
	Load(ctx context.Context, id string) (e *Entry, found bool, err error)

	// Rotate replaces the digest of the entry under id and sets InUse to false. Where
	// there is no such entry, it is revoked or its Digest is not r.From, nothing
	// changes, and rotated is false.
	Rotate(ctx context.Context, id string, r Rotation) (rotated bool, err error)

	// Update sets Name, Scopes, Networks, NotBefore, ExpiresAt, MaxUses and Metadata of
	// the entry under rec.ID to those of rec, and adds 1 to its Revision. Where there
	// is no such entry, it is revoked, has another Revision, or has been used as often
	// as its MaxUses or that of rec allows, nothing changes, and updated is false.
	Update(ctx context.Context, rec Record, revision int64) (updated bool, err error)

	// Revoke sets RevokedAt, unless it is set already. found is false where
	// there is no such entry.
	Revoke(ctx context.Context, id string, at time.Time) (found bool, err error)

	// Used sets LastUsedAt, unless it is set to a later time already, and InUse if key
	// is the entry's Digest. An unknown id is not an error, and is not inserted.
	Used(ctx context.Context, id string, key Digest, at time.Time) error

	// Spend adds 1 to Uses of the entry under rec.ID and does what Used does. rec is
	// as Load returned it. Where there is no such entry, it is revoked or its Uses
	// have reached its MaxUses, nothing changes, and spent is false.
	Spend(ctx context.Context, rec *Record, key Digest, at time.Time) (spent bool, err error)

	// List returns all records of a ring and a subject, in the order of Position.
	List(ctx context.Context, ring, subject string) ([]Record, error)

	// ListAll returns at most limit records of all subjects of a ring, those after a
	// Position, and from where to go on. next is zero where there are no more. The list may be
	// shorter than limit, even empty, where next is not.
	ListAll(ctx context.Context, ring string, after Position, limit int) (list []Record, next Position, err error)
}
