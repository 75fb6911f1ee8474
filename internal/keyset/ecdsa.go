package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"
)

// verifyECDSA verifies a signature of r and s, each of the full size (RFC 7518, section
// 3.4). The method of golang-jwt does the same with twice the allocations.
func (a *Algorithm) verifyECDSA(text string, signature []byte, public crypto.PublicKey) error {
	key, ok := public.(*ecdsa.PublicKey)
	size := (a.curve.Params().BitSize + 7) / 8
	if !ok || key == nil || key.Curve != a.curve || len(signature) != 2*size {
		return ErrSignature
	}
	var buf [sha512.Size + maxDER]byte // in one allocation: ecdsa moves both to the heap
	var stackBuffer [1024]byte         // avoids a copy of most texts on the heap
	data := append(stackBuffer[:0], text...)
	hash := buf[:a.hash.Size():a.hash.Size()]
	switch a.hash {
	case crypto.SHA256:
		*(*[sha256.Size]byte)(hash) = sha256.Sum256(data)
	case crypto.SHA384:
		*(*[sha512.Size384]byte)(hash) = sha512.Sum384(data)
	default:
		*(*[sha512.Size]byte)(hash) = sha512.Sum512(data)
	}
	if !ecdsa.VerifyASN1(key, hash, appendDER(buf[sha512.Size:sha512.Size], signature[:size], signature[size:])) {
		return ErrSignature
	}
	return nil
}

// maxDER is the size of the ASN.1 of a signature by P-521, rounded up.
const maxDER = 144

// appendDER appends the ASN.1 sequence of two integers.
func appendDER(dst, r, s []byte) []byte {
	r, s = integer(r), integer(s)
	length := 2 + len(r) + pad(r) + 2 + len(s) + pad(s)
	dst = append(dst, 0x30)
	if length > 127 { // of P-521
		dst = append(dst, 0x81)
	}
	dst = append(dst, byte(length))
	for _, n := range [...][]byte{r, s} {
		dst = append(dst, 0x02, byte(len(n)+pad(n)))
		if pad(n) == 1 {
			dst = append(dst, 0)
		}
		dst = append(dst, n...)
	}
	return dst
}

// integer returns a number without its leading zeros, but for one of zero.
func integer(n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	return n
}

// pad is how many zeros keep a number positive.
func pad(n []byte) int { return int(n[0] >> 7) }
