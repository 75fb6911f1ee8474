package dpop

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

// A target is the origin of the requests, in its normal form.
type target struct{ scheme, host, prefix string }

// matches reports whether htu is the URL of a request, both without query and fragment
// (RFC 9449, section 4.3), after the normalization of RFC 3986, sections 6.2.2 and 6.2.3.
func (t *target) matches(htu []byte, r *http.Request) bool {
	for _, c := range htu {
		if c <= ' ' || c == 0x7f {
			return false // no URL has it
		}
	}
	if i := bytes.IndexAny(htu, "?#"); i >= 0 {
		htu = htu[:i]
	}
	scheme, rest, ok := bytes.Cut(htu, []byte("://"))
	if !ok || !equalFold(scheme, t.scheme) {
		return false
	}
	host, path := rest, []byte("/")
	if i := bytes.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if !equalFold([]byte(withoutPort(t.scheme, string(host))), t.host) {
		return false
	}
	sent := pathOf(r)
	if t.prefix == "" && string(path) == sent {
		return wellFormed(path)
	}
	if len(sent)+len(t.prefix) > 3*maxProof || !wellFormed(path) {
		return false // no proof is as long, even if it spells each byte as %xx
	}
	var given, want [512]byte
	a := normalPath(append(given[:0], path...))
	b := normalPath(append(append(want[:0], t.prefix...), sent...))
	return bytes.Equal(a, b)
}

// pathOf returns the path that the client sent, also where a handler such as
// http.StripPrefix has changed r.URL.
func pathOf(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return path
	}
	sent := r.URL
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil { // the absolute form (RFC 9112, section 3.2.2)
		sent = u
	}
	if path := sent.EscapedPath(); path != "" {
		return path
	}
	return "/" // RFC 3986, section 6.2.3
}

// withoutPort removes an empty port and the default one of a scheme.
func withoutPort(scheme, host string) string {
	host = strings.TrimSuffix(host, ":")
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

// equalFold compares ASCII: bytes.EqualFold would take the Kelvin sign for a k.
func equalFold(text []byte, lowered string) bool {
	if len(text) != len(lowered) {
		return false
	}
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lowered[i] {
			return false
		}
	}
	return true
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// wellFormed reports whether each percent sign begins an escape.
func wellFormed(path []byte) bool {
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			continue
		}
		if _, ok := unescape(path[i:]); !ok {
			return false
		}
		i += 2
	}
	return true
}

// unescape returns the byte of the escape that text begins with.
func unescape(text []byte) (c byte, ok bool) {
	if len(text) < 3 {
		return 0, false
	}
	high, low := hexDigit(text[1]), hexDigit(text[2])
	return high<<4 | low, text[0] == '%' && high < 16 && low < 16
}

func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

// normalPath returns the normal form of a path: escapes in upper case, unescaped where
// the character is unreserved, without dot segments. What must be escaped is, as clients
// differ about "|" and such.
func normalPath(path []byte) []byte {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(path)+16)
	for i := 0; i < len(path); i++ {
		c := path[i]
		escaped, ok := unescape(path[i:])
		switch {
		case ok && isUnreserved(escaped):
			out = append(out, escaped)
			i += 2
			continue
		case ok:
			c = escaped
			i += 2
		case isUnreserved(c) || strings.IndexByte("/:@!$&'()*+,;=", c) >= 0:
			out = append(out, c)
			continue
		}
		out = append(out, '%', digits[c>>4], digits[c&15])
	}
	return withoutDots(out)
}

// isUnreserved: RFC 3986, section 2.3.
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// withoutDots removes the dot segments of a path that begins with a slash, in place (RFC
// 3986, section 5.2.4).
func withoutDots(path []byte) []byte {
	out := path[:0]
	for len(path) > 0 {
		end := len(path)
		if i := bytes.IndexByte(path[1:], '/'); i >= 0 {
			end = i + 1
		}
		segment, last := path[:end], end == len(path)
		path = path[end:]
		switch string(segment) {
		case "/..":
			out = out[:max(0, bytes.LastIndexByte(out, '/'))]
			fallthrough
		case "/.":
			if last {
				out = append(out, '/')
			}
		default:
			out = append(out, segment...)
		}
	}
	return out
}
