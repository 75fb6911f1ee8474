package field

import (
	"net/http"
	"strings"
)

// NoStore makes a response uncacheable. It removes the fields by which CDNs and
// proxies cache what Cache-Control forbids (RFC 9213, section 2.2).
func NoStore(h http.Header) {
	for name := range h {
		if controlsCache(http.CanonicalHeaderKey(name)) {
			delete(h, name)
		}
	}
	h["Cache-Control"] = []string{"no-store"}
}

// Reset removes the fields that describe, cache or replace the answer that a
// handler prepared before it refused, or that navigate to another page. Fields of
// the connection, of security policies and of cookies stay.
func Reset(h http.Header) {
	for name := range h {
		switch name { // the fields of a 429: to canonicalize and compare them is a sixth of its cost
		case "Ratelimit", "Ratelimit-Policy", "Retry-After", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset":
			continue
		}
		if ofAnAnswer(http.CanonicalHeaderKey(name)) {
			delete(h, name)
		}
	}
}

func controlsCache(name string) bool {
	switch name {
	case "Cache-Control", "Edge-Control", "Surrogate-Control", "Expires", "X-Accel-Expires": // Akamai, Fastly, nginx
		return true
	}
	return strings.HasSuffix(name, "-Cache-Control")
}

func ofAnAnswer(name string) bool {
	switch name {
	case "Accept-Ranges", "Age", "Digest", "Etag", "Last-Modified", "Link", "Repr-Digest", "Signature", "Signature-Input", // of a representation
		"Sourcemap", "X-Sourcemap", "Trailer", "Transfer-Encoding",
		"Cache-Tag", "Edge-Cache-Tag", "Surrogate-Key", "X-Cache-Tags", "X-Litespeed-Tag", "Xkey", // names for a CDN to purge it by
		"Location", "Refresh", "Hx-Location", "Hx-Redirect", "Hx-Refresh", // navigation
		"X-Lighttpd-Send-File", "X-Litespeed-Location", "X-Reproxy-Url": // a proxy sends another body
		return true
	}
	return controlsCache(name) || strings.HasPrefix(name, "X-Accel-") || strings.HasPrefix(name, "X-Sendfile") ||
		strings.HasPrefix(name, http.TrailerPrefix) ||
		strings.HasPrefix(name, "Content-") && !strings.HasPrefix(name, "Content-Security-Policy")
}
