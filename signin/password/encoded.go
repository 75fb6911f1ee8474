package password

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"hash"
	"strconv"
	"strings"
)

// An encodedHash is a stored hash that was parsed.
type encodedHash interface {
	// matches fails if this program cannot compute the hash, as in FIPS 140-only
	// mode.
	matches(pw string) (bool, error)
}

// foreign is a hash of an algorithm that Hash uses too, in a form that it does not.
type foreign struct{ encodedHash }

// These do not contain the encoding: a hash must not be logged.
var (
	errKind       = errors.New("password: the stored hash is of an unknown kind")
	errEncoding   = errors.New("password: the stored hash is malformed")
	errMemory     = errors.New("password: the stored hash takes more memory than Options.MaxMemory")
	errMemoryTime = errors.New("password: the stored hash takes more memory times passes than Options.MaxMemoryTime")
	errIterations = errors.New("password: the stored hash has more iterations than Options.MaxIterations")
	errCost       = errors.New("password: the stored hash has a bcrypt cost above 16")
)

// A ceiling bounds the parameters of stored hashes: verifying a stolen or corrupt
// encoding must not exhaust memory or processors.
type ceiling struct {
	memory, memoryTime uint32 // KiB, and KiB times passes
	iterations         uint32
}

// isUnusable reports whether no password matches: of an unknown user, of a Django
// user without a password ("!" and random letters), or of a locked row of shadow(5)
// ("*", "!!", "!$6$…").
func isUnusable(encoded string) bool {
	return encoded == "" || encoded[0] == '!' || encoded[0] == '*'
}

// parse allocates no more than the length of encoded, whatever its parameters are.
func (c ceiling) parse(encoded string) (encodedHash, error) {
	if len(encoded) > 512 {
		return nil, errEncoding
	}
	body, isModular := strings.CutPrefix(encoded, "$")
	name, rest, hasFields := strings.Cut(body, "$")
	switch {
	case isModular:
		return c.parseModular(name, encoded, rest)
	case hasFields:
		return c.parseFramework(name, rest)
	}
	return c.parseIdentity(encoded)
}

// parseModular parses the forms that begin with $ and the algorithm: PHC strings,
// and the modular crypt format of crypt(3) and passlib.
func (c ceiling) parseModular(name, encoded, rest string) (encodedHash, error) {
	switch name {
	case "argon2id", "argon2i":
		return c.parseArgon2(name, rest)
	case "2a", "2b", "2y":
		return parseBcrypt(encoded)
	case "bcrypt-sha256":
		return parsePasslibBcryptSHA256(rest)
	case "scrypt":
		return c.parseScrypt(rest)
	case "pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512":
		return c.parsePBKDF2(name, rest)
	}
	return nil, errKind
}

// parseFramework parses the forms of Django, whose name is before the first $, and
// of werkzeug, where parameters follow the name after colons.
func (c ceiling) parseFramework(name, rest string) (encodedHash, error) {
	method, params, _ := strings.Cut(name, ":")
	switch {
	case name == "argon2", name == "bcrypt":
		rest = strings.TrimPrefix(rest, "$")
		inner, fields, _ := strings.Cut(rest, "$")
		if isBcrypt := strings.HasPrefix(inner, "2"); isBcrypt != (name == "bcrypt") {
			return nil, errEncoding
		}
		h, err := c.parseModular(inner, "$"+rest, fields)
		return foreign{h}, err
	case name == "bcrypt_sha256":
		return parseDjangoBcryptSHA256(rest)
	case name == "scrypt":
		return c.parseDjangoScrypt(rest)
	case name == "pbkdf2_sha256", name == "pbkdf2_sha1":
		return c.parseDjangoPBKDF2(strings.TrimPrefix(name, "pbkdf2_"), rest)
	case method == "scrypt":
		return c.parseWerkzeugScrypt(params, rest)
	case method == "pbkdf2":
		return c.parseWerkzeugPBKDF2(params, rest)
	}
	return nil, errKind
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

// makeDummy returns a hash that no known password matches. It takes no hashing.
func (h *Hasher) makeDummy() encodedHash {
	if h.bcryptCost != 0 {
		return bcryptHash{dummyBcrypt(h.bcryptCost), h.bcryptCost}
	}
	return argon2Hash{argon2Params: h.argon2, salt: make([]byte, saltLen), sum: make([]byte, sumLen)}
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// digest returns the hash function of PBKDF2 with this name.
func digest(name string) (new func() hash.Hash, ok bool) {
	switch name {
	case "sha1":
		return sha1.New, true
	case "sha256":
		return sha256.New, true
	case "sha512":
		return sha512.New, true
	}
	return nil, false
}

// number parses a parameter such as "m=19456": decimal, without a sign or leading
// zeros, from 1 to 2^31 - 1.
func number(s, prefix string) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return uint32(n), err == nil
}
