package apikey

import (
	"log/slog"
	"maps"
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
	// Ring is the Prefix and the Env of the ring that issued the key: "ak_live".
	Ring string `json:"-"`
	// Subject is the principal that the key belongs to.
	Subject string `json:"subject"`
	// Name is the subject's name for the key.
	Name string `json:"name,omitempty"`
	// Scopes limit the principal; see Grant.
	Scopes []string `json:"scopes,omitempty"`
	// Networks are those from which the key may be used. If empty, it is valid
	// from everywhere.
	Networks []netip.Prefix `json:"networks,omitempty"`
	// Metadata is the application's.
	Metadata map[string]string `json:"metadata,omitempty"`
	// Last4 is the end of the key, by which people recognize it.
	Last4 string `json:"last4"`
	// MaxUses is how many requests the key authenticates in all; zero is no limit.
	MaxUses int64 `json:"max_uses,omitempty"`
	// Uses is how many it has authenticated while it had a MaxUses. The principal of
	// a request does not count that request.
	Uses int64 `json:"uses,omitempty"`

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

// Retention is how long stores retain the record of a key that has ended. For that
// long it is in the subject's list, and a client that sends an expired key learns
// that it expired, unless the record makes room for a new one.
const Retention = 30 * 24 * time.Hour

// Ended reports whether the key is revoked, expired or used up. A key that has ended
// is never valid again.
func (r *Record) Ended(now time.Time) bool {
	return !r.RevokedAt.IsZero() || r.expired(now) || r.usedUp()
}

func (r *Record) expired(now time.Time) bool {
	return !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt)
}

func (r *Record) usedUp() bool { return r.MaxUses > 0 && r.Uses >= r.MaxUses }

// ForgetAfter returns the time from which a Store may forget the record, zero
// for a record that must be retained. It is Retention after the key ended or will
// expire.
func (r *Record) ForgetAfter() (t time.Time) {
	ends := []time.Time{r.ExpiresAt, r.RevokedAt, {}}
	if r.usedUp() {
		ends[2] = r.LastUsedAt
	}
	for _, end := range ends {
		if !end.IsZero() && (t.IsZero() || end.Before(t)) {
			t = end
		}
	}
	if t.IsZero() {
		return t
	}
	return t.Add(Retention)
}

// An Entry is what a Store holds: a record and the digests of its keys.
type Entry struct {
	Record
	Digest Digest
	// InUse reports whether the key of Digest has authenticated a request.
	InUse bool
	// Previous are the keys before, the newest last. Each is valid before its Until.
	Previous []PreviousKey
	// Revision is how often the record was updated.
	Revision int64
}

// A PreviousKey is a key before a rotation.
type PreviousKey struct {
	Digest Digest
	Until  time.Time
}

// clone is a copy of e that shares nothing with it.
func (e Entry) clone() *Entry {
	e.Scopes, e.Networks, e.Metadata = slices.Clone(e.Scopes), slices.Clone(e.Networks), maps.Clone(e.Metadata)
	e.Previous = slices.Clone(e.Previous)
	return &e
}
