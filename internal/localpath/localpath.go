// Package localpath recognizes paths of the same site, for redirects.
package localpath

import (
	"net/url"
	"strings"
)

// Is reports whether a browser resolves s to a path of the same site: it reads a
// backslash as a slash, drops tabs and line breaks, and reads "//" as the start
// of a host (WHATWG URL, section 4.4).
func Is(s string) bool {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
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
