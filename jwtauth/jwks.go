package jwtauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
)

// A foreignJWK is a member of somebody else's key set.
type foreignJWK struct {
	jwk
	// Members that only private and symmetric keys have.
	D, P, Q, DP, DQ, QI, Oth, K json.RawMessage
}

// parseJWKS is the keys of a set that verify signatures. Others are skipped, as
// is what nobody can read (RFC 7517, section 5).
func parseJWKS(body []byte) ([]publicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errors.New("the key set is no JSON object with keys")
	}
	list := []publicKey{}
	for _, raw := range set.Keys {
		var f foreignJWK
		if json.Unmarshal(raw, &f) != nil {
			continue
		}
		if k, ok := f.key(); ok {
			list = append(list, k)
		}
	}
	return list, nil
}

// key is the public key for signatures, if it is one.
func (f *foreignJWK) key() (k publicKey, ok bool) {
	for _, secret := range []json.RawMessage{f.D, f.P, f.Q, f.DP, f.DQ, f.QI, f.Oth, f.K} {
		if secret != nil {
			return k, false
		}
	}
	if f.Use != "" && f.Use != "sig" || f.KeyOps != nil && !slices.Contains(f.KeyOps, "verify") || len(f.Kid) > maxKeyID {
		return k, false
	}
	public := f.public()
	if public == nil {
		return k, false
	}
	k = publicKey{id: f.Kid, key: public}
	for i := range algorithms {
		a := &algorithms[i]
		if usable(a, public) == nil && (f.Alg == "" || slices.Contains(namesOf(a), f.Alg)) {
			k.algs = append(k.algs, a.name)
		}
	}
	return k, len(k.algs) > 0
}

func (f *foreignJWK) public() crypto.PublicKey {
	switch f.Kty {
	case rsaKeys:
		n, e := number(f.N), number(f.E)
		if n == nil || e == nil || e.BitLen() > 31 {
			return nil
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}
	case ecKeys:
		x, errX := strict.DecodeString(f.X)
		y, errY := strict.DecodeString(f.Y)
		for _, a := range algorithms {
			if a.curve == nil || a.curve.Params().Name != f.Crv || errX != nil || errY != nil {
				continue
			}
			size := (a.curve.Params().BitSize + 7) / 8
			if len(x) != size || len(y) != size { // RFC 7518, section 6.2.1.2
				return nil
			}
			if p, err := ecdsa.ParseUncompressedPublicKey(a.curve, slices.Concat([]byte{4}, x, y)); err == nil {
				return p
			}
		}
	case edKeys:
		if x, err := strict.DecodeString(f.X); err == nil && f.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize {
			return ed25519.PublicKey(x)
		}
	}
	return nil
}

// number is a Base64urlUInt (RFC 7518, section 2), nil if it is none.
func number(s string) *big.Int {
	b, err := strict.DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil
	}
	return new(big.Int).SetBytes(b)
}
