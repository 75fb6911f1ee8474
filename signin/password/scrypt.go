package password

import (
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// A scryptHash is a hash by scrypt (RFC 7914).
type scryptHash struct {
	n, r, p   int
	salt, sum []byte
}

func (s scryptHash) matches(pw string) (bool, error) {
	sum, err := scrypt.Key([]byte(pw), s.salt, s.n, s.r, s.p, len(s.sum))
	if err != nil {
		return false, fmt.Errorf("password: %w", err)
	}
	return equal(sum, s.sum), nil
}

// newScrypt checks the parameters, each of which is less than 2^31. One block has
// 128 bytes: there are eight in a KiB. Besides the N·r blocks of its table, scrypt has
// p·r of state, which are few beside them.
func (c ceiling) newScrypt(n, r, p uint32, salt, sum []byte) (encodedHash, error) {
	memory, memoryTime := 8*uint64(c.memory), 8*uint64(c.memoryTime)
	blocks := uint64(n) * uint64(r)
	if n < 2 || n&(n-1) != 0 {
		return nil, errEncoding
	}
	if blocks > memory || uint64(p)*uint64(r) > memory/16 {
		return nil, errMemory
	}
	if uint64(p) > memoryTime/blocks {
		return nil, errMemoryTime
	}
	return scryptHash{int(n), int(r), int(p), salt, sum}, nil
}

// parseScrypt parses "ln=16,r=8,p=1$salt$sum" of passlib and other PHC strings.
func (c ceiling) parseScrypt(fields string) (encodedHash, error) {
	part := strings.Split(fields, "$")
	if len(part) != 3 {
		return nil, errEncoding
	}
	param := strings.Split(part[0], ",")
	if len(param) != 3 {
		return nil, errEncoding
	}
	ln, ok1 := number(param[0], "ln=")
	r, ok2 := number(param[1], "r=")
	p, ok3 := number(param[2], "p=")
	salt, ok4 := decodeBase64(base64.RawStdEncoding, part[1], 1, maxSalt)
	sum, ok5 := decodeBase64(base64.RawStdEncoding, part[2], minSum, maxSum)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return nil, errEncoding
	}
	if ln > 30 {
		return nil, errMemory
	}
	return c.newScrypt(1<<ln, r, p, salt, sum)
}

// parseDjangoScrypt parses "16384$salt$8$1$sum": N, salt, r, p and base64.
func (c ceiling) parseDjangoScrypt(fields string) (encodedHash, error) {
	part := strings.Split(fields, "$")
	if len(part) != 5 {
		return nil, errEncoding
	}
	n, ok1 := number(part[0], "")
	salt, text, ok2 := splitSalted(part[1] + "$" + part[4])
	r, ok3 := number(part[2], "")
	p, ok4 := number(part[3], "")
	sum, ok5 := decodeBase64(base64.StdEncoding, text, minSum, maxSum)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return nil, errEncoding
	}
	return c.newScrypt(n, r, p, salt, sum)
}

// parseWerkzeugScrypt parses "32768:8:1" and "salt$sum" in hexadecimal.
func (c ceiling) parseWerkzeugScrypt(params, fields string) (encodedHash, error) {
	param := strings.Split(params, ":")
	if len(param) != 3 {
		return nil, errEncoding
	}
	n, ok1 := number(param[0], "")
	r, ok2 := number(param[1], "")
	p, ok3 := number(param[2], "")
	salt, text, ok4 := splitSalted(fields)
	sum, ok5 := decodeHex(text)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		return nil, errEncoding
	}
	return c.newScrypt(n, r, p, salt, sum)
}
