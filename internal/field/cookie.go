package field

import (
	"net/http"
	"net/textproto"
	"strings"
)

// Cookie is RawCookie without the quotes that may be around the value, as
// net/http has it.
func Cookie(h http.Header, name string) (value string, s State) {
	value, s = RawCookie(h, name)
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	return value, s
}

// RawCookie is the value of the cookie called name (RFC 6265, section 5.4). It
// is what net/http finds, without its allocations, but it leaves nothing out: a
// cookie whose value net/http would skip is present here, so that it is refused
// and not taken for none, and counts as a second one.
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

// CrossOrigin is an error for a request that a browser sent from another origin
// than p trusts, unless it is one that must change nothing. The opening of a
// WebSocket is not: a GET that any page may send, whose answer CORS does not
// hide, and that can do anything (RFC 6455, section 10.2).
func CrossOrigin(p *http.CrossOriginProtection, r *http.Request) error {
	if r.Method == http.MethodGet && opensWebSocket(r.Header) {
		c := *r
		c.Method = http.MethodPost
		r = &c
	}
	return p.Check(r)
}

// opensWebSocket reports a handshake (RFC 6455, section 4.1).
func opensWebSocket(h http.Header) bool {
	for _, line := range h["Upgrade"] {
		if strings.Contains(strings.ToLower(line), "websocket") {
			return true
		}
	}
	return false
}
