package password

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// The bounds of an encoding: what a stolen or mistaken one can make us do.
const (
	maxMemory  = 64 * 1024 // KiB
	maxTime    = 16
	maxThreads = 16
	maxCost    = 16
	maxBcrypt  = 72 // bcrypt ignores what is behind
	saltLen    = 16
	sumLen     = 32
)

// argon is the parameters of argon2id (RFC 9106, section 3.1).
type argon struct {
	memory, time uint32
	threads      uint8
}

func (a argon) hash(pw string) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails
	return argoned{a, salt, a.sum(pw, salt, sumLen)}.String()
}

func (a argon) sum(pw string, salt []byte, n int) []byte {
	return argon2.IDKey([]byte(pw), salt, a.time, a.memory, a.threads, uint32(n))
}

type argoned struct {
	argon
	salt, sum []byte
}

func (a argoned) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.memory, a.time, a.threads, b64(a.salt), b64(a.sum))
}

func (a argoned) matches(pw string) bool { return equal(a.argon.sum(pw, a.salt, len(a.sum)), a.sum) }

func (a argoned) maxLength() int { return MaxLength }

type bcrypted struct {
	encoded string
	cost    int
}

func (b bcrypted) matches(pw string) bool {
	return bcrypt.CompareHashAndPassword([]byte(b.encoded), []byte(pw[:min(len(pw), maxBcrypt)])) == nil
}

func (b bcrypted) maxLength() int { return maxBcrypt }

// dummyBcrypt is well formed, or else comparing would cost nothing.
func dummyBcrypt(cost int) string {
	return fmt.Sprintf("$2a$%02d$%s", cost, strings.Repeat(".", 22+31))
}

// errEncoding tells nothing of the encoding: a hash belongs in no log.
var errEncoding = errors.New("password: the stored hash is malformed, or its parameters are out of bounds")

func parse(encoded string) (verifier, error) {
	switch {
	case len(encoded) > 256:
		return nil, errEncoding
	case strings.HasPrefix(encoded, "$argon2id$"):
		return parseArgon(encoded)
	case strings.HasPrefix(encoded, "$2a$"), strings.HasPrefix(encoded, "$2b$"), strings.HasPrefix(encoded, "$2y$"):
		return parseBcrypt(encoded)
	}
	return nil, errEncoding
}

// parseArgon reads what String writes, and nothing else: one encoding, one
// spelling.
func parseArgon(encoded string) (verifier, error) {
	part := strings.Split(encoded, "$")
	if len(part) != 6 || part[2] != "v=19" {
		return nil, errEncoding
	}
	param := strings.Split(part[3], ",")
	if len(param) != 3 {
		return nil, errEncoding
	}
	var a argoned
	memory, ok1 := number(param[0], "m=", maxMemory)
	time, ok2 := number(param[1], "t=", maxTime)
	threads, ok3 := number(param[2], "p=", maxThreads)
	if !ok1 || !ok2 || !ok3 || memory < 8*threads {
		return nil, errEncoding
	}
	a.argon = argon{memory, time, uint8(threads)}
	var err1, err2 error
	a.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(part[4])
	a.sum, err2 = base64.RawStdEncoding.Strict().DecodeString(part[5])
	if err1 != nil || err2 != nil || len(a.salt) < 8 || len(a.salt) > 64 || len(a.sum) < 16 || len(a.sum) > 64 {
		return nil, errEncoding
	}
	if strings.ContainsAny(encoded, "\r\n") { // which base64 skips
		return nil, errEncoding
	}
	return a, nil
}

// number reads "m=19456": decimal, without sign or leading zero, 1 to limit.
func number(s, prefix string, limit uint32) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil && n <= uint64(limit)
}

func parseBcrypt(encoded string) (verifier, error) {
	const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if len(encoded) != 60 || encoded[6] != '$' || strings.Trim(encoded[7:], alphabet) != "" || encoded[4] == '+' {
		return nil, errEncoding
	}
	cost, err := bcrypt.Cost([]byte(encoded))
	if err != nil || cost > maxCost {
		return nil, errEncoding
	}
	return bcrypted{encoded, cost}, nil
}
