package session

import (
	"context"
	"encoding/base64"
	"errors"
	"time"
)

// Grace is how long a store keeps a record past its deadline, so that clients
// read "Session expired" rather than "Invalid session".
const Grace = time.Hour

// Forward is how long Delete finds a record under the key that it had before a
// rotation.
const Forward = 10 * time.Second

// AnyEpoch makes an Insert ignore the subject's epoch. It is for stores: a login without
// [AtEpoch], such as after a sign-up, ignores the epoch.
const AnyEpoch = -1

var (
	// ErrFull is returned by Insert if the store is full: new logins are refused with
	// 503. A full store evicts no other subject's session.
	ErrFull = errors.New("session: the store is full")
	// ErrEnded is returned by Insert if the subject's epoch is another, or if the
	// record's Ref has ended: the login is refused with 401.
	ErrEnded = errors.New("session: what the login relies on has ended")
)

// A Key is what a store knows of a token: a copy of the store lets no one sign in.
// Its first 8 bytes are those of the SHA-256 of the subject, so that a store with
// several locks or nodes can keep the sessions of a subject in one place. The others
// are those of the SHA-256 of the token.
type Key [32]byte

// An ID names a session in lists and logs. It stays the same when the token
// changes. It is no credential.
type ID [12]byte

// String returns the ID in 16 characters of base64url.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// parseID parses the result of [ID.String].
func parseID(s string) (id ID, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(id) || len(s) != 16 { // DecodeString skips line breaks
		return id, false
	}
	return ID(b), true
}

// A Record is a session as a store keeps it. Times have a precision of a
// millisecond.
type Record struct {
	Key Key
	ID  ID
	// Subject has 1 to 255 bytes. Those of guests begin with a zero byte,
	// those of half sign-ins with a byte of 1.
	Subject string
	// Data is JSON of the application, which stores do not read and must not log.
	Data string
	// Login has 0 to 255 bytes: how the subject signed in. Only the manager reads it, and
	// it never changes.
	Login string
	// Ref has 0 to 255 bytes: what DeleteRef finds the record by. It never changes.
	Ref string
	// Device has 0 to 255 bytes: the key of the device that the session is bound to. Only
	// the manager reads it. A store that is no [DeviceStore] need not keep it.
	Device string
	// DeviceStep is when the device's last refresh was challenged, in Unix milliseconds. It
	// is 0 without a Device.
	DeviceStep int64
	// Created is when the subject authenticated.
	Created  time.Time
	LastSeen time.Time
	// Deadline is when the session ends unless it is touched. The store keeps the
	// record for Grace longer; the manager decides whether the session has ended.
	Deadline time.Time
	// Revision is 1 for a new record and grows with every change of Data.
	Revision int64
}

// A Store keeps sessions. It must be safe for use by several goroutines and
// processes. Each method is one atomic step. A missing record is not an error; an
// error means that the store itself failed. Only Insert creates: no other method
// may bring back a deleted record, whatever runs at the same time.
//
// A subject has an epoch: 0 at first, and larger after every DeleteAll. It may
// be forgotten after a year, and grow by itself. A login reads it before it
// verifies a password, so that Insert refuses what was under way when all logins
// were ended.
//
// Package sessiontest checks all of this.
type Store interface {
	// Insert adds rec. It is an error if the key exists. It is ErrFull if the store
	// is full, and ErrEnded if epoch is neither AnyEpoch nor that of the subject, or
	// if DeleteRef ended rec.Ref within Grace, for all subjects or for rec.Subject.
	Insert(ctx context.Context, rec Record, epoch int64) error

	// Load returns the record under key. found is false if there is none, or if
	// its deadline was more than Grace ago.
	Load(ctx context.Context, key Key) (rec Record, found bool, err error)

	// Touch sets LastSeen and Deadline of the record under key if its LastSeen
	// is before seen and its Deadline is after seen. Otherwise, and if there is
	// none, it does nothing, which is not an error.
	Touch(ctx context.Context, key Key, seen, deadline time.Time) error

	// Update sets Data of the record under key and adds 1 to its Revision, if it
	// has this revision. updated is false if it has another, or if there is none.
	Update(ctx context.Context, key Key, revision int64, data string) (updated bool, err error)

	// Rotate moves the record under from to the key to and changes nothing else.
	// rotated is false if there is none. Both keys are of one subject. It is an error
	// if the key to exists. For the time of Forward, Delete finds the record under
	// from, too, also if it is rotated again; nothing else does.
	Rotate(ctx context.Context, from, to Key) (rotated bool, err error)

	// Delete removes the record under key, or the one that was rotated away from key
	// within Forward. deleted is false if there is none.
	Delete(ctx context.Context, key Key) (deleted bool, err error)

	// List returns the records of a subject in any order. It may include some
	// that are past their deadline.
	List(ctx context.Context, subject string) ([]Record, error)

	// DeleteAll raises the epoch of a subject, removes its records except those with
	// an ID in keep, and returns how many it removed.
	DeleteAll(ctx context.Context, subject string, keep []ID) (deleted int, err error)

	// DeleteRef removes the records with this Ref, and returns how many. For the time
	// of Grace, no Insert succeeds with this Ref. If subject is not empty, both hold for
	// its records only. An empty ref is none: no record is removed, and no Insert is
	// refused.
	DeleteRef(ctx context.Context, ref, subject string) (deleted int, err error)

	// Epoch returns the subject's epoch.
	Epoch(ctx context.Context, subject string) (epoch int64, err error)
}
