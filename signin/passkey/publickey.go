package passkey

import (
	"math/big"
	"slices"

	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// algorithms are those that are asked for (WebAuthn, section 5.4: a relying party that does
// not know which authenticators there are includes these three).
var algorithms = [...]webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgEdDSA, webauthncose.AlgES256, webauthncose.AlgRS256}

const (
	minRSA       = 2048 // bits
	maxRSA       = 4096
	maxPublicKey = 1 << 10 // bytes: a COSE key may have further members
)

// checkPublicKey refuses a COSE key that is not of one of the algorithms, of the key type
// and curve that belong to it (RFC 9053; RFC 8230).
func checkPublicKey(cose []byte) error {
	key, err := webauthncose.ParsePublicKey(cose) // checks the curve, and that the point of an EC2 key is on it
	if err != nil || len(cose) > maxPublicKey {
		return errPublicKey
	}
	ok := false
	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		ok = k.Algorithm == int64(webauthncose.AlgES256) && k.Curve == int64(webauthncose.P256)
	case webauthncose.OKPPublicKeyData:
		ok = k.Algorithm == int64(webauthncose.AlgEdDSA) && k.Curve == int64(webauthncose.Ed25519) && isEd25519Point(k.XCoord)
	case webauthncose.RSAPublicKeyData:
		n, e := new(big.Int).SetBytes(k.Modulus), new(big.Int).SetBytes(k.Exponent)
		ok = k.Algorithm == int64(webauthncose.AlgRS256) && n.BitLen() >= minRSA && n.BitLen() <= maxRSA && n.Bit(0) == 1 &&
			e.BitLen() >= 2 && e.BitLen() <= 31 && e.Bit(0) == 1
	}
	if !ok {
		return errPublicKey
	}
	return nil
}

// isEd25519Point reports whether an encoded point is on the curve (RFC 8032, section 5.1.3):
// whether (y²-1)/(dy²+1) is a square. A key that is none verifies nothing, and its owner
// would learn that at the next sign-in.
func isEd25519Point(encoded []byte) bool {
	if len(encoded) != 32 {
		return false
	}
	b := slices.Clone(encoded)
	slices.Reverse(b)
	b[0] &= 0x7f // the sign of x
	one := big.NewInt(1)
	prime := new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	y := new(big.Int).SetBytes(b)
	if y.Cmp(prime) >= 0 {
		return false
	}
	d := new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), prime))
	square := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(square, one)
	v := new(big.Int).Mul(d, square)
	v.Add(v, one).Mod(v, prime) // is never 0: -1/d is no square
	u.Mul(u, v.ModInverse(v, prime)).Mod(u, prime)
	return big.Jacobi(u, prime) >= 0
}
