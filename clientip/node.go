package clientip

import (
	"fmt"
	"net/netip"
	"strings"
)

// maxNode bounds an address with brackets, a zone and a port, so that a client
// cannot make the server search through a long header.
const maxNode = 128

// parseNode parses an address: IPv4 or IPv6, with or without brackets and a
// port. It drops a zone, which has no meaning on another machine.
func parseNode(s string) (netip.Addr, bool) {
	if len(s) > maxNode || s == "" {
		return netip.Addr{}, false
	}
	bracketed := s[0] == '['
	colon := strings.IndexByte(s, ':')
	if !bracketed && colon == strings.LastIndexByte(s, ':') { // no colon or a single one: IPv4
		if colon >= 0 {
			if !isPort(s[colon+1:]) {
				return netip.Addr{}, false
			}
			s = s[:colon]
		}
		addr, err := netip.ParseAddr(s)
		return addr, err == nil && usable(addr)
	}
	if bracketed {
		end := strings.IndexByte(s, ']')
		if end < 0 || end+1 < len(s) && (s[end+1] != ':' || !isPort(s[end+2:])) {
			return netip.Addr{}, false
		}
		s = s[1:end]
	}
	host, zone, zoned := strings.Cut(s, "%") // ParseAddr would intern the zone
	if zoned && zone == "" || !strings.Contains(host, ":") {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(host)
	addr = addr.Unmap()
	return addr, err == nil && usable(addr)
}

// usable reports whether a client can have the address: it is not unspecified
// and not a multicast address.
func usable(addr netip.Addr) bool { return !addr.IsUnspecified() && !addr.IsMulticast() }

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

// quoted quotes s for an error, cut to a readable length.
func quoted(s string) string {
	if len(s) > maxNode {
		return fmt.Sprintf("%q…", s[:maxNode])
	}
	return fmt.Sprintf("%q", s)
}

// notAnAddress is the error of a malformed element of a header field.
func notAnAddress(name, element string) error {
	return fmt.Errorf("clientip: %s: %s is not an address", name, quoted(element))
}
