package totp

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
)

const (
	recoveryCount  = 10
	recoveryBits   = 80
	recoveryLength = recoveryBits / 5 // characters without hyphens
)

// A digest is that of a recovery code. Nothing slower than SHA-256 is needed: 80 random
// bits cannot be guessed.
type digest [sha256.Size]byte

func digestOf(code string) digest { return sha256.Sum256([]byte(code)) }

// newRecovery returns recovery codes, as they are shown, and their digests.
func newRecovery() (codes []string, digests []digest) {
	for range recoveryCount {
		var b [recoveryBits / 8]byte
		_, _ = rand.Read(b[:]) // never fails
		c := base32.StdEncoding.EncodeToString(b[:])
		digests = append(digests, digestOf(c))
		codes = append(codes, c[:4]+"-"+c[4:8]+"-"+c[8:12]+"-"+c[12:])
	}
	return codes, digests
}

// find returns the index of a digest, or -1. It compares with each.
func find(digests []digest, want digest) int {
	at := -1
	for i := range digests {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(digests[i][:], want[:]), i, at)
	}
	return at
}
