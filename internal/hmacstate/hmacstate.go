// Package hmacstate computes HMACs (RFC 2104) of short texts under a key that is
// used many times. A new crypto/hmac hash allocates two states and hashes the key
// twice for each text; here the states are reused, through their Reset.
package hmacstate

import (
	"bytes"
	"crypto/hmac"
	"hash"
	"sync"

	"github.com/go-guard/guard/internal/secret"
)

// A Key is a key with the states that are ready for its next text. It is safe for
// use by several goroutines, and no printer shows it. The zero Key panics: check
// with IsZero.
type Key struct{ states secret.Value[*sync.Pool] }

// A state is used by one goroutine at a time.
type state struct {
	hash  hash.Hash
	chunk [512]byte // of the text: a hash.Hash moves what it is given to the heap
	sum   [64]byte
}

// New returns the Key of the HMAC with the hash h, of at most 64 bytes. It copies key.
func New(h func() hash.Hash, key []byte) Key {
	key = bytes.Clone(key)
	return Key{secret.New(&sync.Pool{New: func() any { return &state{hash: hmac.New(h, key)} }})}
}

// IsZero reports whether k is the zero Key.
func (k Key) IsZero() bool { return k.states.Reveal() == nil }

// Append appends the MAC of text to dst.
func Append[T string | []byte](k Key, dst []byte, text T) []byte {
	pool := k.states.Reveal()
	s := pool.Get().(*state)
	dst = append(dst, sumOf(s, text)...)
	pool.Put(s)
	return dst
}

// Equal reports whether mac is the MAC of text, in a time that does not depend on
// where they differ.
func Equal[T string | []byte](k Key, text T, mac []byte) bool {
	pool := k.states.Reveal()
	s := pool.Get().(*state)
	equal := hmac.Equal(sumOf(s, text), mac)
	pool.Put(s)
	return equal
}

// sumOf returns the MAC of text, which is valid until the next use of s.
func sumOf[T string | []byte](s *state, text T) []byte {
	s.hash.Reset() // before, not after: a state that is new, too, is then saved for the next Reset
	for len(text) > 0 {
		n := copy(s.chunk[:], text)
		s.hash.Write(s.chunk[:n])
		text = text[n:]
	}
	return s.hash.Sum(s.sum[:0])
}
