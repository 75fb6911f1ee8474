package ratelimit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// A Key returns the key under which a request counts: its client, principal or
// tenant. A *guard.Error refuses the request, and [ErrSkip] exempts it from the
// limit. Any other error and an empty key are failures of our own: 500.
type Key func(r *http.Request) (string, error)

// ErrSkip is the error of a Key for a request that is not limited.
var ErrSkip = errors.New("ratelimit: this request is not limited")

// ByIP counts per client address; ip is a function of package clientip. An IPv6
// address counts by its /64, the smallest network that a subscriber has. The key
// is the 4 or 16 bytes of the network. A request without a clear address is
// refused with 400.
//
// An IPv6 address that embeds an IPv4 address counts as that one: in ::ffff:0:0/96, and
// in the prefixes of translators, 64:ff9b::/96 (RFC 6052) and 64:ff9b:1::/48 (RFC 8215).
// For a translator with a prefix of its operator's network, ip must return the IPv4
// address. Such addresses may count, but must not pass a list of allowed networks: only
// the operator's routers keep others from sending them. So package clientip and the
// networks of API keys do not translate: list the prefix of the translator there.
func ByIP(ip func(*http.Request) (netip.Addr, error)) Key { return ByIPPrefix(ip, 32, 64) }

// ByIPPrefix is ByIP with networks of v4 bits of IPv4 and v6 bits of IPv6. It
// panics if there are no such networks, or ip is nil.
func ByIPPrefix(ip func(*http.Request) (netip.Addr, error), v4, v6 int) Key {
	if ip == nil {
		wiring.Panic("ratelimit", "the function that returns the client's address is nil: want one of package clientip")
	}
	if v4 < 1 || v4 > 32 || v6 < 1 || v6 > 128 {
		wiring.Panic("ratelimit", "addresses are counted by 1 to 32 bits of IPv4 and 1 to 128 of IPv6")
	}
	return func(r *http.Request) (string, error) {
		addr, err := ip(r)
		if err == nil && !addr.IsValid() {
			err = errNoAddress
		}
		if err != nil {
			return "", badRequest("address_unclear", "The client's address is not clear", err)
		}
		addr = embedded(addr.Unmap())
		if addr.Is4() { // 4 or 16 bytes: the two families never share a key
			b := addr.As4()
			binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])>>(32-v4)<<(32-v4))
			return string(b[:]), nil
		}
		network, _ := addr.Prefix(v6) // v6 is valid
		b := network.Addr().As16()
		return string(b[:]), nil
	}
}

// embedded returns the IPv4 address in an address of a translator, or else addr. The
// prefix in 64:ff9b:1::/48 has 48, 56, 64 or 96 bits (RFC 6052, section 2.2): the zeros
// behind the IPv4 address show how many. An IPv4 address that ends with .0 may be taken
// for another one, so that two clients share a count.
func embedded(addr netip.Addr) netip.Addr {
	if addr.Is4() {
		return addr
	}
	b := addr.As16()
	if [4]byte(b[:4]) != [4]byte{0, 0x64, 0xff, 0x9b} {
		return addr
	}
	if [8]byte(b[4:12]) == [8]byte{} {
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	if b[4] != 0 || b[5] != 1 || b[8] != 0 { // bits 64 to 71 are zero in every form
		return addr
	}
	switch n := len(bytes.TrimRight(b[:], "\x00")); {
	case n <= 11: // 48
		return netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]})
	case n == 12: // 56
		return netip.AddrFrom4([4]byte{b[7], b[9], b[10], b[11]})
	case n == 13: // 64
		return netip.AddrFrom4([4]byte(b[9:13]))
	}
	return netip.AddrFrom4([4]byte(b[12:])) // 96
}

// ByPrincipal counts per principal of the authentication step around the
// limiter. A request that the step did not authenticate is refused with 401.
// Without a step around it, the limiter answers every request with 500.
func ByPrincipal[P any](id func(P) string) Key {
	if id == nil {
		wiring.Panic("ratelimit", "ByPrincipal of nil")
	}
	return func(r *http.Request) (string, error) {
		p, err := guard.Authenticated[P](r.Context())
		if err != nil {
			return "", err
		}
		return id(p), nil
	}
}

// ByHeader counts per value of a header field. A trusted proxy must set it: a
// client that chooses the value chooses its quota. A request with no such field
// or with two is refused with 400.
func ByHeader(name string) Key {
	if name == "" {
		wiring.Panic("ratelimit", "ByHeader without a name")
	}
	name = http.CanonicalHeaderKey(name)
	errNone := fmt.Errorf("ratelimit: no header %s", name)
	errTwo := fmt.Errorf("ratelimit: more than one header %s", name)
	return func(r *http.Request) (string, error) {
		switch lines := r.Header[name]; {
		case len(lines) > 1:
			return "", badRequest("header_repeated", "", errTwo)
		case len(lines) == 0 || lines[0] == "":
			return "", badRequest("header_missing", "", errNone)
		default:
			return lines[0], nil
		}
	}
}

// Join counts per combination of keys, none of which may be empty. It returns
// the first error of a key, ErrSkip too.
func Join(keys ...Key) Key {
	if len(keys) == 0 {
		wiring.Panic("ratelimit", "Join of nothing")
	}
	for i, k := range keys {
		if k == nil {
			wiring.Panic("ratelimit", "key %d of a Join is nil", i+1)
		}
	}
	keys = append([]Key(nil), keys...)
	return func(r *http.Request) (string, error) {
		parts, size := make([]string, 0, 4), 0
		for _, k := range keys {
			s, err := k(r)
			if err != nil {
				return "", err
			}
			if s == "" {
				return "", errors.New("ratelimit: a key of Join is empty")
			}
			parts, size = append(parts, s), size+binary.MaxVarintLen64+len(s)
		}
		var b strings.Builder
		var length [binary.MaxVarintLen64]byte
		b.Grow(size)
		for _, s := range parts { // no separator that a part may hold
			b.Write(length[:binary.PutUvarint(length[:], uint64(len(s)))])
			b.WriteString(s)
		}
		return b.String(), nil
	}
}

var errNoAddress = errors.New("ratelimit: no client address")

var errEmptyKey = errors.New("ratelimit: the key is empty")

// badRequest is a 400 with the cause err, or err itself if it is a refusal.
func badRequest(code, message string, err error) error {
	if e, _ := errors.AsType[*guard.Error](err); e != nil {
		return err
	}
	return &guard.Error{Status: http.StatusBadRequest, Code: code, Message: message, Err: err}
}
