package ratelimit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/netip"

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
func ByIP(ip func(*http.Request) (netip.Addr, error)) Key { return ByIPPrefix(ip, 32, 64) }

// ByIPPrefix is ByIP with networks of v4 bits of IPv4 and v6 bits of IPv6. It
// panics if there are no such networks.
func ByIPPrefix(ip func(*http.Request) (netip.Addr, error), v4, v6 int) Key {
	if ip == nil || v4 < 1 || v4 > 32 || v6 < 1 || v6 > 128 {
		wiring.Panic("ratelimit", "addresses are counted by 1 to 32 bits of IPv4 and 1 to 128 of IPv6, and by a function that is not nil")
	}
	return func(r *http.Request) (string, error) {
		addr, err := ip(r)
		if err == nil && !addr.IsValid() {
			err = errNoAddress
		}
		if err != nil {
			return "", badRequest("address_unclear", "The client's address is not clear", err)
		}
		addr = addr.Unmap()
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
		b := make([]byte, 0, 64)
		for _, k := range keys {
			s, err := k(r)
			if err != nil {
				return "", err
			}
			if s == "" {
				return "", errEmptyKey
			}
			b = binary.AppendUvarint(b, uint64(len(s))) // no separator that a part may hold
			b = append(b, s...)
		}
		return string(b), nil
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
