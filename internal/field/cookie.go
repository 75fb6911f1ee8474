package field

import (
	"net/http"
	"net/textproto"
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
	for _, line := range h["Cookie"] {
		for line != "" {
			var part string
			part, line, _ = strings.Cut(line, ";")
			n, v, _ := strings.Cut(textproto.TrimString(part), "=")
			if textproto.TrimString(n) != name {
				continue
			}
			if s != Absent {
				return "", Repeated
			}
			value, s = v, Present
		}
	}
	return value, s
}

// CrossOrigin returns an error for a browser's unsafe request from an origin that p
// does not trust. Opening a WebSocket is not
// safe: any page can send that GET, CORS does not hide its answer, and the
// connection can do anything (RFC 6455, section 10.2).
func CrossOrigin(p *http.CrossOriginProtection, r *http.Request) error {
	if r.Method == http.MethodGet && opensWebSocket(r.Header) {
		c := *r
		c.Method = http.MethodPost
		r = &c
	}
	return p.Check(r)
}

// opensWebSocket reports whether the request is a handshake (RFC 6455, section 4.1).
func opensWebSocket(h http.Header) bool {
	for _, line := range h["Upgrade"] {
		if strings.Contains(strings.ToLower(line), "websocket") {
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
