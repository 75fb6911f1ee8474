package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// A token is 32 bytes: 8 of the subject's digest, which stores find the subject's
// sessions by, and 24 random ones. tokenLen is its length in base64url without padding.
const (
	tagLen   = 8
	tokenLen = 43
)

// tokenEncoding accepts one spelling of each token.
var tokenEncoding = base64.RawURLEncoding.Strict()

// newToken returns a random token of the subject, and its key.
func newToken(subject string) (token string, key Key) {
	var raw [32]byte
	tag := sha256.Sum256([]byte(subject))
	copy(raw[:tagLen], tag[:])
	_, _ = rand.Read(raw[tagLen:]) // never fails
	var text [tokenLen]byte
	tokenEncoding.Encode(text[:], raw[:])
	return string(text[:]), digest(&raw)
}

// keyOf returns the key of a token; ok is false if the token is malformed.
func keyOf(token string) (key Key, ok bool) {
	if len(token) != tokenLen {
		return key, false
	}
	var text [tokenLen]byte
	var raw [33]byte
	copy(text[:], token)
	n, err := tokenEncoding.Decode(raw[:], text[:])
	if err != nil || n != 32 { // Decode skips line breaks
		return key, false
	}
	return digest((*[32]byte)(raw[:32])), true
}

// digest returns the key of a token's bytes. The digest covers the first ones, too: a
// token with another subject's has another key.
func digest(raw *[32]byte) (key Key) {
	sum := sha256.Sum256(raw[:])
	copy(key[:tagLen], raw[:])
	copy(key[tagLen:], sum[:])
	return key
}
