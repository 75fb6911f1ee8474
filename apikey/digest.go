package apikey

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/hmacstate"
	"github.com/go-guard/guard/internal/wiring"
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
	peppers []hmacstate.Key // the zero one is plain SHA-256
}

func newDigester(pepper guard.Secret, old []guard.Secret) (digester, error) {
	var errs []error
	var d digester
	var peppers [][]byte
	for _, p := range append([]guard.Secret{pepper}, old...) {
		if p != nil && len(p) < 32 { // an unset environment variable is empty, not nil
			errs = append(errs, fmt.Errorf("apikey: a pepper of %d bytes: at least 32 bytes are needed", len(p)))
		} else if wiring.IsZero(p) {
			errs = append(errs, errors.New("apikey: a pepper has zeros only: fill it from crypto/rand"))
		}
		for _, other := range peppers {
			if bytes.Equal(other, p) {
				errs = append(errs, errors.New("apikey: a pepper is named twice"))
			}
		}
		peppers = append(peppers, p)
		var mac hmacstate.Key
		if p != nil {
			mac = hmacstate.New(sha256.New, bytes.Clone(p))
		}
		d.peppers = append(d.peppers, mac)
	}
	return d, errors.Join(errs...)
}

func (d digester) digest(key string) Digest { return digestWith(d.peppers[0], key) }

func digestWith(pepper hmacstate.Key, key string) (d Digest) {
	if pepper.IsZero() {
		return DigestOf(key)
	}
	hmacstate.Append(pepper, d[:0], key)
	return d
}

// match returns the digest of e that key has: the current one, or a previous one
// before its Until. It tries every pepper, so that its duration does not depend on
// which one matches.
func (d digester) match(key string, e *Entry, now time.Time) (matched *Digest) {
	for _, p := range d.peppers {
		sum := digestWith(p, key)
		if equal(&sum, &e.Digest) {
			matched = &e.Digest
		}
		for i := range e.Previous {
			if p := &e.Previous[i]; equal(&sum, &p.Digest) && now.Before(p.Until) {
				matched = &p.Digest
			}
		}
	}
	return matched
}

func equal(a, b *Digest) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
