package link

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/hmacstate"
	"github.com/go-guard/guard/internal/wiring"
)

// A token is, in base64url without padding:
//
//	8 bytes   when it expires, in Unix milliseconds
//	          the subject
//	16 bytes  the tag of the above
//	16 bytes  the tag of the above and of the state
//
// The first tag is verified before the state is read, so that no one can have states
// read of subjects that they chose, or find out which exist. A tag is the first half of an
// HMAC-SHA-256 (RFC 2104, section 5).
type token struct {
	raw  [timeSize + maxSubject + 2*tagSize]byte
	size int
}

const (
	timeSize   = 8
	tagSize    = sha256.Size / 2
	maxSubject = 255
	maxToken   = ((timeSize+maxSubject+2*tagSize)*8 + 5) / 6 // characters
	minKey     = 32                                          // bytes
)

// strict accepts one spelling: the bits that the last character does not use are zero.
var strict = base64.RawURLEncoding.Strict()

// parse reports whether a text can be a token.
func parse(text string) (t token, ok bool) {
	if len(text) > maxToken || strings.ContainsAny(text, "\r\n") { // which the decoder ignores
		return t, false
	}
	var buf [maxToken]byte
	n, err := strict.Decode(t.raw[:], buf[:copy(buf[:], text)])
	t.size = n
	return t, err == nil && n > timeSize+2*tagSize
}

func (t *token) signed() []byte  { return t.raw[:t.size-2*tagSize] }
func (t *token) subject() []byte { return t.signed()[timeSize:] }
func (t *token) outer() []byte   { return t.raw[t.size-2*tagSize : t.size-tagSize] }
func (t *token) inner() []byte   { return t.raw[t.size-tagSize : t.size] }

func (t *token) expires() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(t.raw[:])))
}

// isBoundTo reports whether the token is of this state, and of the key that signed it.
func (t *token) isBoundTo(key hmacstate.Key, boundTo string) bool {
	tag := stateTag(key, t.signed(), boundTo)
	return hmac.Equal(tag[:], t.inner())
}

// The first byte of what is signed, which keeps the uses of a key apart.
const (
	ofToken = iota
	ofState
	ofCode
)

func tokenTag(key hmacstate.Key, signed []byte) [tagSize]byte {
	var buf [1 + timeSize + maxSubject]byte
	return tagOf(key, append(append(buf[:0], ofToken), signed...))
}

func stateTag(key hmacstate.Key, signed []byte, boundTo string) [tagSize]byte {
	var buf [1 + sha256.Size + timeSize + maxSubject]byte
	digest := sha256.Sum256([]byte(boundTo))
	return tagOf(key, append(append(append(buf[:0], ofState), digest[:]...), signed...))
}

func tagOf(key hmacstate.Key, text []byte) [tagSize]byte {
	var sum [sha256.Size]byte
	return [tagSize]byte(hmacstate.Append(key, sum[:0], text))
}

// keys sign with the first of them, and verify with any.
type keys []hmacstate.Key

// newKeys derives a key from each for a scope (HKDF, RFC 5869): what was signed for
// another purpose or URL is forged here.
func newKeys(scope string, secrets []guard.Secret) (keys, error) {
	var errs []error
	list := make(keys, len(secrets))
	for i, secret := range secrets {
		if len(secret) < minKey {
			errs = append(errs, fmt.Errorf("link: key %d of the key and OldKeys has %d bytes, want at least %d", i+1, len(secret), minKey))
			continue
		}
		if wiring.IsZero(secret) {
			errs = append(errs, fmt.Errorf("link: key %d of the key and OldKeys has zeros only: fill it from crypto/rand", i+1))
			continue
		}
		derived, err := hkdf.Key(sha256.New, secret, nil, "guard signin/link: "+scope, sha256.Size)
		list[i] = hmacstate.New(sha256.New, derived)
		errs = append(errs, err)
	}
	return list, errors.Join(errs...)
}

// sign returns a token.
func (k keys) sign(subject, boundTo string, expires time.Time) string {
	var buf [len(token{}.raw)]byte
	b := binary.BigEndian.AppendUint64(buf[:0], uint64(expires.UnixMilli()))
	b = append(b, subject...)
	outer, inner := tokenTag(k[0], b), stateTag(k[0], b, boundTo)
	b = append(append(b, outer[:]...), inner[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// signer returns the key that signed a token. ok is false for a forged one.
func (k keys) signer(t *token) (key hmacstate.Key, ok bool) {
	for _, key := range k {
		if tag := tokenTag(key, t.signed()); hmac.Equal(tag[:], t.outer()) {
			return key, true
		}
	}
	return key, false
}
