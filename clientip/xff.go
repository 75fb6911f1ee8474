package clientip

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-guard/guard/internal/wiring"
)

const xForwardedFor = "X-Forwarded-For"

// XFF reads X-Forwarded-For, to which every proxy appends the address that it
// got the request from. From a peer that is no trusted proxy it is not read:
// the peer is the client. Otherwise the addresses are read from the right,
// where our own proxies wrote, to the first that is no trusted proxy: the
// client. What stands left of it is the client's say and not looked at. Where
// all are trusted, it is the leftmost; where there is none, the peer.
//
// It panics if there is no trusted proxy, or one is everybody (/0).
func XFF(trusted ...netip.Prefix) Func {
	t := newTrust("XFF", trusted)
	return func(r *http.Request) (netip.Addr, error) {
		addr, direct, err := t.direct(r)
		if direct || err != nil {
			return addr, err
		}
		it := elements{lines: r.Header[xForwardedFor]}
		for it.next() {
			var ok bool
			if addr, ok = parseNode(it.element); !ok || it.long {
				return netip.Addr{}, junk(xForwardedFor, it.element)
			}
			if !t.has(addr) {
				return addr, nil
			}
		}
		return orUnix(addr)
	}
}

// XFFCount reads X-Forwarded-For behind exactly n proxies, each of which
// appends to it: the client is the n-th address from the right. It is for
// proxies whose addresses are not known, and safe only where nobody reaches the
// server around them. Fewer addresses are an error. It panics if n < 1.
func XFFCount(n int) Func {
	if n < 1 {
		wiring.Panic("clientip", "XFFCount of %d proxies: use Direct", n)
	}
	return func(r *http.Request) (netip.Addr, error) {
		it := elements{lines: r.Header[xForwardedFor]}
		for left := n; it.next(); left-- {
			addr, ok := parseNode(it.element)
			if !ok || it.long {
				return netip.Addr{}, junk(xForwardedFor, it.element)
			}
			if left == 1 {
				return addr, nil
			}
		}
		return netip.Addr{}, fmt.Errorf("clientip: %s has fewer than the %d addresses that so many proxies append", xForwardedFor, n)
	}
}

// Header reads a header that the nearest proxy sets to one address, such as
// X-Real-IP. From a peer that is no trusted proxy it is not read: the peer is
// the client. The proxy must overwrite what clients send: a second line is an
// error. It panics as XFF does.
func Header(name string, trusted ...netip.Prefix) Func {
	if name == "" {
		wiring.Panic("clientip", "Header without a name")
	}
	t := newTrust("Header", trusted)
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) (netip.Addr, error) {
		addr, direct, err := t.direct(r)
		if direct || err != nil {
			return addr, err
		}
		lines := r.Header[name]
		switch len(lines) {
		case 0:
			return orUnix(addr)
		case 1:
		default:
			return netip.Addr{}, fmt.Errorf("clientip: %s is there %d times", name, len(lines))
		}
		addr, ok := parseNode(lines[0])
		if !ok {
			return netip.Addr{}, junk(name, lines[0])
		}
		return addr, nil
	}
}

// orUnix is addr, but a proxy on a Unix socket that names no client has none.
func orUnix(addr netip.Addr) (netip.Addr, error) {
	if !addr.IsValid() {
		return netip.Addr{}, errUnix
	}
	return addr, nil
}

// elements yields the elements of a comma-separated list from the right, over
// all its field lines (RFC 9110, section 5.3), and looks at no more bytes than
// an address may have.
type elements struct {
	lines   []string
	rest    string // of the current line
	inLine  bool
	element string
	long    bool // element is only the end of one that is too long
}

func (it *elements) next() bool {
	if !it.inLine {
		if len(it.lines) == 0 {
			return false
		}
		it.rest, it.lines = it.lines[len(it.lines)-1], it.lines[:len(it.lines)-1]
	}
	near := it.rest[max(0, len(it.rest)-maxNode):]
	comma := strings.LastIndexByte(near, ',')
	it.element = strings.Trim(near[comma+1:], " \t")
	it.long = comma < 0 && len(near) < len(it.rest)
	it.inLine = comma >= 0
	if it.inLine {
		it.rest = it.rest[:len(it.rest)-len(near)+comma]
	}
	return true
}
