package apikey

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// A Record is what is known about an issued key. It is shared between
// requests, and must not be changed. It holds nothing from which a key could be
// made: it is safe to log, and as JSON safe to show to its subject.
type Record struct {
	// ID names the key for good; rotation does not change it.
	ID string `json:"id"`
	// Subject is whose key it is.
	Subject string `json:"subject"`
	// Name is what the subject calls it.
	Name string `json:"name,omitempty"`
	// Scopes are a ceiling on what the principal may do; see package rbac.
	Scopes []string `json:"scopes,omitempty"`
	// Nets are the networks that the key works from, any where it is empty.
	Nets []netip.Prefix `json:"nets,omitempty"`
	// Last4 is the end of the current key, by which people recognize it.
	Last4 string `json:"last4"`

	CreatedAt  time.Time `json:"created_at"`
	NotBefore  time.Time `json:"not_before,omitzero"`   // zero: at once
	ExpiresAt  time.Time `json:"expires_at,omitzero"`   // zero: never
	RotatedAt  time.Time `json:"rotated_at,omitzero"`   // zero: never was
	RevokedAt  time.Time `json:"revoked_at,omitzero"`   // zero: is not
	LastUsedAt time.Time `json:"last_used_at,omitzero"` // zero: never; may lag by five minutes
}

// Sub returns the subject, for guard.BySubject.
func (r *Record) Sub() string { return r.Subject }

// HasScope reports whether the key was issued with this very scope; that
// "posts:*" covers "posts:read" is package rbac's reading.
func (r *Record) HasScope(scope string) bool { return slices.Contains(r.Scopes, scope) }

// ScopeLimit returns the scopes as a bound, for [guard.ScopeLimit] and so for package
// rbac. A key that was issued without any has none.
func (r *Record) ScopeLimit() (scopes []string, limited bool) { return r.Scopes, len(r.Scopes) > 0 }

// LogValue implements slog.LogValuer.
func (r *Record) LogValue() slog.Value {
	if r == nil {
		return slog.StringValue("none")
	}
	return slog.GroupValue(slog.String("id", r.ID), slog.String("subject", r.Subject))
}

// Retention is how long a key that was revoked or expired is still known: so
// long its owner sees it in lists, and is told that it expired.
const Retention = 30 * 24 * time.Hour

// DropAt is when a Store may forget the record, zero for never.
func (r *Record) DropAt() time.Time {
	end := r.ExpiresAt
	if !r.RevokedAt.IsZero() && (end.IsZero() || r.RevokedAt.Before(end)) {
		end = r.RevokedAt
	}
	if end.IsZero() {
		return end
	}
	return end.Add(Retention)
}

// A Digest is the SHA-256 of a key, or its HMAC under the ring's pepper.
type Digest [32]byte

// An Entry is what a Store keeps: a record and the digests of its keys.
type Entry struct {
	Record
	Digest Digest
	// Previous is the digest of the key before the last rotation. It counts
	// before PreviousUntil; both are zero where there is none.
	Previous      Digest
	PreviousUntil time.Time
}

// A Rotation gives a record another key.
type Rotation struct {
	From, To Digest // the entry's Digest, before and after
	Last4    string
	At       time.Time // becomes RotatedAt
	Until    time.Time // becomes PreviousUntil, with From as Previous
}

// A Store keeps entries. Each method is one atomic step. Absence is no error:
// an error means that the store itself failed, and is answered 503. All strings
// are UTF-8, and all times UTC with a precision of a millisecond; zero times stay
// zero.
//
// A Store keeps no entry for much longer than its DropAt; it may drop it then.
// Package apikeytest holds the tests that every Store passes.
type Store interface {
	// Insert keeps a new entry. Where its ID is taken nothing changes, and
	// inserted is false.
	Insert(ctx context.Context, e Entry) (inserted bool, err error)

	// Load returns the entry under id, revoked and expired ones too. It is
	// read-only: a store may return the same one again, and never changes it.
	Load(ctx context.Context, id string) (e *Entry, found bool, err error)

	// Rotate replaces the digest of the entry under id. Where there is none,
	// where it is revoked or where its Digest is not r.From nothing changes,
	// and rotated is false.
	Rotate(ctx context.Context, id string, r Rotation) (rotated bool, err error)

	// Revoke sets RevokedAt, unless it is set already. found is false where
	// there is no such entry.
	Revoke(ctx context.Context, id string, at time.Time) (found bool, err error)

	// Used sets LastUsedAt, unless it is set to a later time already. An
	// unknown id is no error, and is not inserted.
	Used(ctx context.Context, id string, at time.Time) error

	// List returns the records of a subject, by CreatedAt, the newest first,
	// and limit of them at most.
	List(ctx context.Context, subject string, limit int) ([]Record, error)
}

// clone is e with slices of its own.
func (e Entry) clone() *Entry {
	e.Scopes, e.Nets = slices.Clone(e.Scopes), slices.Clone(e.Nets)
	return &e
}
