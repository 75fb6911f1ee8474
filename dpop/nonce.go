package dpop

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/hmacstate"
)

// A nonce is a time and its MAC, so that every process that has the key knows it, and no
// store does.
const (
	minNonceKey   = 32
	nonceLifetime = 5 * time.Minute
	// nonceAhead is how far the clock of another process may be ahead.
	nonceAhead = time.Minute

	timeBytes  = 8
	tagBytes   = 16
	nonceBytes = timeBytes + tagBytes

	nonceField = "Dpop-Nonce" // as net/http spells DPoP-Nonce
)

var base64url = base64.RawURLEncoding.Strict()

type nonces struct {
	keys  []hmacstate.Key // the first one makes them
	label string
}

// newNonces returns the nonces of an origin: those of another one are not accepted (RFC
// 9449, section 9).
func newNonces(keys []guard.Secret, origin string) *nonces {
	n := &nonces{label: "guard dpop nonce " + origin + " "}
	for _, key := range keys {
		n.keys = append(n.keys, hmacstate.New(sha256.New, key))
	}
	return n
}

// next returns a nonce that is made now. It is a list of NQCHAR (RFC 9449, section 8.1).
func (n *nonces) next(now time.Time) string {
	var raw [timeBytes + sha256.Size]byte
	binary.BigEndian.PutUint64(raw[:], uint64(now.Unix()))
	n.tag(n.keys[0], raw[:timeBytes])
	return base64url.EncodeToString(raw[:nonceBytes])
}

// tag appends the MAC of a time to it.
func (n *nonces) tag(key hmacstate.Key, seconds []byte) []byte {
	var stackBuffer [320]byte
	text := append(append(stackBuffer[:0], n.label...), seconds...)
	return hmacstate.Append(key, seconds, text)
}

// check returns why a nonce is refused.
func (n *nonces) check(text []byte, now time.Time) *reason {
	var raw [nonceBytes]byte
	if len(text) != base64url.EncodedLen(nonceBytes) {
		return errNonce
	}
	if size, err := base64url.Decode(raw[:], text); err != nil || size != nonceBytes {
		return errNonce
	}
	var sum [timeBytes + sha256.Size]byte
	copy(sum[:], raw[:timeBytes])
	genuine := 0
	for _, key := range n.keys {
		n.tag(key, sum[:timeBytes])
		genuine |= subtle.ConstantTimeCompare(sum[timeBytes:nonceBytes], raw[timeBytes:])
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(raw[:timeBytes])), 0)
	switch {
	case genuine != 1 || made.After(now.Add(nonceAhead)):
		return errNonce
	case now.Sub(made) > nonceLifetime:
		return errOldNonce
	}
	return nil
}
