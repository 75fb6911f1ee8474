package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"math/big"
	"slices"

	"github.com/go-guard/guard/internal/strictjson"
)

// ParseJWKS returns the public keys for signatures in a key set. Other keys and
// those that cannot be parsed are skipped (RFC 7517, section 5).
func ParseJWKS(body []byte) ([]PublicKey, error) {
	var set struct {
		Keys []strictjson.Unchecked `json:"keys"` // an invalid key is skipped, and the others are used
	}
	if err := strictjson.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errors.New("the key set is not a JSON object with keys")
	}
	list := []PublicKey{}
	for _, raw := range set.Keys {
		if k, ok := ParseJWK(raw); ok {
			list = append(list, k)
		}
	}
	return list, nil
}

// ParseJWK returns the public key in a JWK. ok is true only for a
// valid public key for signatures that is strong enough and has no private member.
func ParseJWK(raw []byte) (k PublicKey, ok bool) {
	var j struct {
		JWK
		// The members that only private and symmetric keys have.
		D   json.RawMessage `json:"d"`
		P   json.RawMessage `json:"p"`
		Q   json.RawMessage `json:"q"`
		DP  json.RawMessage `json:"dp"`
		DQ  json.RawMessage `json:"dq"`
		QI  json.RawMessage `json:"qi"`
		Oth json.RawMessage `json:"oth"`
		K   json.RawMessage `json:"k"`
	}
	if strictjson.Unmarshal(raw, &j) != nil {
		return k, false
	}
	for _, private := range []json.RawMessage{j.D, j.P, j.Q, j.DP, j.DQ, j.QI, j.Oth, j.K} {
		if private != nil {
			return k, false
		}
	}
	if j.Use != "" && j.Use != "sig" || j.KeyOps != nil && !slices.Contains(j.KeyOps, "verify") || len(j.Kid) > MaxKeyID {
		return k, false
	}
	public := j.public()
	if public == nil {
		return k, false
	}
	k = PublicKey{ID: j.Kid, Key: public}
	for i := range algorithms {
		a := &algorithms[i]
		if checkPublic(a, public) == nil && (j.Alg == "" || slices.Contains(a.Names(), j.Alg)) {
			k.Algorithms = append(k.Algorithms, a.Name)
		}
	}
	return k, len(k.Algorithms) > 0
}

// public returns the key that the members describe, or nil if they do not
// describe one. An RSA key may be unsound.
func (j *JWK) public() crypto.PublicKey {
	switch j.Kty {
	case RSA:
		n, e := parseUint(j.N), parseUint(j.E)
		if n == nil || e == nil || e.BitLen() > 31 {
			return nil
		}
		return &rsa.PublicKey{N: n, E: int(e.Int64())}
	case EC:
		return j.point()
	case OKP:
		if x, err := base64url.DecodeString(j.X); err == nil && j.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize {
			return ed25519.PublicKey(x)
		}
	}
	return nil
}

func (j *JWK) point() crypto.PublicKey {
	x, errX := base64url.DecodeString(j.X)
	y, errY := base64url.DecodeString(j.Y)
	if errX != nil || errY != nil {
		return nil
	}
	for _, a := range algorithms {
		if a.curve == nil || a.curve.Params().Name != j.Crv {
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
	return nil
}

// parseUint returns the value of a Base64urlUInt (RFC 7518, section 2), or nil
// if s is not one.
func parseUint(s string) *big.Int {
	b, err := base64url.DecodeString(s)
	if err != nil || len(b) == 0 {
		return nil
	}
	return new(big.Int).SetBytes(b)
}
