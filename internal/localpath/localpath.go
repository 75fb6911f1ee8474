// Package localpath recognizes paths of the same site, for redirects.
package localpath

import (
	"net/url"
	"strings"
)

// MaxBytes bounds a path with its query: a link to it is escaped several times.
const MaxBytes = 8 << 10

// Is reports whether s has at most MaxBytes, and a browser resolves it to a path of the
// same site: it reads a backslash as a slash, drops tabs and line breaks, and reads "//"
// as the start of a host (WHATWG URL, section 4.4).
func Is(s string) bool {
	if len(s) > MaxBytes || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c == '\\' || c >= 0x7f {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
}
