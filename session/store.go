package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// Grace is how long a store keeps a record past its deadline, so that
// "Session expired" can be told from "Invalid session".
const Grace = time.Hour

// ErrFull is what Insert returns where a store takes no more sessions: new
// logins are refused with 503, and no stranger's session makes room.
var ErrFull = errors.New("session: the store is full")

// A Key is what a store keeps in place of a token: its SHA-256. Whoever reads
// the store cannot act as anyone in it.
type Key [32]byte

// Shards is the number of shards that keys fall into.
const Shards = 16

// Shard is the shard of the key, 0 to Shards-1. All keys of a subject are in
// one, that of [ShardOf]: tokens are drawn until their key is. So a store that
// is spread over locks or nodes finds a subject's sessions in one place.
func (k Key) Shard() int { return int(k[0] >> 4) }

// ShardOf is the shard of all keys of a subject.
func ShardOf(subject string) int { return Key(sha256.Sum256([]byte(subject))).Shard() }

// An ID names a session in lists and logs. It does not change when the token
// does, and it is worth nothing as a credential.
type ID [12]byte

// String is the id in 16 characters of base64url.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// A Record is a session as a store keeps it. Times are kept to the millisecond.
type Record struct {
	Key     Key
	ID      ID
	Subject string // 1 to 255 bytes
	Data    string // JSON; a store does not look into it
	// Created is when the subject authenticated.
	Created  time.Time
	LastSeen time.Time
	// Deadline is when the session ends unless it is touched. The record is
	// kept for Grace longer; whether it is still good is not the store's matter.
	Deadline time.Time
	// Revision is how often Data was changed.
	Revision int64
	// Remember is whether the browser keeps the cookie when it is closed.
	Remember bool
}

// A Store keeps sessions. It must be safe for use by several goroutines and
// processes. Each method is one atomic step. Absence is no error; an error
// means that the store failed. Only Insert creates: no other method may bring
// back a record that was deleted, whatever runs at the same time.
//
// Package sessiontest checks all of this.
type Store interface {
	// Insert adds rec. It is an error if the key exists, and ErrFull if there
	// is no room.
	Insert(ctx context.Context, rec Record) error

	// Load returns the record under key; found is false where there is none,
	// and where its deadline is more than Grace ago.
	Load(ctx context.Context, key Key) (rec Record, found bool, err error)

	// Touch sets LastSeen and Deadline of the record under key, if there is one
	// whose LastSeen is before seen and whose Deadline is after it. Otherwise
	// it does nothing, which is no error.
	Touch(ctx context.Context, key Key, seen, deadline time.Time) error

	// Update sets Data of the record under key and adds 1 to its Revision, if
	// there is one of that revision. Otherwise updated is false.
	Update(ctx context.Context, key Key, revision int64, data string) (updated bool, err error)

	// Rotate moves the record under from to the key to, and changes nothing
	// else. Where there is none, rotated is false. Both keys are in one shard.
	// It is an error if the key to exists.
	Rotate(ctx context.Context, from, to Key) (rotated bool, err error)

	// Delete removes the record under key. Where there is none, deleted is
	// false.
	Delete(ctx context.Context, key Key) (deleted bool, err error)

	// List returns the records of a subject in any order; it may return some
	// that are past their deadline.
	List(ctx context.Context, subject string) ([]Record, error)

	// DeleteAll removes the records of a subject but those with an id in keep,
	// and returns how many there were.
	DeleteAll(ctx context.Context, subject string, keep []ID) (deleted int, err error)
}
