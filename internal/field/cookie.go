package field

import (
	"iter"
	"net/http"
	"strings"
)

// Cookie is RawCookie without the quotes that may be around the value, as
// net/http reads it.
func Cookie(h http.Header, name string) (value string, s State) {
	value, s = RawCookie(h, name)
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	return value, s
}

// RawCookie returns the value of the cookie called name (RFC 6265, section 5.4).
// It does not allocate. Unlike net/http, it also returns a cookie with an invalid
// value, so that the caller refuses it and does not treat it as absent. Such a
// cookie also counts as a duplicate.
func RawCookie(h http.Header, name string) (value string, s State) {
	for v := range RawCookies(h, name) {
		if s != Absent {
			return "", Repeated
		}
		value, s = v, Present
	}
	return value, s
}

const spaces = " \t\r\n" // as net/textproto trims them

// RawCookies yields the values of all cookies called name, in the order in which the
// client sent them: that of the longest path first (RFC 6265, section 5.4). It searches
// for the name, and does not split the field: 900 KB may have 900,000 cookies.
func RawCookies(h http.Header, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range h["Cookie"] {
			for from := 0; ; {
				i := strings.Index(line[from:], name)
				if i < 0 {
					break
				}
				before := strings.TrimRight(line[:from+i], spaces)
				from += i + len(name)
				behind := strings.TrimLeft(line[from:], spaces)
				if before != "" && before[len(before)-1] != ';' {
					continue
				}
				value := ""
				if behind != "" && behind[0] == '=' {
					value, _, _ = strings.Cut(behind[1:], ";")
				} else if behind != "" && behind[0] != ';' {
					continue
				}
				if !yield(strings.TrimRight(value, spaces)) {
					return
				}
			}
		}
	}
}

// maxOrigin is the length of an Origin that none has: a host has up to 253 bytes.
const maxOrigin = 1 << 10

// CrossOrigin returns an error for a browser's unsafe request from an origin that p
// does not trust. Opening a WebSocket is not safe: any page can send that GET, CORS does
// not hide its answer, and the connection can do anything (RFC 6455, section 10.2).
func CrossOrigin(p *http.CrossOriginProtection, r *http.Request) error {
	opens, long := OpensWebSocket(r), len(r.Header.Get("Origin")) > maxOrigin
	if opens || long || r.Host == "" {
		c := *r
		if long { // Check would decode and encode it
			c.Header = http.Header{"Origin": {"null"}, "Sec-Fetch-Site": r.Header["Sec-Fetch-Site"]}
		}
		if opens {
			c.Method = http.MethodPost
		}
		if c.Host == "" { // as a proxy sends it in HTTP/1.0: the Origin "null" has no host either
			c.Host = "no host"
		}
		r = &c
	}
	return p.Check(r)
}

// OpensWebSocket reports whether the request is a handshake (RFC 6455, section 4.1;
// in HTTP/2 RFC 8441, section 4, whose :protocol is a field of net/http's header).
func OpensWebSocket(r *http.Request) bool {
	name := "Upgrade"
	switch r.Method {
	case http.MethodGet:
	case http.MethodConnect:
		name = ":protocol"
	default:
		return false
	}
	for _, line := range r.Header[name] {
		if ContainsFold(line, "websocket") {
			return true
		}
	}
	return false
}

// ClearCookie returns a function that deletes the cookie called name, with path /
// and without a domain: browsers retain a cookie that was set with another path or
// domain. They also ignore a cookie whose name has the prefix __Host- or __Secure-
// unless it is Secure.
func ClearCookie(name string) func(http.ResponseWriter) {
	lower := strings.ToLower(name)
	c := http.Cookie{
		Name: name, Path: "/", MaxAge: -1, HttpOnly: true,
		Secure: strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-"),
	}
	line := c.String()
	return func(w http.ResponseWriter) { w.Header().Add("Set-Cookie", line) }
}

// HasCookiePrefix reports whether a cookie's name begins with __Host- or __Secure-, which
// browsers read in any case.
func HasCookiePrefix(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-")
}
