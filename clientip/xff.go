package clientip

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-guard/guard/internal/wiring"
)

const xForwardedFor = "X-Forwarded-For"

// XFF reads X-Forwarded-For, to which every proxy appends the address of its
// peer. If the peer of this server is not a trusted proxy, the header is ignored
// and the peer is the client. Otherwise the addresses are read from the right,
// where the trusted proxies wrote: the first one that is not a trusted proxy is
// the client. The addresses to its left come from the client and are ignored. If
// all addresses are trusted, the client is the leftmost; if there are none, it is
// the peer.
//
// Up to 16 empty elements are ignored (RFC 9110, section 5.6.1.2), but not where an
// address is on their left and would be read: a proxy may have written an empty
// element in place of the address of its peer, and then the client chose what is on
// the left.
//
// XFF panics without a trusted proxy, and if one of them is the whole address
// space (/0).
func XFF(trustedProxies ...netip.Prefix) Func {
	proxies := newProxies("XFF", trustedProxies)
	return func(r *http.Request) (netip.Addr, error) {
		addr, direct, err := proxies.direct(r)
		if direct || err != nil {
			return addr, err
		}
		it := elements{lines: r.Header[xForwardedFor]}
		for it.next() {
			if addr, err = it.addr(); err != nil {
				return netip.Addr{}, err
			}
			if !proxies.has(addr) {
				return addr, nil
			}
		}
		return orUnix(addr)
	}
}

// XFFCount reads X-Forwarded-For behind exactly n proxies, each of which appends
// to it: the client is the n-th address from the right. It is for proxies with
// unknown addresses, and is safe only if no client can bypass them. Fewer
// addresses are an error. It panics if n < 1.
func XFFCount(n int) Func {
	if n < 1 {
		wiring.Panic("clientip", "XFFCount of %d proxies: use Direct", n)
	}
	return func(r *http.Request) (netip.Addr, error) {
		it := elements{lines: r.Header[xForwardedFor]}
		for left := n; it.next(); left-- {
			addr, err := it.addr()
			if err != nil || left == 1 {
				return addr, err
			}
		}
		return netip.Addr{}, fmt.Errorf("clientip: %s has fewer addresses than the %d proxies append", xForwardedFor, n)
	}
}

// Header reads a header that the nearest proxy sets to one address, such as
// X-Real-IP. If the peer is not a trusted proxy, the header is ignored. Then, and
// without the header, the peer is the client. The proxy must overwrite the field of
// the client: a second line is an error. Header panics without a name, and in the same
// cases as [XFF].
func Header(name string, trustedProxies ...netip.Prefix) Func {
	if name == "" {
		wiring.Panic("clientip", "Header without a name")
	}
	proxies := newProxies("Header", trustedProxies)
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) (netip.Addr, error) {
		addr, direct, err := proxies.direct(r)
		if direct || err != nil {
			return addr, err
		}
		lines := r.Header[name]
		switch len(lines) {
		case 0:
			return orUnix(addr)
		case 1:
		default:
			return netip.Addr{}, fmt.Errorf("clientip: %s has %d lines", name, len(lines))
		}
		addr, ok := parseNode(lines[0])
		if !ok {
			return netip.Addr{}, notAnAddress(name, lines[0])
		}
		return addr, nil
	}
}

// orUnix returns addr, or an error if the peer is on a Unix socket and its header
// has no address.
func orUnix(addr netip.Addr) (netip.Addr, error) {
	if !addr.IsValid() {
		return netip.Addr{}, errUnix
	}
	return addr, nil
}

// maxEmpty bounds the empty elements of a list.
const maxEmpty = 16

// errEmpty is the error of a list whose empty elements are not ignored.
func errEmpty(name string) error {
	return fmt.Errorf("clientip: %s: an empty element has an address on its left, or there are more than %d", name, maxEmpty)
}

// elements iterates over a comma-separated list from the right, over all its
// field lines (RFC 9110, section 5.3). It reads no more bytes of an element than
// an address may have.
type elements struct {
	lines   []string
	rest    string // of the line that is being read
	inLine  bool   // rest has more elements
	element string
	long    bool // element is the end of one that is too long
	empty   int  // elements to the right of element
}

// next reads the next element that is not empty, or the first beyond maxEmpty.
func (it *elements) next() bool {
	for it.read() {
		if it.element != "" || it.long || it.empty == maxEmpty {
			return true
		}
		it.empty++
	}
	return false
}

func (it *elements) read() bool {
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

// addr parses the element.
func (it *elements) addr() (netip.Addr, error) {
	if it.empty > 0 {
		return netip.Addr{}, errEmpty(xForwardedFor)
	}
	addr, ok := parseNode(it.element)
	if !ok || it.long {
		return netip.Addr{}, notAnAddress(xForwardedFor, it.element)
	}
	return addr, nil
}
