package clientip

import (
	"fmt"
	"net/netip"
	"strings"
)

// maxNode bounds what can be an address with brackets, a zone and a port, so
// that nobody has us search through a long header.
const maxNode = 128

// parseNode reads an address: IPv4 or IPv6, with or without brackets and a
// port. A zone is dropped: it means nothing on another machine.
func parseNode(s string) (netip.Addr, bool) {
	if len(s) > maxNode || s == "" {
		return netip.Addr{}, false
	}
	bracketed := s[0] == '['
	if bracketed {
		end := strings.IndexByte(s, ']')
		if end < 0 || end+1 < len(s) && (s[end+1] != ':' || !isPort(s[end+2:])) {
			return netip.Addr{}, false
		}
		s = s[1:end]
	} else if colon := strings.IndexByte(s, ':'); colon >= 0 && strings.LastIndexByte(s, ':') == colon {
		if !isPort(s[colon+1:]) { // a single colon: IPv4 and a port
			return netip.Addr{}, false
		}
		s = s[:colon]
	}
	host, zone, zoned := strings.Cut(s, "%") // ParseAddr would intern the zone
	isV6 := strings.IndexByte(host, ':') >= 0
	if (bracketed || zoned) && !isV6 || zoned && zone == "" {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(host)
	addr = addr.Unmap()
	if err != nil || addr.IsUnspecified() || addr.IsMulticast() { // no client has one
		return netip.Addr{}, false
	}
	return addr, true
}

func isPort(s string) bool {
	if s == "" || len(s) > 5 {
		return false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int(c-'0')
	}
	return n <= 65535
}

// quoted is s for an error, which it shall not fill.
func quoted(s string) string {
	if len(s) > maxNode {
		return fmt.Sprintf("%q…", s[:maxNode])
	}
	return fmt.Sprintf("%q", s)
}

func junk(name, element string) error {
	return fmt.Errorf("clientip: %s: %s is not an address", name, quoted(element))
}
