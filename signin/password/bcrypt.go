package password

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	maxCost         = 16 // in Options and in stored hashes
	maxBcryptLength = 72 // bcrypt ignores the bytes after these
)

// A bcryptHash is a bcrypt hash in its usual format.
type bcryptHash struct {
	encoded string
	cost    int
}

func (b bcryptHash) matches(pw string) bool {
	return bcrypt.CompareHashAndPassword([]byte(b.encoded), []byte(pw[:min(len(pw), maxBcryptLength)])) == nil
}

func (b bcryptHash) maxLength() int { return maxBcryptLength }

func hashBcrypt(pw string, cost int) (string, error) {
	b, err := bcrypt.GenerateFromPassword([]byte(pw), cost)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	return string(b), nil
}

// dummyBcrypt returns a well-formed encoding: a malformed one would be refused
// without hashing.
func dummyBcrypt(cost int) string {
	return fmt.Sprintf("$2a$%02d$%s", cost, strings.Repeat(".", 22+31))
}

func parseBcrypt(encoded string) (encodedHash, error) {
	const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if len(encoded) != 60 || encoded[6] != '$' || strings.Trim(encoded[7:], alphabet) != "" || encoded[4] == '+' {
		return nil, errEncoding
	}
	cost, err := bcrypt.Cost([]byte(encoded))
	if err != nil || cost > maxCost {
		return nil, errEncoding
	}
	return bcryptHash{encoded, cost}, nil
}
