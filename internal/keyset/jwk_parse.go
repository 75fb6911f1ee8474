package keyset

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/go-guard/guard/internal/strictjson"
)

// A parsedJWK has the members that are read. A member that is null is absent.
type parsedJWK struct {
	JWK
	KeyOps json.RawMessage `json:"key_ops"`
	Issuer json.RawMessage `json:"issuer"` // Microsoft's
	// The members that only private and symmetric keys have.
	D    json.RawMessage `json:"d"`
	P    json.RawMessage `json:"p"`
	Q    json.RawMessage `json:"q"`
	DP   json.RawMessage `json:"dp"`
	DQ   json.RawMessage `json:"dq"`
	QI   json.RawMessage `json:"qi"`
	Oth  json.RawMessage `json:"oth"`
	K    json.RawMessage `json:"k"`
	Priv json.RawMessage `json:"priv"`
}

// ParseJWK returns the public key in a JWK. Unless it is a valid public key for
// signatures that is strong enough and has no private member, the error is the
// reason, whose text does not contain the key.
func ParseJWK(raw []byte) (PublicKey, error) {
	var j parsedJWK
	if err := strictjson.Unmarshal(raw, &j); err != nil {
		return PublicKey{}, fmt.Errorf("it is not a JWK: %w", err)
	}
	if err := j.checkPrivate(); err != nil {
		return PublicKey{}, err
	}
	if err := j.checkUse(); err != nil {
		return PublicKey{}, err
	}
	if len(j.Kid) > MaxKeyID {
		return PublicKey{}, fmt.Errorf("kid has more than %d bytes", MaxKeyID)
	}
	public, err := j.public()
	if err != nil {
		return PublicKey{}, err
	}
	k := PublicKey{ID: j.Kid, Key: public}
	if !isNull(j.Issuer) && json.Unmarshal(j.Issuer, &k.Issuer) != nil {
		k.Issuer = string(j.Issuer) // no issuer's name
	}
	k.Algorithms, err = j.algorithms(public)
	return k, err
}

// PublicFor returns the key that the members up to Y describe, for the signatures of
// one algorithm. The error is the reason, as that of ParseJWK.
func (j *JWK) PublicFor(a *Algorithm) (crypto.PublicKey, error) {
	public, err := j.public()
	if err != nil {
		return nil, err
	}
	if k, ok := public.(*ecdsa.PublicKey); ok && k.Curve == a.curve {
		return k, nil // it was parsed: it is on its curve
	}
	return public, checkPublic(a, public)
}

// isNull reports whether a member is absent or null.
func isNull(member json.RawMessage) bool { return member == nil || string(member) == "null" }

// checkPrivate returns an error for a key that is not public.
func (j *parsedJWK) checkPrivate() error {
	for _, m := range []struct {
		name  string
		value json.RawMessage
	}{{"k", j.K}, {"d", j.D}, {"p", j.P}, {"q", j.Q}, {"dp", j.DP}, {"dq", j.DQ}, {"qi", j.QI}, {"oth", j.Oth}, {"priv", j.Priv}} {
		if !isNull(m.value) {
			return fmt.Errorf("it has %q, so it is not public: readers of the key set can sign", m.name)
		}
	}
	return nil
}

// checkUse returns an error for a key that is not for verifying signatures.
func (j *parsedJWK) checkUse() error {
	if j.Use != "" && j.Use != "sig" { // RFC 7517, section 4.2
		return fmt.Errorf("use is %s, not \"sig\"", quote(j.Use))
	}
	if isNull(j.KeyOps) {
		return nil
	}
	var ops []string
	if json.Unmarshal(j.KeyOps, &ops) != nil {
		return errors.New("key_ops is not an array of strings (RFC 7517, section 4.3)")
	}
	if !slices.Contains(ops, "verify") {
		return errors.New(`key_ops does not have "verify" (RFC 7517, section 4.3)`)
	}
	return nil
}

// algorithms returns the names of those that public is sound for and j allows.
func (j *parsedJWK) algorithms(public crypto.PublicKey) (names []string, err error) {
	var unsound error
	for i := range algorithms {
		a := &algorithms[i]
		if j.Alg != "" && !slices.Contains(a.Names(), j.Alg) {
			continue
		}
		if err := checkPublic(a, public); err == nil {
			names = append(names, a.Name)
		} else if a.Type == j.Kty {
			unsound = err
		}
	}
	switch {
	case names != nil:
		return names, nil
	case unsound != nil:
		return nil, unsound
	}
	return nil, fmt.Errorf("alg is %s, which is no signature algorithm of an %s key", quote(j.Alg), j.Kty)
}

// public returns the key that the members describe. It may be unsound.
func (j *JWK) public() (crypto.PublicKey, error) {
	switch j.Kty {
	case RSA:
		return j.rsa()
	case EC:
		return j.point()
	case OKP:
		if j.Crv != "Ed25519" { // RFC 8037, section 2
			return nil, fmt.Errorf("crv %s is not supported", quote(j.Crv))
		}
		x, err := octets("x", j.X, ed25519.PublicKeySize)
		return ed25519.PublicKey(x), err
	case AKP:
		return j.akp()
	case "":
		return nil, errors.New("kty is missing (RFC 7517, section 4.1)")
	}
	return nil, fmt.Errorf("kty %s is not supported", quote(string(j.Kty)))
}

func (j *JWK) rsa() (crypto.PublicKey, error) {
	n, err := octets("n", j.N, 0)
	if err != nil {
		return nil, err
	}
	e, err := octets("e", j.E, 0)
	if err != nil {
		return nil, err
	}
	// A leading zero octet is accepted: RFC 7518, section 6.3.1.1, notes that some
	// libraries write one, and the number is the same.
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 {
		return nil, errors.New("e has more than 31 bits")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
}

func (j *JWK) point() (crypto.PublicKey, error) {
	for _, a := range algorithms {
		if a.curve == nil || a.curve.Params().Name != j.Crv {
			continue
		}
		size := (a.curve.Params().BitSize + 7) / 8
		point := append(make([]byte, 0, 1+2*size), 4)
		point, err := appendOctets(point, "x", j.X, size) // RFC 7518, section 6.2.1.2
		if err != nil {
			return nil, err
		}
		point, err = appendOctets(point, "y", j.Y, size) // RFC 7518, section 6.2.1.3
		if err != nil {
			return nil, err
		}
		p, err := ecdsa.ParseUncompressedPublicKey(a.curve, point)
		if err != nil {
			return nil, fmt.Errorf("x and y are not a point on %s", j.Crv)
		}
		return p, nil
	}
	return nil, fmt.Errorf("crv %s is not supported", quote(j.Crv))
}

// octets decodes a member of a key that must have size octets, or any number if
// size is 0.
func octets(name, value string, size int) ([]byte, error) {
	return appendOctets(nil, name, value, size)
}

// appendOctets appends what octets returns.
func appendOctets(dst []byte, name, value string, size int) ([]byte, error) {
	n := len(dst)
	dst, err := base64url.AppendDecode(dst, []byte(value))
	b := dst[n:]
	switch {
	case value == "":
		return nil, fmt.Errorf("%s is missing", name)
	case err != nil || strings.ContainsAny(value, "\r\n"): // RFC 7515, section 2; encoding/base64 ignores line breaks
		return nil, fmt.Errorf("%s is not base64url without padding", name)
	case size != 0 && len(b) != size:
		return nil, fmt.Errorf("%s has %d octets, not the full size of %d (RFC 7518, section 6.2.1)", name, len(b), size)
	}
	return dst, nil
}
