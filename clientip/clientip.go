package clientip

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/go-guard/guard/internal/wiring"
)

// A Func returns the address of a request's client.
type Func = func(r *http.Request) (netip.Addr, error)

// Direct returns the TCP peer. It is for a server that clients reach without a
// proxy. A peer on a Unix socket has no address, which is an error.
func Direct() Func {
	return func(r *http.Request) (netip.Addr, error) {
		addr, unix, err := peer(r)
		if unix {
			return netip.Addr{}, errUnix
		}
		return addr, err
	}
}

var (
	errUnix = errors.New("clientip: the peer is on a Unix socket and has no address")
	errNone = errors.New("clientip: the request has no remote address")
)

// peer returns the other end of the connection, from Request.RemoteAddr.
func peer(r *http.Request) (addr netip.Addr, unix bool, err error) {
	s := r.RemoteAddr
	if onUnixSocket(r) {
		return netip.Addr{}, true, nil
	}
	if s == "" {
		return netip.Addr{}, false, errNone
	}
	addr, ok := parseNode(s)
	if !ok {
		return netip.Addr{}, false, fmt.Errorf("clientip: the remote address %s is not an address", quoted(s))
	}
	return addr, false, nil
}

// onUnixSocket reports whether the request came over a Unix socket. Most peers
// there have no name: "@" or "".
func onUnixSocket(r *http.Request) bool {
	if s := r.RemoteAddr; s != "" {
		return s[0] == '@' || s[0] == '/'
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && local.Network() == "unix"
}

// proxies are the trusted networks.
type proxies []netip.Prefix

// newProxies returns a copy of prefixes. It panics without any, and for a prefix
// that is not a network of proxies.
func newProxies(function string, prefixes []netip.Prefix) proxies {
	if len(prefixes) == 0 {
		wiring.Panic("clientip", "%s without a trusted proxy: use Direct", function)
	}
	ps := slices.Clone(proxies(prefixes))
	for i, p := range ps {
		if p.Addr().Is4In6() { // addresses are compared unmapped; ::ffff:10.0.0.0/104 is 10.0.0.0/8
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if !p.IsValid() || p.Bits() == 0 {
			wiring.Panic("clientip", "%s: trusted prefix %d is %v: not a network of proxies", function, i+1, p)
		}
		ps[i] = p
	}
	return ps
}

func (ps proxies) has(addr netip.Addr) bool {
	for i := range ps {
		if ps[i].Contains(addr) {
			return true
		}
	}
	return false
}

// direct returns the peer, and reports whether it is the client itself and not a
// trusted proxy. A peer on a Unix socket is a trusted proxy: it is a process of
// this machine, and the file's mode admits it.
func (ps proxies) direct(r *http.Request) (addr netip.Addr, direct bool, err error) {
	addr, unix, err := peer(r)
	return addr, err == nil && !unix && !ps.has(addr), err
}
