package apikey

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"
)

const (
	maxSubject       = 255  // bytes
	maxName          = 200  // bytes
	maxScopes        = 100  // and as many networks
	maxScope         = 255  // bytes
	maxMetadata      = 16   // entries
	maxMetadataBytes = 2048 // names and values together
	maxUses          = 1e15 // scripts of Redis count exactly to 2^53
)

// A Grant describes a key. A mistake in one is a [FieldErrors]. All strings are
// UTF-8.
type Grant struct {
	// Subject is the principal that the key belongs to, 1 to 255 bytes.
	Subject string
	// Name is the subject's name for the key, up to 200 bytes. May be empty.
	Name string
	// Scopes, up to 100 of 1 to 255 bytes, limit the principal wherever a policy of
	// package rbac or bearer.Scopes is checked. If nil, a key has all permissions of
	// its subject's roles, and bearer.Scopes denies it. An empty list is an error: a
	// list that became empty by mistake must not remove the limit.
	Scopes []string
	// NotBefore and ExpiresAt bound the key's life, in the years 1970 to 9999; zero is
	// no bound. An ExpiresAt that is past, or not after NotBefore, is an error.
	NotBefore, ExpiresAt time.Time
	// Networks, up to 100, are those from which the key may be used. If nil, it is
	// valid from everywhere; an empty list is an error. A network of IPv4 has no
	// addresses of a translator such as 64:ff9b::192.0.2.1, which others may be able to
	// send: add 64:ff9b::192.0.2.0/120 if only a translator of yours can.
	Networks []netip.Prefix
	// MaxUses is how many requests the key authenticates, up to 1e15; zero is no limit.
	// A request that the ring refuses is no use; one that a later step refuses is. Each
	// use is one more call of the store.
	MaxUses int64
	// Metadata is the application's, up to 16 entries with 2048 bytes of names and
	// values. No name is empty. It is shown with the record, and must hold no secret.
	Metadata map[string]string
}

// validate returns the mistakes in g.
func (g *Grant) validate(now time.Time) (bad FieldErrors) {
	text := func(field, s string, most int) {
		if len(s) > most {
			bad.add(field, "has %d bytes; at most %d are allowed", len(s), most)
		}
		if !utf8.ValidString(s) { // stores encode JSON
			bad.add(field, "is not UTF-8")
		}
	}
	if text("subject", g.Subject, maxSubject); g.Subject == "" {
		bad.add("subject", "is empty")
	}
	text("name", g.Name, maxName)
	list := func(field string, n int, isNil bool) {
		switch {
		case n > maxScopes:
			bad.add(field, "has %d elements; at most %d are allowed", n, maxScopes)
		case n == 0 && !isNil:
			bad.add(field, "is an empty list; nil means no limit")
		}
	}
	list("scopes", len(g.Scopes), g.Scopes == nil)
	for i, s := range g.Scopes[:min(len(g.Scopes), maxScopes)] {
		field := fmt.Sprintf("scopes[%d]", i)
		if text(field, s, maxScope); s == "" {
			bad.add(field, "is empty")
		}
	}
	list("networks", len(g.Networks), g.Networks == nil)
	for i, p := range g.Networks[:min(len(g.Networks), maxScopes)] {
		if !p.IsValid() {
			bad.add(fmt.Sprintf("networks[%d]", i), "is not a network")
		}
	}
	bad = append(bad, g.checkTimes(now)...)
	if g.MaxUses < 0 || g.MaxUses > maxUses {
		bad.add("max_uses", "is %d; 0 to %d are allowed", g.MaxUses, int64(maxUses))
	}
	return append(bad, checkMetadata(g.Metadata)...)
}

// checkTimes returns the mistakes in NotBefore and ExpiresAt, with the precision with
// which they are stored.
func (g *Grant) checkTimes(now time.Time) (bad FieldErrors) {
	encodable := true
	year := func(field string, t time.Time) {
		if y := t.UTC().Year(); !t.IsZero() && (y < 1970 || y > 9999) { // JSON has four digits (RFC 3339, section 1)
			bad.add(field, "is in the year %d; 1970 to 9999 are allowed", y)
			encodable = false
		}
	}
	year("not_before", g.NotBefore)
	year("expires_at", g.ExpiresAt)
	if !encodable || g.ExpiresAt.IsZero() {
		return bad
	}
	end := toMillis(g.ExpiresAt)
	if !end.After(now) {
		bad.add("expires_at", "is in the past")
	}
	if !g.NotBefore.IsZero() && !end.After(toMillis(g.NotBefore)) {
		bad.add("expires_at", "is not after not_before")
	}
	return bad
}

func checkMetadata(m map[string]string) (bad FieldErrors) {
	if len(m) > maxMetadata {
		bad.add("metadata", "has %d entries; at most %d are allowed", len(m), maxMetadata)
		return bad
	}
	size, isText, named := 0, true, true
	for name, value := range m {
		size += len(name) + len(value)
		isText = isText && utf8.ValidString(name) && utf8.ValidString(value)
		named = named && name != ""
	}
	if size > maxMetadataBytes {
		bad.add("metadata", "has %d bytes; at most %d are allowed", size, maxMetadataBytes)
	}
	if !isText {
		bad.add("metadata", "is not UTF-8")
	}
	if !named {
		bad.add("metadata", "has an empty name")
	}
	return bad
}

// checkUpdate returns what an update from rec to g must not change: the subject, and
// whether there is a limit. A form that lacks a field must not widen a key.
func (g *Grant) checkUpdate(rec *Record) (bad FieldErrors) {
	if g.Subject != rec.Subject {
		bad.add("subject", "cannot be changed")
	}
	const removed = "is a limit of this key, and cannot be removed"
	if len(rec.Scopes) > 0 && g.Scopes == nil {
		bad.add("scopes", removed)
	}
	if len(rec.Networks) > 0 && g.Networks == nil {
		bad.add("networks", removed)
	}
	if !rec.NotBefore.IsZero() && g.NotBefore.IsZero() {
		bad.add("not_before", removed)
	}
	if !rec.ExpiresAt.IsZero() && g.ExpiresAt.IsZero() {
		bad.add("expires_at", removed)
	}
	switch {
	case rec.MaxUses > 0 && g.MaxUses == 0:
		bad.add("max_uses", removed)
	case g.MaxUses > 0 && g.MaxUses <= rec.Uses:
		bad.add("max_uses", "is %d; the key was used %d times already", g.MaxUses, rec.Uses)
	}
	return bad
}

// grant returns a Grant that describes the record as it is. It shares nothing with it.
func (r *Record) grant() Grant {
	return Grant{
		Subject: r.Subject, Name: r.Name, Scopes: slices.Clone(r.Scopes), NotBefore: r.NotBefore, ExpiresAt: r.ExpiresAt,
		Networks: slices.Clone(r.Networks), MaxUses: r.MaxUses, Metadata: maps.Clone(r.Metadata),
	}
}

// apply sets what a valid grant describes. It shares nothing with it.
func (r *Record) apply(g Grant) {
	r.Subject, r.Name, r.Scopes, r.Networks = g.Subject, g.Name, slices.Clone(g.Scopes), masked(g.Networks)
	r.NotBefore, r.ExpiresAt = toMillis(g.NotBefore), toMillis(g.ExpiresAt)
	r.MaxUses, r.Metadata = g.MaxUses, nil
	if len(g.Metadata) > 0 {
		r.Metadata = maps.Clone(g.Metadata)
	}
}

// masked returns networks in the form in which addresses are compared: without
// host bits, and IPv4 as IPv4.
func masked(networks []netip.Prefix) (list []netip.Prefix) {
	for _, p := range networks {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		list = append(list, p.Masked())
	}
	return list
}
