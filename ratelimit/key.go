package ratelimit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/wiring"
)

// A Key names whom a request counts for. An error refuses the request: an
// *guard.Error as it says, [ErrSkip] not at all, and anything else is our own
// failure, as is the empty key.
type Key func(r *http.Request) (string, error)

// ErrSkip is the error of a Key whose request is not limited.
var ErrSkip = errors.New("ratelimit: this request is not limited")

// ByIP counts per client address, which ip finds out: see package clientip.
// An IPv6 address counts by its /64, the least that one subscriber has. The key
// is 4 or 16 bytes, the network's. A request whose address cannot be told is
// refused with 400.
func ByIP(ip func(*http.Request) (netip.Addr, error)) Key { return ByIPPrefix(ip, 32, 64) }

// ByIPPrefix is ByIP by networks of that many bits of IPv4 and of IPv6. It
// panics where there are no such networks.
func ByIPPrefix(ip func(*http.Request) (netip.Addr, error), v4, v6 int) Key {
	if ip == nil || v4 < 1 || v4 > 32 || v6 < 1 || v6 > 128 {
		wiring.Panic("ratelimit", "addresses are counted by 1 to 32 bits of IPv4 and 1 to 128 of IPv6, and by a function that is not nil")
	}
	keys := new(interned)
	return func(r *http.Request) (string, error) {
		addr, err := ip(r)
		if err == nil && !addr.IsValid() {
			err = errNoAddress
		}
		if err != nil {
			return "", badRequest("The client's address is not clear", err)
		}
		if !addr.Is4() {
			addr = addr.Unmap().WithZone("")
		}
		if addr.Is4() { // 4 or 16 bytes: the two families cannot meet
			b := addr.As4()
			binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])>>(32-v4)<<(32-v4))
			return keys.string(b[:], binary.BigEndian.Uint32(b[:])), nil
		}
		p, _ := addr.Prefix(v6) // of a length that was checked
		b := p.Addr().As16()
		return keys.string(b[:], uint32(binary.BigEndian.Uint64(b[:])*0x9e3779b97f4a7c15>>32)), nil
	}
}

// interned keeps some strings, so that who comes often costs no allocation. Who
// makes two collide costs one.
type interned [256]atomic.Pointer[string]

func (in *interned) string(b []byte, hash uint32) string {
	at := &in[hash*0x9e3779b1>>24]
	if s := at.Load(); s != nil && *s == string(b) {
		return *s
	}
	s := string(b)
	at.Store(&s)
	return s
}

// ByPrincipal counts per principal, which an authentication step in front
// found; without one the request is refused with 401.
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

// ByHeader counts per value of a header that something trusted sets: whoever
// can choose it chooses their quota. A request with none or two is refused with
// 400.
func ByHeader(name string) Key {
	if name == "" {
		wiring.Panic("ratelimit", "ByHeader without a name")
	}
	name = http.CanonicalHeaderKey(name)
	none := badRequest("", fmt.Errorf("ratelimit: no header %s", name))
	two := badRequest("", fmt.Errorf("ratelimit: more than one header %s", name))
	return func(r *http.Request) (string, error) {
		switch lines := r.Header[name]; {
		case len(lines) > 1:
			return "", two
		case len(lines) == 0 || lines[0] == "":
			return "", none
		default:
			return lines[0], nil
		}
	}
}

// Join counts per combination of keys, of which none may be empty. The first
// error, ErrSkip too, is Join's.
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

func badRequest(message string, err error) error {
	if e, _ := errors.AsType[*guard.Error](err); e != nil {
		return err
	}
	return &guard.Error{Status: http.StatusBadRequest, Message: message, Err: err}
}
