package password

import (
	"crypto/subtle"
	"errors"
	"strings"
)

// An encodedHash is a stored hash that was parsed.
type encodedHash interface {
	matches(pw string) bool
	maxLength() int // of a password, in bytes
}

// errEncoding does not contain the encoding: a hash must not be logged.
var errEncoding = errors.New("password: the stored hash is malformed, or its parameters are out of bounds")

// parse limits what it accepts: verifying a stolen or corrupt encoding must not
// exhaust memory or processors.
func parse(encoded string) (encodedHash, error) {
	switch {
	case len(encoded) > 256:
		return nil, errEncoding
	case strings.HasPrefix(encoded, "$argon2id$"):
		return parseArgon2(encoded)
	case strings.HasPrefix(encoded, "$2a$"), strings.HasPrefix(encoded, "$2b$"), strings.HasPrefix(encoded, "$2y$"):
		return parseBcrypt(encoded)
	}
	return nil, errEncoding
}

// isCurrent reports whether Hash would use the algorithm and parameters of e.
func (h *Hasher) isCurrent(e encodedHash) bool {
	if h.bcryptCost != 0 {
		b, ok := e.(bcryptHash)
		return ok && b.cost == h.bcryptCost
	}
	a, ok := e.(argon2Hash)
	return ok && a.argon2Params == h.argon2 && len(a.salt) == saltLen && len(a.sum) == sumLen
}

// makeDummy returns an encoding that no known password matches. It takes no
// hashing.
func (h *Hasher) makeDummy() string {
	if h.bcryptCost != 0 {
		return dummyBcrypt(h.bcryptCost)
	}
	return argon2Hash{argon2Params: h.argon2, salt: make([]byte, saltLen), sum: make([]byte, sumLen)}.String()
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
