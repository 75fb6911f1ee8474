// Package sealed encrypts what is given away and must come back unchanged, such as the
// value of a cookie (AES-256-GCM with random nonces).
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/internal/wiring"
)

// MinKey is the minimum length of a key, in bytes.
const MinKey = 32

// A Box seals with its first key, and opens what any of its keys sealed. The zero value
// opens nothing.
type Box struct {
	aeads secret.Value[[]cipher.AEAD]
}

// New returns a Box of one or more keys of MinKey bytes or more, the newest first. It
// derives a key from each for the purpose (HKDF, RFC 5869), so that what another purpose
// sealed with the same key does not open. The error names every key that is too short, or
// has zeros only.
func New[K ~[]byte](purpose string, keys ...K) (Box, error) {
	var errs []error
	aeads := make([]cipher.AEAD, len(keys))
	for i, key := range keys {
		if len(key) < MinKey {
			errs = append(errs, fmt.Errorf("key %d has %d bytes, want at least %d", i+1, len(key), MinKey))
			continue
		}
		if wiring.IsZero(key) {
			errs = append(errs, fmt.Errorf("key %d has zeros only: fill it from crypto/rand", i+1))
			continue
		}
		derived, err := hkdf.Key(sha256.New, key, nil, purpose, MinKey)
		if err == nil {
			var block cipher.Block
			if block, err = aes.NewCipher(derived); err == nil {
				aeads[i], err = cipher.NewGCMWithRandomNonce(block)
			}
		}
		errs = append(errs, err)
	}
	if len(keys) == 0 {
		errs = append(errs, errors.New("there is no key"))
	}
	return Box{secret.New(aeads)}, errors.Join(errs...)
}

// Seal returns base64url without padding: 4 characters for each 3 bytes, and 38 for the
// nonce and the tag. Only an Open with the same context opens it.
func (b Box) Seal(plaintext []byte, context string) string {
	return base64.RawURLEncoding.EncodeToString(b.aeads.Reveal()[0].Seal(nil, nil, plaintext, []byte(context)))
}

// Open returns what Seal sealed; ok is false for any other text.
func (b Box) Open(text, context string) (plaintext []byte, ok bool) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder ignores
		return nil, false
	}
	for _, aead := range b.aeads.Reveal() {
		if plaintext, err := aead.Open(nil, nil, sealed, []byte(context)); err == nil {
			return plaintext, true
		}
	}
	return nil, false
}
