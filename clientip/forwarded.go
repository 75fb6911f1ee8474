package clientip

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Forwarded reads the "for" parameters of Forwarded (RFC 7239) as [XFF] reads
// X-Forwarded-For, empty elements included, and panics in the same cases. An
// element of a trusted proxy without an address ("unknown", an obfuscated name, no
// "for" at all) is an error. So is an obfuscated port, which the grammar allows and
// proxies do not write.
func Forwarded(trustedProxies ...netip.Prefix) Func {
	proxies := newProxies("Forwarded", trustedProxies)
	return func(r *http.Request) (netip.Addr, error) {
		addr, direct, err := proxies.direct(r)
		if direct || err != nil {
			return addr, err
		}
		lines, empty := r.Header["Forwarded"], 0
		for i := len(lines) - 1; i >= 0; i-- {
			for rest, more := lines[i], true; more; {
				var element string
				if element, rest, more, err = lastElement(rest); err != nil {
					return netip.Addr{}, err
				}
				if element = strings.Trim(element, " \t"); element == "" && empty < maxEmpty {
					empty++
					continue
				}
				if empty > 0 {
					return netip.Addr{}, errEmpty("Forwarded")
				}
				if addr, err = forwardedFor(element); err != nil {
					return netip.Addr{}, err
				}
				if !proxies.has(addr) {
					return addr, nil
				}
			}
		}
		return orUnix(addr)
	}
}

// maxElement bounds the element of one proxy: "for", "by", "host" and "proto".
const maxElement = 512

var errElement = errors.New("clientip: Forwarded: an element is too long or has an open quotation")

// lastElement cuts off the element behind the last comma that is not quoted. It
// reads from the right, so an open quotation of the client cannot swallow the
// elements of the proxies behind it.
func lastElement(s string) (element, rest string, more bool, err error) {
	quotes := false
	for i := len(s) - 1; i >= 0; i-- {
		if len(s)-i > maxElement {
			return "", "", false, errElement
		}
		switch {
		case s[i] == '"' && !(quotes && escaped(s, i)):
			quotes = !quotes
		case s[i] == ',' && !quotes:
			return s[i+1:], s[:i], true, nil
		}
	}
	if quotes {
		return "", "", false, errElement
	}
	return s, "", false, nil
}

// escaped reports whether the quote s[i] is part of a quoted-pair: an odd number
// of backslashes precedes it.
func escaped(s string, i int) bool {
	n := 0
	for i--; i >= 0 && s[i] == '\\' && n < maxElement; i-- {
		n++
	}
	return n%2 == 1
}

// forwardedFor returns the address of the one "for" in an element (RFC 7239,
// section 4): pairs separated by semicolons, with names in any letter case. Pairs
// may be empty.
func forwardedFor(element string) (addr netip.Addr, err error) {
	node, found := "", false
	for rest := strings.TrimLeft(element, " \t;"); rest != ""; rest = strings.TrimLeft(rest, " \t;") {
		var name, value string
		var ok bool
		if name, value, rest, ok = nextPair(rest); !ok {
			return netip.Addr{}, fmt.Errorf("clientip: Forwarded: the element %s is malformed", quoted(element))
		}
		if len(name) == 3 && strings.EqualFold(name, "for") {
			if found {
				return netip.Addr{}, errors.New(`clientip: Forwarded: an element has two "for"`)
			}
			node, found = value, true
		}
	}
	if !found {
		return netip.Addr{}, errors.New(`clientip: Forwarded: an element has no "for"`)
	}
	addr, ok := parseNode(node)
	if !ok {
		return netip.Addr{}, notAnAddress("Forwarded", node)
	}
	return addr, nil
}

// nextPair reads name=value up to a semicolon or the end. It does not decode the
// escapes of a quoted value: no address needs one.
func nextPair(s string) (name, value, rest string, ok bool) {
	name, s, ok = strings.Cut(s, "=")
	if !ok || name == "" || strings.ContainsAny(name, " \t\";") {
		return "", "", "", false
	}
	end := 0
	if strings.HasPrefix(s, `"`) {
		for end = 1; end < len(s) && s[end] != '"'; end++ {
			if s[end] == '\\' {
				end++
			}
		}
		if end >= len(s) {
			return "", "", "", false
		}
		value, s = s[1:end], strings.TrimLeft(s[end+1:], " \t")
	} else {
		if end = strings.IndexByte(s, ';'); end < 0 {
			end = len(s)
		}
		value, s = strings.TrimRight(s[:end], " \t"), s[end:]
		// A token has no colon, but proxies write ports unquoted.
		if value == "" || strings.ContainsAny(value, " \t\"\\") {
			return "", "", "", false
		}
	}
	return name, value, s, s == "" || s[0] == ';'
}
