package jwtauth

import (
	"context"
	"time"
)

// A RefreshStore keeps the families of a [Refresher]: one for each login. What
// it holds lets nobody in: tokens are not kept, not even as digests. Each
// method is one atomic step. Times are whole milliseconds; a store judges them
// by what it is given, never by its own clock, which may only serve to clean
// up what has long expired. It must be safe for use by several goroutines; an
// error means that the store failed. Package refreshtest tests one.
type RefreshStore interface {
	// Start keeps a new family, whose generation is 1 and was made at
	// f.Started. A store that bounds the families of a subject, or all of
	// them, ends others for it, and returns their ids.
	Start(ctx context.Context, f Family) (ended []string, err error)

	// Rotate uses a token of a family, and says what came of it; see
	// [Rotation].
	Rotate(ctx context.Context, r Rotation) (RotationResult, error)

	// Families returns the ids of all families of a subject. Some may be ones
	// that have expired.
	Families(ctx context.Context, subject string) (ids []string, err error)

	// Revoke ends families of a subject. One that is not there is no error.
	Revoke(ctx context.Context, subject string, ids ...string) error
}

// A Family is one login: the tokens that follow from it. Subject and ID
// together are its key. A subject is any UTF-8 text of 1 to 1024 bytes, zeros
// included; an id is 22 to 32 letters of base64url, and unique.
type Family struct {
	Subject, ID string
	// Started is now. From Expires on, the family is not there any more.
	Started, Expires time.Time
}

// A Rotation is the use of the token of one generation of a family. Where the
// family has expired (not Now < Expires) or is idle (not Now < made + Idle,
// made being when its newest generation was), there is none: FamilyUnknown.
// Otherwise, g being the newest generation:
//
//	Generation >= g                                g becomes Generation + 1, made Now: Rotated
//	Generation == g-1 and |Now - made| < Grace     nothing changes: Repeated
//	otherwise                                      the family ends: Reused
//
// Where a clock is behind that made the generation, Now is before made. That a
// generation is above g happens only where the store has lost a step;
// its token is genuine.
type Rotation struct {
	Subject, ID string
	Generation  int64
	Now         time.Time
	Grace, Idle time.Duration // of whole milliseconds; Grace may be 0
}

// A RotationResult is what came of a Rotation.
type RotationResult int

// The results of a Rotation. The zero value refuses.
const (
	FamilyUnknown RotationResult = iota // never was, has expired, or was ended
	Rotated                             // the token was the newest; it is used now
	Repeated                            // it was used a moment ago, and its successor was not
	Reused                              // it was used long ago: somebody else has it, too
)
