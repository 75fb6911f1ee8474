package apikey

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/go-guard/guard/internal/secret"
)

// Pattern is a regular expression (RE2) that matches the keys of all rings, for
// secret scanners. Most matches that are not keys have a wrong checksum.
const Pattern = `\b[a-z][a-z0-9]{1,15}_[a-z0-9]{1,16}_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}\b`

const (
	idLen     = 12 // 71 bits
	secretLen = 32 // 190 bits
	crcLen    = 6  // 62^6 > 2^32
	tailLen   = idLen + 1 + secretLen + crcLen
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// A format makes and parses the keys of one ring.
type format struct {
	head string // prefix_env_
}

func newFormat(prefix, env string) (format, error) {
	if prefix == "" {
		prefix = "ak"
	}
	if env == "" {
		env = "live"
	}
	var errs [2]error
	if len(prefix) < 2 || len(prefix) > 16 || !isLowerAlnum(prefix) || prefix[0] < 'a' {
		errs[0] = fmt.Errorf("apikey: prefix %q is not 2 to 16 lower-case letters and digits, a letter first", prefix)
	}
	if len(env) > 16 || !isLowerAlnum(env) {
		errs[1] = fmt.Errorf("apikey: env %q is not 1 to 16 lower-case letters and digits", env)
	}
	return format{prefix + "_" + env + "_"}, errors.Join(errs[:]...)
}

// name is the name of the ring.
func (f format) name() string { return strings.TrimSuffix(f.head, "_") }

func isLowerAlnum(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func (f format) pattern() string {
	return fmt.Sprintf(`\b%s[0-9A-Za-z]{%d}_[0-9A-Za-z]{%d}\b`, f.head, idLen, secretLen+crcLen)
}

// parse checks the shape and checksum of a key and returns the id of its record.
func (f format) parse(s string) (id string, ok bool) {
	if len(s) != len(f.head)+tailLen || !strings.HasPrefix(s, f.head) {
		return "", false
	}
	tail := s[len(f.head):]
	if tail[idLen] != '_' || !isAlnum(tail[:idLen]) || !isAlnum(tail[idLen+1:]) {
		return "", false
	}
	body := len(s) - crcLen
	if checksum(s[:body]) != [crcLen]byte([]byte(s[body:])) {
		return "", false
	}
	return tail[:idLen], true
}

func isAlnum(s string) bool {
	for i := range len(s) {
		if !alnum[s[i]] {
			return false
		}
	}
	return true
}

var alnum = func() (t [256]bool) {
	for _, c := range []byte(base62) {
		t[c] = true
	}
	return t
}()

// checksum is the CRC-32 (IEEE) of s in base62, the most significant digit
// first. It catches typing errors and is no security measure.
func checksum(s string) (c [crcLen]byte) {
	sum := ^uint32(0) // crc32.ChecksumIEEE would make the bytes escape
	for i := range len(s) {
		sum = crc32.IEEETable[byte(sum)^s[i]] ^ sum>>8
	}
	sum = ^sum
	for i := crcLen - 1; i >= 0; i-- {
		c[i] = base62[sum%62]
		sum /= 62
	}
	return c
}

// newKey makes a key for the record with this id.
func (f format) newKey(id string) Key {
	body := f.head + id + "_" + random(secretLen)
	crc := checksum(body)
	whole := body + string(crc[:])
	k := Key{secret: secret.New(whole)}
	k.shown = f.head + id + "_…" + k.last4()
	return k
}

// random returns n characters of base62. Bytes from 248 on are drawn again: a
// remainder would favour the first characters.
func random(n int) string {
	s := make([]byte, 0, n)
	var b [64]byte
	for len(s) < n {
		_, _ = rand.Read(b[:]) // never fails: it stops the program instead
		for _, c := range b {
			if c < 248 && len(s) < n {
				s = append(s, base62[c%62])
			}
		}
	}
	return string(s)
}
