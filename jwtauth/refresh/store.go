package refresh

import (
	"context"
	"errors"
	"time"
)

// ErrEnded is returned by [Store].Start for a family whose Ref has ended: the login is
// refused with 401.
var ErrEnded = errors.New("refresh: the Ref of the login has ended")

// A Store holds the token families of a [Refresher], one for each login. It
// holds no tokens and no digests of them, so a leaked store grants no access.
//
// Each method is one atomic step. Times are whole milliseconds. A store decides
// by the times in its arguments, never by its own clock, which may only serve to
// delete what has long expired. It must be safe for use by several goroutines. An
// error means that the store failed. Package refreshtest tests a Store.
//
// A family that has ended stays listed until the ListedUntil of the step that ended
// it: by then its access tokens, whose denial may have failed, have expired. It
// has no Login, no token of it is accepted, and it does not count as a family
// where a store limits their number. A store may limit the number of ended
// families, too: of a subject it keeps at least the newest 100. Its Ref stays with it.
type Store interface {
	// Start inserts a new family of generation 1, which was made at f.Started. A
	// store that limits the number of families, of one subject or in total, ends
	// others in the same step and returns them: Subject and ID are enough.
	//
	// It is ErrEnded, and inserts nothing, if RevokeRef ended f.Ref until a time that is
	// after f.Started, for all subjects or for f.Subject. It may have ended others even so.
	Start(ctx context.Context, f Family) (ended []Family, err error)

	// Load returns the Login of a family. found is false if the family does not
	// exist or has ended. It need not be if the family has expired.
	Load(ctx context.Context, subject, id string) (login string, found bool, err error)

	// Rotate uses the token of one generation of a family; see [Rotation].
	Rotate(ctx context.Context, r Rotation) (Result, error)

	// List returns the IDs of all families of a subject, also of those that have
	// ended. It may include families that have expired. A subject without families
	// is not an error.
	List(ctx context.Context, subject string) (ids []string, err error)

	// Revoke ends families of a subject. A family that does not exist, has ended,
	// or belongs to another subject is not an error and not changed.
	Revoke(ctx context.Context, subject string, listedUntil time.Time, ids ...string) error

	// RevokeRef ends the families with a Ref, and refuses new ones; see [RefRevocation].
	// listed are all that are listed, also those that had ended before: Subject and ID are
	// enough. It may include families that have expired. ended is how many it ended. With
	// an error, listed is what it has ended so far.
	RevokeRef(ctx context.Context, r RefRevocation) (listed []Family, ended int, err error)
}

// A RefRevocation is the end of a Ref: that of a login at another system, from which
// families began.
type RefRevocation struct {
	// Ref is not empty. If Subject is not empty, only its families end, and only for it
	// Start is refused.
	Ref, Subject string
	// Now is the current time, and Start is refused before Until.
	Now, Until time.Time
	// ListedUntil is until when the families stay listed that end.
	ListedUntil time.Time
}

// A Family is one login, whose tokens succeed each other. It is identified by
// Subject and ID together.
type Family struct {
	// Subject is opaque to a store: a UTF-8 text of 1 to MaxStoreSubject bytes, which may
	// include zero bytes. A Refresher writes 16 letters of base64url, a digest of
	// its Issuer's name, type and audience, and then the subject.
	Subject string
	// ID is unique and has 22 to 32 letters of base64url.
	ID string
	// Started is the current time. The family does not exist from Expires on.
	Started, Expires time.Time
	// Login is opaque to a store: a UTF-8 text of at most MaxLogin bytes, often
	// none. It never changes.
	Login string
	// Ref is opaque to a store, and what RevokeRef finds the family by: at most
	// MaxStoreRef bytes, often none. It never changes. A Refresher writes the 16 letters
	// of Subject, and then StartOptions.Ref.
	Ref string
	// ListedUntil is until when the families stay listed that Start ends.
	ListedUntil time.Time
}

// Bounds of what a [Store] receives, in bytes.
const (
	MaxStoreSubject = scopeSize + maxSubject
	MaxStoreRef     = scopeSize + maxRef
	MaxLogin        = 4 << 10 // also of StartOptions.Login as JSON
)

// A Rotation is the use of the token of one generation of a family. With newest
// as the family's newest generation, and made(n) as the time when generation n was
// made, which is when its predecessor was first used, the first case that applies
// decides:
//
//	the family has ended                                  nothing changes: FamilyUnknown
//	Now >= Expires or Now >= made(newest) + Idle          the family ends: FamilyUnknown
//	Generation >= newest                                  newest = Generation + 1, made(newest) = Now: Rotated
//	|Now - made(Generation + 1)| < Grace                  nothing changes: Repeated if Generation + 1 is newest, or else Superseded
//	otherwise                                             the family ends: Reused
//
// A store has to know made(n) of the newest generation. When that is replaced, made(n)
// of it and of up to 14 before it are kept if Generation == newest and
// |Now - made(newest)| < Grace; otherwise they are all dropped, and a use of
// their predecessors is Reused.
//
// Now is before made if the clock of another process is ahead. Generation is
// above newest only if the store lost a step; the token is genuine.
type Rotation struct {
	Subject, ID string
	Generation  int64
	Now         time.Time
	// Grace and Idle are whole milliseconds. Grace may be 0.
	Grace, Idle time.Duration
	// ListedUntil is until when the family stays listed if it ends.
	ListedUntil time.Time
}

// A Result is the result of a [Rotation].
type Result int

// The results of a Rotation. The zero value is a refusal.
const (
	FamilyUnknown Result = iota // the family never existed, has expired or has ended
	Rotated                     // the token was the newest, and is used now
	Repeated                    // the token was used within the grace period, and its successor was not
	Superseded                  // the token was used within the grace period, and so was its successor
	Reused                      // the token was used before: someone else has it, too
)
