package apikey

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"
)

// DigestOf is the SHA-256 of a key, for the tables of applications that look
// keys up themselves. Keys must be long and random: the digest of one that was
// made up by a person can be guessed.
func DigestOf(key string) Digest {
	var buf [128]byte
	return sha256.Sum256(append(buf[:0], key...))
}

// A digester makes the digests of keys: with the first pepper for new ones.
type digester struct {
	peppers [][]byte // nil is plain SHA-256
}

func newDigester(pepper []byte, old [][]byte) (digester, error) {
	var errs []error
	d := digester{}
	for _, p := range append([][]byte{pepper}, old...) {
		if len(p) > 0 && len(p) < 32 {
			errs = append(errs, errors.New("apikey: a pepper of less than 32 bytes"))
		}
		for _, have := range d.peppers {
			if bytes.Equal(have, p) {
				errs = append(errs, errors.New("apikey: a pepper is named twice"))
			}
		}
		d.peppers = append(d.peppers, bytes.Clone(p))
	}
	return d, errors.Join(errs...)
}

func (d digester) of(key string) Digest { return digest(d.peppers[0], key) }

func digest(pepper []byte, key string) Digest {
	if len(pepper) == 0 {
		return DigestOf(key)
	}
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(key))
	return Digest(mac.Sum(nil))
}

// match reports whether key is the entry's, or was until a rotation whose
// overlap is not over.
func (d digester) match(key string, e *Entry, now time.Time) bool {
	match := false
	for _, p := range d.peppers {
		sum := digest(p, key)
		if equal(&sum, &e.Digest) || now.Before(e.PreviousUntil) && equal(&sum, &e.Previous) {
			match = true // no early return: which pepper it was is nobody's business
		}
	}
	return match
}

func equal(a, b *Digest) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
