package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// Grace is how long a store keeps a record past its deadline, so that clients
// read "Session expired" rather than "Invalid session".
const Grace = time.Hour

// ErrFull is returned by Insert if the store is full: new logins are refused with
// 503. A full store evicts no other subject's session.
var ErrFull = errors.New("session: the store is full")

// A Key is the SHA-256 of a token. Stores keep it in place of the token, so that
// a copy of the store lets no one sign in.
type Key [32]byte

// Shards is the number of shards.
const Shards = 16

// Shard returns the shard of the key, 0 to Shards-1. All keys of a subject are in
// the shard that [ShardOf] returns: a manager draws tokens until one has such a
// key. So a store with several locks or nodes has a subject's sessions in one place.
func (k Key) Shard() int { return int(k[0] >> 4) }

// ShardOf returns the shard of all keys of a subject.
func ShardOf(subject string) int { return Key(sha256.Sum256([]byte(subject))).Shard() }

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
	Key     Key
	ID      ID
	Subject string // 1 to 255 bytes
	Data    string // JSON, which stores do not read
	// Created is when the subject authenticated.
	Created  time.Time
	LastSeen time.Time
	// Deadline is when the session ends unless it is touched. The store keeps the
	// record for Grace longer; the manager decides whether the session has ended.
	Deadline time.Time
	// Revision is 1 for a new record and grows with every change of Data.
	Revision int64
	// Remember is whether the browser keeps the cookie when it is closed.
	Remember bool
}

// A Store keeps sessions. It must be safe for use by several goroutines and
// processes. Each method is one atomic step. A missing record is not an error; an
// error means that the store itself failed. Only Insert creates: no other method
// may bring back a deleted record, whatever runs at the same time.
//
// Package sessiontest checks all of this.
type Store interface {
	// Insert adds rec. It is an error if the key exists, and ErrFull if the store
	// is full.
	Insert(ctx context.Context, rec Record) error

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
	// rotated is false if there is none. Both keys are in one shard. It is an error
	// if the key to exists.
	Rotate(ctx context.Context, from, to Key) (rotated bool, err error)

	// Delete removes the record under key. deleted is false if there is none.
	Delete(ctx context.Context, key Key) (deleted bool, err error)

	// List returns the records of a subject in any order. It may include some
	// that are past their deadline.
	List(ctx context.Context, subject string) ([]Record, error)

	// DeleteAll removes the records of a subject except those with an ID in keep,
	// and returns how many it removed.
	DeleteAll(ctx context.Context, subject string, keep []ID) (deleted int, err error)
}
