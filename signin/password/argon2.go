package password

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The maximum parameters of argon2id in Options.
const (
	maxMemory  = 64 * 1024 // KiB
	maxTime    = 16
	maxThreads = 16
)

// The lengths in new hashes, in bytes, and of the salt in stored ones.
const (
	saltLen = 16
	sumLen  = 32
	maxSalt = 128
)

// argon2Params are the parameters of argon2 (RFC 9106, section 3.1).
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

func (a argon2Hash) matches(pw string) (bool, error) {
	return equal(a.argon2Params.sum(pw, a.salt, len(a.sum)), a.sum), nil
}

// An argon2iHash is a hash by argon2i, as PHP and older programs made them.
type argon2iHash struct{ argon2Hash }

func (a argon2iHash) matches(pw string) (bool, error) {
	return equal(argon2.Key([]byte(pw), a.salt, a.time, a.memory, a.threads, uint32(len(a.sum))), a.sum), nil
}

// parseArgon2 parses what follows the name in the result of String, and accepts no
// other spelling. x/crypto has no argon2d, and no version but 19.
func (c ceiling) parseArgon2(name, fields string) (encodedHash, error) {
	part := strings.Split(fields, "$")
	if len(part) != 4 || part[0] != "v=19" {
		return nil, errEncoding
	}
	param := strings.Split(part[1], ",")
	if len(param) != 3 {
		return nil, errEncoding
	}
	memory, ok1 := number(param[0], "m=")
	time, ok2 := number(param[1], "t=")
	threads, ok3 := number(param[2], "p=")
	if !ok1 || !ok2 || !ok3 || threads > 255 || memory < 8*threads {
		return nil, errEncoding
	}
	if memory > c.memory {
		return nil, errMemory
	}
	if time > c.memoryTime/memory {
		return nil, errMemoryTime
	}
	salt, ok1 := decodeBase64(base64.RawStdEncoding, part[2], 8, maxSalt)
	sum, ok2 := decodeBase64(base64.RawStdEncoding, part[3], minSum, maxSum)
	if !ok1 || !ok2 {
		return nil, errEncoding
	}
	h := argon2Hash{argon2Params{memory, time, uint8(threads)}, salt, sum}
	if name == "argon2i" {
		return argon2iHash{h}, nil
	}
	return h, nil
}
