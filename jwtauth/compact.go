package jwtauth

import (
	"encoding/base64"
	"strings"

	"github.com/go-guard/guard/internal/field"
)

// A compact holds the decoded segments of a token (RFC 7515, section 7.1).
type compact struct {
	header, payload, signature []byte
	signed                     string // the text that is signed
}

var strict = base64.RawURLEncoding.Strict()

// cut finds the two dots between the segments of a token68.
func cut(token string) (first, last int, bad *reason) {
	if !field.IsToken68(token) || strings.HasSuffix(token, "=") {
		return 0, 0, notToken68(token)
	}
	first = strings.IndexByte(token, '.')
	last = strings.LastIndexByte(token, '.')
	switch {
	case first > 0 && last > first+1 && last < len(token)-1 && strings.IndexByte(token[first+1:last], '.') < 0:
		return first, last, nil
	case strings.Count(token, ".") == 4:
		return 0, 0, errEncrypted
	}
	return 0, 0, errSegments
}

// notToken68 returns why a text is not a token68 without padding. Padding, which a
// load balancer of AWS writes, is refused by RFC 7515, section 2.
func notToken68(token string) *reason {
	if strings.Trim(token, "=") == "" {
		return errMalformed
	}
	for part := range strings.SplitSeq(token, "=") {
		if part != "" && !field.IsToken68(part) {
			return errMalformed
		}
	}
	return errPadded
}

// decode decodes the segments into buf. It accepts one spelling of each, as the
// token is a token68: Go's strict decoder, too, skips line breaks.
func (c *compact) decode(token string, first, last int, buf []byte) *reason {
	c.signed = token[:last]
	for _, part := range [...]struct {
		to   *[]byte
		text string
	}{{&c.header, token[:first]}, {&c.payload, token[first+1 : last]}, {&c.signature, token[last+1:]}} {
		n, err := strict.Decode(buf, []byte(part.text))
		if err != nil {
			return errBase64
		}
		*part.to, buf = buf[:n:n], buf[n:]
	}
	return nil
}
