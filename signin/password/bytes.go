package password

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// The lengths of the sum in a stored hash, in bytes.
const (
	minSum = 16 // a shorter one matches by chance
	maxSum = 64
)

// decodeBase64 decodes base64 of shortest to longest bytes.
func decodeBase64(e *base64.Encoding, s string, shortest, longest int) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") { // which DecodeString skips
		return nil, false
	}
	b, err := e.Strict().DecodeString(s)
	return b, err == nil && len(b) >= shortest && len(b) <= longest
}

// decodeAB64 decodes the base64 of passlib's PBKDF2, with "." in place of "+".
func decodeAB64(s string, shortest, longest int) ([]byte, bool) {
	return decodeBase64(base64.RawStdEncoding, strings.ReplaceAll(s, ".", "+"), shortest, longest)
}

// splitSalted splits "salt$sum" of a salt that is used as it is written.
func splitSalted(s string) (salt []byte, sum string, ok bool) {
	text, sum, found := strings.Cut(s, "$")
	return []byte(text), sum, found && text != "" && len(text) <= maxSalt
}

func decodeHex(s string) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	return b, err == nil && len(b) >= minSum && len(b) <= maxSum
}
