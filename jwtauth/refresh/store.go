package refresh

import (
	"context"
	"time"
)

// A Store holds the token families of a [Refresher], one for each login. It
// holds no tokens and no digests of them, so a leaked store grants no access.
//
// Each method is one atomic step. Times are whole milliseconds. A store decides
// by the times in its arguments, never by its own clock, which may only serve to
// delete what has long expired. It must be safe for use by several goroutines. An
// error means that the store failed. Package refreshtest tests a Store.
type Store interface {
	// Start inserts a new family of generation 1, which was made at f.Started. A
	// store that limits the number of families, of one subject or in total, ends
	// others in the same step and returns their IDs.
	Start(ctx context.Context, f Family) (ended []string, err error)

	// Rotate uses the token of one generation of a family; see [Rotation].
	Rotate(ctx context.Context, r Rotation) (Result, error)

	// List returns the IDs of all families of a subject. It may include families
	// that have expired. A subject without families is not an error.
	List(ctx context.Context, subject string) (ids []string, err error)

	// Revoke ends families of a subject. A family that does not exist, or that
	// belongs to another subject, is not an error.
	Revoke(ctx context.Context, subject string, ids ...string) error
}

// A Family is one login, whose tokens succeed each other. It is identified by
// Subject and ID together. A subject is a UTF-8 text of 1 to 1024 bytes, which may
// include zero bytes. An ID is unique and has 22 to 32 letters of base64url.
type Family struct {
	Subject, ID string
	// Started is the current time. The family does not exist from Expires on.
	Started, Expires time.Time
}

// A Rotation is the use of the token of one generation of a family. With newest
// as the family's newest generation and made as the time when that was made, the
// first case that applies decides:
//
//	Now >= Expires or Now >= made + Idle               the family ends: FamilyUnknown
//	Generation >= newest                               newest = Generation + 1, made = Now: Rotated
//	Generation == newest-1 and |Now - made| < Grace    nothing changes: Repeated
//	otherwise                                          the family ends: Reused
//
// Now is before made if the clock of another process is ahead. Generation is
// above newest only if the store lost a step; the token is genuine.
type Rotation struct {
	Subject, ID string
	Generation  int64
	Now         time.Time
	// Grace and Idle are whole milliseconds. Grace may be 0.
	Grace, Idle time.Duration
}

// A Result is the result of a [Rotation].
type Result int

// The results of a Rotation. The zero value is a refusal.
const (
	FamilyUnknown Result = iota // the family never existed, has expired or has ended
	Rotated                     // the token was the newest, and is used now
	Repeated                    // the token was used within the grace period, and its successor was not
	Reused                      // the token was used before: someone else has it, too
)
