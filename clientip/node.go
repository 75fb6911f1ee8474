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
	if addr, rest, ok := leadingIPv4(s); ok && (rest == "" || rest[0] == ':' && isPort(rest[1:])) {
		return addr, usable(addr)
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
	return addr, err == nil && usable(addr)
}

// usable: no client has an unspecified address or a group's.
func usable(addr netip.Addr) bool { return !addr.IsUnspecified() && !addr.IsMulticast() }

// leadingIPv4 reads the common form in one go: four numbers to 255 without
// leading zeros. Anything else is left to the parser of netip.
func leadingIPv4(s string) (addr netip.Addr, rest string, ok bool) {
	var b [4]byte
	part, n, i := 0, -1, 0 // n is -1 before a number's first digit
	for ; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			if s[i] != '.' || n < 0 || part == 3 {
				break
			}
			b[part] = byte(n)
			part, n = part+1, -1
			continue
		}
		switch {
		case n < 0:
			n = int(d)
		case n == 0:
			return netip.Addr{}, "", false
		default:
			n = 10*n + int(d)
		}
		if n > 255 {
			return netip.Addr{}, "", false
		}
	}
	if part < 3 || n < 0 {
		return netip.Addr{}, "", false
	}
	b[3] = byte(n)
	return netip.AddrFrom4(b), s[i:], true
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
