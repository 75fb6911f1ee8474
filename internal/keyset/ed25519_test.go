package keyset_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/go-guard/guard/internal/keyset"
)

// TestSmallOrder: a public key for which anyone can sign is refused in each of its
// spellings, and in a key set, too.
func TestSmallOrder(t *testing.T) {
	a := keyset.AlgorithmByName("EdDSA")
	for _, key := range spellingsOfSmallOrder(t) {
		if n := forged(key); n == 0 {
			t.Errorf("%x: a signature without its private key never verifies: the test is wrong", key)
		}
		if p, err := keyset.NewPair(a, key); p != nil || err == nil {
			t.Errorf("%x is accepted", key)
		}
		x := base64.RawURLEncoding.EncodeToString(key)
		if _, err := keyset.ParseJWK(fmt.Appendf(nil, `{"kty":"OKP","crv":"Ed25519","x":%q}`, x)); err == nil {
			t.Errorf("%x is accepted as a JWK", key)
		}
		if _, err := (&keyset.JWK{Kty: keyset.OKP, Crv: "Ed25519", X: x}).PublicFor(a); err == nil {
			t.Errorf("%x is accepted for a proof", key)
		}
	}
	if key := edKey().Public().(ed25519.PublicKey); forged(key) > 0 {
		t.Error("anyone can sign for a key of GenerateKey")
	}
}

// forged is for how many of 64 texts a signature verifies that needs no private key: R is
// the neutral point, and S is 0.
func forged(key ed25519.PublicKey) (n int) {
	signature := make([]byte, ed25519.SignatureSize)
	signature[0] = 1
	for i := range 64 {
		if ed25519.Verify(key, fmt.Append(nil, i), signature) {
			n++
		}
	}
	return n
}

// spellingsOfSmallOrder returns the texts of 32 bytes that crypto/ed25519 reads as a point
// of order 1, 2, 4 or 8: it takes a y modulo p = 2^255 - 19. It computes their y by the
// equation of the curve: x is 0 where y² = 1, y is 0 at order 4, and at order 8, twice the
// point has a y of 0, where x² = -y².
func spellingsOfSmallOrder(t *testing.T) (list []ed25519.PublicKey) {
	one := big.NewInt(1)
	p := new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	d := new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), p))
	ys := []*big.Int{one, new(big.Int).Sub(p, one), new(big.Int)}
	// -x² + y² = 1 + dx²y² is 2y² = 1 - dy⁴ there: y² = (-1 ± √(1+d)) / d.
	root := new(big.Int).ModSqrt(new(big.Int).Mod(new(big.Int).Add(d, one), p), p)
	for _, r := range []*big.Int{root, new(big.Int).Neg(root)} {
		square := new(big.Int).Mul(new(big.Int).Sub(r, one), new(big.Int).ModInverse(new(big.Int).Mod(d, p), p))
		if y := new(big.Int).ModSqrt(square.Mod(square, p), p); y != nil {
			ys = append(ys, y, new(big.Int).Sub(p, y))
		}
	}
	if len(ys) != 5 {
		t.Fatalf("%d values of y, want 5", len(ys))
	}
	for _, y := range ys {
		for _, n := range []*big.Int{y, new(big.Int).Add(y, p)} {
			if n.BitLen() > 255 {
				continue
			}
			text := n.FillBytes(make([]byte, ed25519.PublicKeySize))
			slices.Reverse(text)
			signed := bytes.Clone(text)
			signed[31] |= 0x80
			list = append(list, text, signed)
		}
	}
	return list
}
