package password

import (
	"crypto/pbkdf2"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
)

// A pbkdf2Hash is a hash by PBKDF2 (RFC 8018, section 5.2).
type pbkdf2Hash struct {
	new        func() hash.Hash
	iterations int
	salt, sum  []byte
}

func (p pbkdf2Hash) matches(pw string) (bool, error) {
	sum, err := pbkdf2.Key(p.new, pw, p.salt, p.iterations, len(p.sum))
	if err != nil {
		return false, fmt.Errorf("password: %w", err)
	}
	return equal(sum, p.sum), nil
}

// newPBKDF2 checks iterations, of which there are as many for each block of the sum.
func (c ceiling) newPBKDF2(name string, iterations uint32, salt, sum []byte) (encodedHash, error) {
	function, ok := digest(name)
	if !ok {
		return nil, errKind
	}
	size := function().Size()
	blocks := (len(sum) + size - 1) / size
	if iterations == 0 {
		return nil, errEncoding
	}
	if uint64(iterations)*uint64(blocks) > uint64(c.iterations) {
		return nil, errIterations
	}
	return pbkdf2Hash{function, int(iterations), salt, sum}, nil
}

// parsePBKDF2 parses "29000$salt$sum" of passlib, and the parameters "i=29000" or
// "i=29000,l=32" of other PHC strings.
func (c ceiling) parsePBKDF2(name, fields string) (encodedHash, error) {
	part := strings.Split(fields, "$")
	if len(part) != 3 {
		return nil, errEncoding
	}
	rounds, length, hasLength := strings.Cut(part[0], ",")
	prefix := ""
	if hasLength || strings.HasPrefix(rounds, "i") {
		prefix = "i="
	}
	iterations, ok1 := number(rounds, prefix)
	salt, ok2 := decodeAB64(part[1], 1, maxSalt)
	sum, ok3 := decodeAB64(part[2], minSum, maxSum)
	if !ok1 || !ok2 || !ok3 {
		return nil, errEncoding
	}
	if l, ok := number(length, "l="); hasLength && (!ok || int(l) != len(sum)) {
		return nil, errEncoding
	}
	if name == "pbkdf2" {
		name = "pbkdf2-sha1"
	}
	return c.newPBKDF2(strings.TrimPrefix(name, "pbkdf2-"), iterations, salt, sum)
}

// parseDjangoPBKDF2 parses "1200000$salt$sum" with the sum in base64.
func (c ceiling) parseDjangoPBKDF2(name, fields string) (encodedHash, error) {
	rounds, rest, _ := strings.Cut(fields, "$")
	iterations, ok1 := number(rounds, "")
	salt, text, ok2 := splitSalted(rest)
	sum, ok3 := decodeBase64(base64.StdEncoding, text, minSum, maxSum)
	if !ok1 || !ok2 || !ok3 {
		return nil, errEncoding
	}
	return c.newPBKDF2(name, iterations, salt, sum)
}

// parseWerkzeugPBKDF2 parses "sha256:1000000" and "salt$sum" in hexadecimal.
func (c ceiling) parseWerkzeugPBKDF2(params, fields string) (encodedHash, error) {
	name, rounds, _ := strings.Cut(params, ":")
	iterations, ok1 := number(rounds, "")
	salt, text, ok2 := splitSalted(fields)
	sum, ok3 := decodeHex(text)
	if !ok1 || !ok2 || !ok3 {
		return nil, errEncoding
	}
	return c.newPBKDF2(name, iterations, salt, sum)
}

// parseIdentity parses the base64 of ASP.NET Identity. Version 2 is a zero byte, 16
// bytes of salt and 32 of the sum, after 1,000 iterations with SHA-1. Version 3 is a
// byte 1, three big-endian numbers (function, iterations, length of the salt), salt
// and sum.
func (c ceiling) parseIdentity(encoded string) (encodedHash, error) {
	const header = 1 + 3*4
	b, ok := decodeBase64(base64.StdEncoding, encoded, header+16+minSum, header+maxSalt+maxSum)
	switch {
	case !ok:
		return nil, errKind
	case b[0] == 0 && len(b) == 1+16+32:
		return c.newPBKDF2("sha1", 1000, b[1:17], b[17:])
	case b[0] != 1:
		return nil, errKind
	}
	function, iterations, salt := binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:]), uint64(binary.BigEndian.Uint32(b[9:]))
	rest := b[header:]
	if function > 2 || salt < 16 || salt > maxSalt || salt+minSum > uint64(len(rest)) || uint64(len(rest))-salt > maxSum {
		return nil, errEncoding
	}
	return c.newPBKDF2([]string{"sha1", "sha256", "sha512"}[function], iterations, rest[:salt], rest[salt:])
}
