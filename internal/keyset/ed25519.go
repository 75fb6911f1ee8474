package keyset

import (
	"bytes"
	"crypto/ed25519"
)

// smallOrder are the points of Ed25519 of order 1, 2, 4 and 8, without the sign of x,
// which is the highest bit. They include the other spellings of 0 and 1. The first one is
// what a key is that was never filled.
var smallOrder = [...][ed25519.PublicKeySize]byte{
	{},
	{1},
	point("\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05"),
	point("\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a"),
	nearPrime(0xec), // p - 1
	nearPrime(0xed), // p, which is 0
	nearPrime(0xee), // p + 1, which is 1
}

func point(text string) [ed25519.PublicKeySize]byte { return [ed25519.PublicKeySize]byte([]byte(text)) }

// nearPrime returns a number near the prime p = 2^255 - 19, by its lowest byte.
func nearPrime(lowest byte) [ed25519.PublicKeySize]byte {
	b := point(string(bytes.Repeat([]byte{0xff}, ed25519.PublicKeySize)))
	b[0], b[len(b)-1] = lowest, 0x7f
	return b
}

// isSmallOrder reports whether anyone can sign for k: of the signatures that need no
// private key, one in at most eight verifies for each text (RFC 8032, section 5.1.7,
// multiplies by a digest alone).
func isSmallOrder(k ed25519.PublicKey) bool {
	y := [ed25519.PublicKeySize]byte(k)
	y[len(y)-1] &= 0x7f
	for i := range smallOrder {
		if y == smallOrder[i] {
			return true
		}
	}
	return false
}
