package totp

import (
	"crypto/hmac"
	"hash"
	"time"
)

var (
	Match       = match
	Parse       = parse
	ParseRecord = func(b []byte) ([]byte, error) {
		r, err := parseRecord(b)
		if err != nil {
			return nil, err
		}
		return r.marshal(), nil
	}
)

// HOTP returns the code of a counter.
func HOTP(h func() hash.Hash, secret []byte, counter [8]byte, digits int) string {
	mac := hmac.New(h, secret)
	mac.Write(counter[:])
	b := make([]byte, digits)
	hotp(mac.Sum(nil), b)
	return string(b)
}

// The kinds of Parse.
const (
	Malformed = malformed
	OneTime   = oneTime
	Recovery  = recovery
)

// NewFactorRecord returns a record with an active and a pending factor and digests.
func NewFactorRecord(now time.Time) []byte {
	_, digests := newRecovery()
	return (&record{active: newFactor(6, now), pending: newFactor(8, now), recovery: digests}).marshal()
}
