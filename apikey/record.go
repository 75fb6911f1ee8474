package apikey

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// A Record describes an issued key. Requests share it: it must not be changed.
// No key can be made from it, so that it is safe to log, and as JSON safe to
// show to its subject.
type Record struct {
	// ID names the record. Rotation does not change it.
	ID string `json:"id"`
	// Subject is the principal that the key belongs to.
	Subject string `json:"subject"`
	// Name is the subject's name for the key.
	Name string `json:"name,omitempty"`
	// Scopes limit the principal; see Grant.
	Scopes []string `json:"scopes,omitempty"`
	// Networks are those from which the key may be used. If empty, it is valid
	// from everywhere.
	Networks []netip.Prefix `json:"networks,omitempty"`
	// Last4 is the end of the key, by which people recognize it.
	Last4 string `json:"last4"`

	CreatedAt  time.Time `json:"created_at"`
	NotBefore  time.Time `json:"not_before,omitzero"`   // zero: valid from CreatedAt
	ExpiresAt  time.Time `json:"expires_at,omitzero"`   // zero: never expires
	RotatedAt  time.Time `json:"rotated_at,omitzero"`   // zero: never rotated
	RevokedAt  time.Time `json:"revoked_at,omitzero"`   // zero: not revoked
	LastUsedAt time.Time `json:"last_used_at,omitzero"` // zero: never used; up to five minutes late
}

// Sub returns the subject, for guard.BySubject.
func (r *Record) Sub() string {
	if r == nil { // in a principal that embeds a Record, and did not come with a key
		return ""
	}
	return r.Subject
}

// ScopeLimit implements [guard.ScopeLimiter]. A key that was issued without
// scopes has no limit, and neither has a nil Record.
func (r *Record) ScopeLimit() (scopes []string, limited bool) {
	if r == nil {
		return nil, false
	}
	return r.Scopes, len(r.Scopes) > 0
}

// LogValue implements slog.LogValuer.
func (r *Record) LogValue() slog.Value {
	if r == nil {
		return slog.StringValue("none")
	}
	return slog.GroupValue(slog.String("id", r.ID), slog.String("subject", r.Subject))
}

// Retention is how long stores retain the record of a revoked or expired key.
// For that long it is in the subject's list, and a client that sends the key
// learns that it expired.
const Retention = 30 * 24 * time.Hour

// ForgetAfter returns the time from which a Store may forget the record, zero
// for a record that must be retained.
func (r *Record) ForgetAfter() time.Time {
	end := r.ExpiresAt
	if !r.RevokedAt.IsZero() && (end.IsZero() || r.RevokedAt.Before(end)) {
		end = r.RevokedAt
	}
	if end.IsZero() {
		return end
	}
	return end.Add(Retention)
}

// ended reports whether the key is revoked or expired.
func (r *Record) ended(now time.Time) bool {
	return !r.RevokedAt.IsZero() || !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt)
}

// An Entry is what a Store holds: a record and the digests of its keys.
type Entry struct {
	Record
	Digest Digest
	// Previous is the digest of the key before the last rotation, which is valid
	// before PreviousUntil. Both are zero where there is none.
	Previous      Digest
	PreviousUntil time.Time
}

// clone is a copy of e that shares no slices with it.
func (e Entry) clone() *Entry {
	e.Scopes, e.Networks = slices.Clone(e.Scopes), slices.Clone(e.Networks)
	return &e
}
