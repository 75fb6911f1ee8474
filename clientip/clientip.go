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

// A Func finds the address of a request's client.
type Func = func(r *http.Request) (netip.Addr, error)

// Direct is the TCP peer: for a server that clients reach without a proxy. A
// peer on a Unix socket has no address, which is an error.
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

// peer is the other end of the connection, as net/http has it from the kernel.
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
		return netip.Addr{}, false, fmt.Errorf("clientip: the remote address %s is none", quoted(s))
	}
	return addr, false, nil
}

// onUnixSocket: peers there are mostly unnamed, "@" or "".
func onUnixSocket(r *http.Request) bool {
	if s := r.RemoteAddr; s != "" {
		return s[0] == '@' || s[0] == '/'
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && local.Network() == "unix"
}

// A trust is the set of proxies that are believed.
type trust []netip.Prefix

// newTrust panics where it could not mean what it says: nobody is Direct's to
// trust, and everybody is nobody's.
func newTrust(what string, prefixes []netip.Prefix) trust {
	if len(prefixes) == 0 {
		wiring.Panic("clientip", "%s without a trusted proxy: use Direct", what)
	}
	t := slices.Clone(prefixes)
	for i, p := range t {
		if p.Addr().Is4In6() { // addresses are compared unmapped; /8 of a mapped one is /104 of a prefix
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if !p.IsValid() || p.Bits() == 0 {
			wiring.Panic("clientip", "%s: trusted prefix %d is %v: not a network of proxies", what, i+1, p)
		}
		t[i] = p
	}
	return t
}

func (t trust) has(addr netip.Addr) bool {
	for i := range t {
		if t[i].Contains(addr) {
			return true
		}
	}
	return false
}

// direct is the peer where it is no proxy whose header counts. A peer on a Unix
// socket is one: it is a process of this machine, let in by the file's mode.
func (t trust) direct(r *http.Request) (addr netip.Addr, is bool, err error) {
	addr, unix, err := peer(r)
	return addr, err == nil && !unix && !t.has(addr), err
}
