package apikey

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"
)

// A Digest is the SHA-256 of a key, or its HMAC-SHA-256 under the ring's pepper.
type Digest [32]byte

// DigestOf is the SHA-256 of a key, for the tables of applications that look
// keys up themselves. Keys must be long and random: the digest of a key that a
// person made up can be guessed.
func DigestOf(key string) Digest {
	var buf [128]byte
	return sha256.Sum256(append(buf[:0], key...))
}

// A digester makes and compares the digests of keys. New digests use the first
// pepper.
type digester struct {
	peppers [][]byte // an empty one is plain SHA-256
}

func newDigester(pepper []byte, old [][]byte) (digester, error) {
	var errs []error
	d := digester{}
	for _, p := range append([][]byte{pepper}, old...) {
		if len(p) > 0 && len(p) < 32 {
			errs = append(errs, errors.New("apikey: a pepper of less than 32 bytes"))
		}
		for _, other := range d.peppers {
			if bytes.Equal(other, p) {
				errs = append(errs, errors.New("apikey: a pepper is named twice"))
			}
		}
		d.peppers = append(d.peppers, bytes.Clone(p))
	}
	return d, errors.Join(errs...)
}

func (d digester) digest(key string) Digest { return digestWith(d.peppers[0], key) }

func digestWith(pepper []byte, key string) Digest {
	if len(pepper) == 0 {
		return DigestOf(key)
	}
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(key))
	return Digest(mac.Sum(nil))
}

// matches reports whether key is the entry's key, or its previous key before
// PreviousUntil. It tries every pepper, so that its duration does not depend on
// which one matches.
func (d digester) matches(key string, e *Entry, now time.Time) bool {
	matched := false
	for _, p := range d.peppers {
		sum := digestWith(p, key)
		if equal(&sum, &e.Digest) || now.Before(e.PreviousUntil) && equal(&sum, &e.Previous) {
			matched = true
		}
	}
	return matched
}

func equal(a, b *Digest) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
