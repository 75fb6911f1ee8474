package password

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The maximum parameters of argon2id, in Options and in stored hashes.
const (
	maxMemory  = 64 * 1024 // KiB
	maxTime    = 16
	maxThreads = 16
)

// The lengths in new hashes, in bytes.
const (
	saltLen = 16
	sumLen  = 32
)

// argon2Params are the parameters of argon2id (RFC 9106, section 3.1).
type argon2Params struct {
	memory, time uint32
	threads      uint8
}

// hash returns the encoding of pw with a random salt.
func (p argon2Params) hash(pw string) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails
	return argon2Hash{p, salt, p.sum(pw, salt, sumLen)}.String()
}

func (p argon2Params) sum(pw string, salt []byte, n int) []byte {
	return argon2.IDKey([]byte(pw), salt, p.time, p.memory, p.threads, uint32(n))
}

// An argon2Hash is an argon2id hash in the PHC format.
type argon2Hash struct {
	argon2Params
	salt, sum []byte
}

func (a argon2Hash) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.memory, a.time, a.threads, b64(a.salt), b64(a.sum))
}

func (a argon2Hash) matches(pw string) bool {
	return equal(a.argon2Params.sum(pw, a.salt, len(a.sum)), a.sum)
}

func (a argon2Hash) maxLength() int { return MaxLength }

// parseArgon2 parses the result of String, and accepts no other spelling.
func parseArgon2(encoded string) (encodedHash, error) {
	part := strings.Split(encoded, "$")
	if len(part) != 6 || part[2] != "v=19" {
		return nil, errEncoding
	}
	param := strings.Split(part[3], ",")
	if len(param) != 3 {
		return nil, errEncoding
	}
	memory, ok1 := number(param[0], "m=", maxMemory)
	time, ok2 := number(param[1], "t=", maxTime)
	threads, ok3 := number(param[2], "p=", maxThreads)
	if !ok1 || !ok2 || !ok3 || memory < 8*threads {
		return nil, errEncoding
	}
	salt, ok1 := decodeBytes(part[4], 8, 64)
	sum, ok2 := decodeBytes(part[5], 16, 64)
	if !ok1 || !ok2 {
		return nil, errEncoding
	}
	return argon2Hash{argon2Params{memory, time, uint8(threads)}, salt, sum}, nil
}

// number parses a parameter such as "m=19456": decimal, without a sign or leading
// zeros, from 1 to limit.
func number(s, prefix string, limit uint32) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil && n <= uint64(limit)
}

// decodeBytes decodes base64 of shortest to longest bytes.
func decodeBytes(s string, shortest, longest int) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") { // which DecodeString skips
		return nil, false
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) >= shortest && len(b) <= longest
}
