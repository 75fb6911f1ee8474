package apikey

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"
)

// A Grant describes a new key.
type Grant struct {
	// Subject is the principal that the key belongs to, 1 to 255 bytes.
	Subject string
	// Name is the subject's name for the key, up to 200 bytes. May be empty.
	Name string
	// Scopes, up to 100, limit the principal wherever a policy of package rbac or
	// bearer.Scopes is checked. If nil, a key has all permissions of its
	// subject's roles, and bearer.Scopes denies it. An empty list is an error: a
	// list that became empty by mistake must not remove the limit.
	Scopes []string
	// NotBefore and ExpiresAt bound the key's life; zero is no bound. An
	// ExpiresAt that is past, or not after NotBefore, is an error.
	NotBefore, ExpiresAt time.Time
	// Networks, up to 100, are those from which the key may be used. If nil, it is
	// valid from everywhere; an empty list is an error.
	Networks []netip.Prefix
}

func (g Grant) validate(now time.Time) error {
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf("apikey: "+format, args...)) }
	if g.Subject == "" {
		mistake("a grant without a subject")
	}
	if len(g.Subject) > 255 {
		mistake("a subject of more than 255 bytes")
	}
	if len(g.Name) > 200 {
		mistake("a name of more than 200 bytes")
	}
	if len(g.Scopes) > 100 || len(g.Networks) > 100 {
		mistake("more than 100 scopes or networks")
	}
	if slices.Contains(g.Scopes, "") {
		mistake("an empty scope")
	}
	if g.Scopes != nil && len(g.Scopes) == 0 || g.Networks != nil && len(g.Networks) == 0 {
		mistake("an empty list of scopes or networks; nil means no limit")
	}
	for _, s := range append([]string{g.Subject, g.Name}, g.Scopes...) {
		if !utf8.ValidString(s) { // stores encode JSON
			mistake("%q is not UTF-8", s)
		}
	}
	for _, p := range g.Networks {
		if !p.IsValid() {
			mistake("an invalid network")
		}
	}
	if !g.ExpiresAt.IsZero() {
		if !g.ExpiresAt.After(now) {
			mistake("ExpiresAt is in the past")
		}
		if !g.ExpiresAt.After(g.NotBefore) {
			mistake("ExpiresAt is not after NotBefore")
		}
	}
	return errors.Join(errs...)
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
