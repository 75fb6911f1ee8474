package refresh

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// A token is the content of a refresh token, which is written as
//
//	base64url(id, 16 bytes | expires, 8 | generation, 4 | subject | MAC of all that, 32)
//
// It has no dot, so that no parser takes it for an access token. By the MAC, a
// forged token is refused without the store, the store needs no tokens, and the
// successor of a token is the same whichever process computes it. A token
// reveals nothing about its successor.
type token struct {
	id         [16]byte
	expires    time.Time // of the family, in whole seconds
	generation uint32
	subject    string
}

const (
	headSize = 16 + 8 + 4                 // in front of the subject
	minSize  = headSize + 1 + sha256.Size // before base64url

	// maxSubject limits the length of a subject, and by it that of a token.
	maxSubject = 1024

	minKeySize = 32
)

var maxTokenLen = base64.RawURLEncoding.EncodedLen(minSize - 1 + maxSubject)

// familyID returns the ID that the store and the sid claim have.
func (t token) familyID() string { return base64.RawURLEncoding.EncodeToString(t.id[:]) }

// macKeys are the keys of the MAC: the first makes tokens, all check them.
type macKeys [][]byte

func (k macKeys) seal(t token) string {
	b := make([]byte, 0, minSize+len(t.subject))
	b = append(b, t.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.expires.Unix()))
	b = binary.BigEndian.AppendUint32(b, t.generation)
	b = append(b, t.subject...)
	return base64.RawURLEncoding.EncodeToString(append(b, mac(k[0], b)...))
}

// open returns the content of a token; ok is false if the token is forged.
func (k macKeys) open(text string) (t token, ok bool) {
	if len(text) > maxTokenLen {
		return t, false
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < minSize || base64.RawURLEncoding.EncodeToString(b) != text { // one spelling only
		return t, false
	}
	content, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	for _, key := range k {
		ok = hmac.Equal(sum, mac(key, content)) || ok
	}
	if !ok {
		return t, false
	}
	copy(t.id[:], content)
	t.expires = time.Unix(int64(binary.BigEndian.Uint64(content[16:])), 0)
	t.generation = binary.BigEndian.Uint32(content[24:])
	t.subject = string(content[headSize:])
	return t, true
}

func mac(key, content []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(content)
	return h.Sum(nil)
}

// newMACKeys derives the keys from the secrets of o, or those of the issuer if o
// has no Key. The keys are bound to scope: with the same secret, a refresh token
// of another issuer, for another audience or of another type is forged.
func newMACKeys(o *Options, issuerSecrets func() ([][]byte, error), scope []string) (macKeys, error) {
	secrets := [][]byte{o.Key}
	if o.Key == nil {
		var err error
		if secrets, err = issuerSecrets(); err != nil {
			return nil, fmt.Errorf("refresh: no key can be derived, set Options.Key: %w", err)
		}
	}
	info := []byte("guard jwtauth refresh token 2")
	for _, s := range scope {
		info = append(binary.AppendUvarint(info, uint64(len(s))), s...)
	}
	var keys macKeys
	var errs []error
	for _, s := range slices.Concat(secrets, o.PreviousKeys) {
		if len(s) < minKeySize {
			errs = append(errs, fmt.Errorf("refresh: a key has %d bytes, and needs %d", len(s), minKeySize))
		}
		k, err := hkdf.Key(sha256.New, s, nil, string(info), sha256.Size)
		keys, errs = append(keys, k), append(errs, err)
	}
	return keys, errors.Join(errs...)
}

func checkSubject(subject string) error {
	if subject == "" || len(subject) > maxSubject || !utf8.ValidString(subject) {
		return fmt.Errorf("refresh: a subject is valid UTF-8 of 1 to %d bytes", maxSubject)
	}
	return nil
}
