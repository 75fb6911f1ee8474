package session_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/go-guard/guard/session"
)

// Tokens differ, and one digest makes each: the keys of a subject share 8 bytes, which
// are in the token in clear, and nothing else.
func TestToken(t *testing.T) {
	seen := map[string]bool{}
	for _, subject := range []string{"alice", "bob", "1", ""} {
		digest := sha256.Sum256([]byte(subject))
		parts := map[string]bool{}
		for range 20 {
			token, key := session.NewToken(subject)
			if got, ok := session.KeyOf(token); !ok || got != key || seen[token] {
				t.Fatalf("%q of %s: %t, %x", token, subject, ok, key)
			}
			seen[token] = true
			raw, err := base64.RawURLEncoding.DecodeString(token)
			if err != nil || !bytes.Equal(raw[:8], digest[:8]) || !bytes.Equal(key[:8], digest[:8]) {
				t.Fatalf("%x has the key %x, %v", raw, key, err)
			}
			sum := sha256.Sum256(raw)
			if !bytes.Equal(key[8:], sum[:24]) {
				t.Fatalf("%x has the key %x", raw, key)
			}
			parts[string(raw[8:16])], parts[string(raw[24:])], parts[string(key[8:16])] = true, true, true
			// The same random bytes of another subject are another key.
			raw[0] ^= 1
			if other, ok := session.KeyOf(base64.RawURLEncoding.EncodeToString(raw)); !ok || bytes.Equal(other[8:], key[8:]) {
				t.Errorf("%t, %x", ok, other)
			}
		}
		if len(parts) != 60 {
			t.Errorf("%d different parts of 60", len(parts))
		}
	}
	for _, bad := range []string{"", "A", "\n\n\n\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="} {
		if _, ok := session.KeyOf(bad); ok {
			t.Errorf("%q is a token", bad)
		}
	}
}
