package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// tokenLen is the length of 32 bytes in base64url without padding.
const tokenLen = 43

// tokenEncoding accepts one spelling of each token.
var tokenEncoding = base64.RawURLEncoding.Strict()

// newToken returns a random token and its key, which is in the subject's shard:
// see [Key.Shard].
func newToken(subject string) (token string, key Key) {
	var raw [32]byte
	for shard := ShardOf(subject); ; {
		_, _ = rand.Read(raw[:]) // never fails
		if key = sha256.Sum256(raw[:]); key.Shard() == shard {
			return tokenEncoding.EncodeToString(raw[:]), key
		}
	}
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
	return sha256.Sum256(raw[:32]), true
}
