package field

import (
	"fmt"
	"strings"
)

const (
	letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

	inToken   = 1 << iota // of a token (RFC 9110, section 5.6.2)
	inToken68             // of a token68, but "=" (RFC 9110, section 11.2)
	inScope               // of a scope-token (RFC 6749, section 3.3)
)

// classes are the grammars that a byte belongs to.
var classes = func() (t [256]uint8) {
	for _, set := range []struct {
		members string
		class   uint8
	}{{letters + "!#$%&'*+-.^_`|~", inToken}, {letters + "-._~+/", inToken68}} {
		for _, c := range []byte(set.members) {
			t[c] |= set.class
		}
	}
	for c := '!'; c <= '~'; c++ {
		if c != '"' && c != '\\' {
			t[c] |= inScope
		}
	}
	return t
}()

func all(s string, class uint8) bool {
	for i := range len(s) {
		if classes[s[i]]&class == 0 {
			return false
		}
	}
	return s != ""
}

func isTokenChar(c byte) bool { return classes[c]&inToken != 0 }

// IsToken reports whether s is a token (RFC 9110, section 5.6.2), as the names of
// schemes, parameters, header fields and cookies are.
func IsToken(s string) bool { return all(s, inToken) }

// IsScope reports whether s is a scope-token (RFC 6749, section 3.3).
func IsScope(s string) bool { return all(s, inScope) }

// CheckScope returns an error that says how a scope is written if s is not one.
func CheckScope(s string) error {
	if !IsScope(s) {
		return fmt.Errorf("scope %q is not a scope-token (RFC 6749, section 3.3): want one scope, without spaces, quotes and backslashes", s)
	}
	return nil
}

// IsToken68 reports whether s is a token68 (RFC 9110, section 11.2).
func IsToken68(s string) bool { return all(strings.TrimRight(s, "="), inToken68) }

// ContainsFold reports whether s contains word, which is in lower case, in any case of
// ASCII.
func ContainsFold(s, word string) bool {
	for ; len(s) >= len(word); s = s[1:] {
		if s[0]|0x20 == word[0] && strings.EqualFold(s[:len(word)], word) {
			return true
		}
	}
	return false
}

// MediaType returns the media type in a Content-Type, in lower case and without
// parameters (RFC 9110, section 8.3.1), "" for one that is too long (RFC 6838, section
// 4.2).
func MediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	if kind = strings.Trim(kind, " \t"); len(kind) > 127+len("/")+127 {
		return ""
	}
	return strings.ToLower(kind)
}

// Quote returns s as a quoted-string (RFC 9110, section 5.6.4). ok is false where
// it holds anything but printable ASCII.
func Quote(s string) (quoted string, ok bool) {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return "", false
		}
		if c == '"' || c == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	b.WriteByte('"')
	return b.String(), true
}

// Scopes splits a list of scopes at its spaces (RFC 6749, section 3.3).
func Scopes(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
}
