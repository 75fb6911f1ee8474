package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
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

// matches compares the first 72 bytes, as the programs do that truncate what they
// hash.
func (b bcryptHash) matches(pw string) (bool, error) {
	err := bcrypt.CompareHashAndPassword([]byte(b.encoded), []byte(pw[:min(len(pw), maxBcryptLength)]))
	if err != nil && !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, errEncoding
	}
	return err == nil, nil
}

// A prehashedBcrypt is a bcrypt hash of a digest of the password, whose end bcrypt
// would ignore.
type prehashedBcrypt struct {
	encodedHash
	digest func(pw string) string
}

func (b prehashedBcrypt) matches(pw string) (bool, error) {
	return b.encodedHash.matches(b.digest(pw))
}

// parseDjangoBcryptSHA256 parses "$2b$12$…", bcrypt of the SHA-256 in hexadecimal.
func parseDjangoBcryptSHA256(fields string) (encodedHash, error) {
	h, err := parseBcrypt(fields)
	return prehashedBcrypt{h, func(pw string) string {
		sum := sha256.Sum256([]byte(pw))
		return hex.EncodeToString(sum[:])
	}}, err
}

// parsePasslibBcryptSHA256 parses "v=2,t=2b,r=12$salt$sum", bcrypt of an HMAC by the
// salt in base64, and "2b,12$salt$sum" of the first version, bcrypt of the SHA-256.
func parsePasslibBcryptSHA256(fields string) (encodedHash, error) {
	part := strings.Split(fields, "$")
	if len(part) != 3 || len(part[1]) != 22 || len(part[2]) != 31 {
		return nil, errEncoding
	}
	params, isKeyed := strings.CutPrefix(part[0], "v=2,t=")
	variant, rounds, _ := strings.Cut(params, ",")
	if isKeyed {
		rounds = strings.TrimPrefix(rounds, "r=")
	}
	if len(rounds) == 1 {
		rounds = "0" + rounds
	}
	h, err := parseBcrypt("$" + variant + "$" + rounds + "$" + part[1] + part[2])
	return prehashedBcrypt{h, func(pw string) string {
		sum := sha256.New()
		if isKeyed {
			sum = hmac.New(sha256.New, []byte(part[1]))
		}
		sum.Write([]byte(pw))
		return base64.StdEncoding.EncodeToString(sum.Sum(nil))
	}}, err
}

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

// parseBcrypt accepts $2a$, $2b$ and $2y$, which are one algorithm. $2x$ marks hashes
// of a faulty one, under which several passwords match, and $2$ an older one: x/crypto
// computes neither.
func parseBcrypt(encoded string) (encodedHash, error) {
	const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if len(encoded) != 60 || encoded[:2] != "$2" || !strings.Contains("aby", encoded[2:3]) || encoded[3] != '$' ||
		encoded[6] != '$' || strings.Trim(encoded[7:], alphabet) != "" || encoded[4] == '+' {
		return nil, errEncoding
	}
	cost, err := bcrypt.Cost([]byte(encoded))
	if err != nil {
		return nil, errEncoding
	}
	if cost > maxCost {
		return nil, errCost
	}
	return bcryptHash{encoded, cost}, nil
}
