package jwtauth

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"

	"github.com/golang-jwt/jwt/v5"
)

// A keyType is a kind of key (kty).
type keyType string

const (
	symmetric keyType = "oct"
	rsaKeys   keyType = "RSA"
	ecKeys    keyType = "EC"
	edKeys    keyType = "OKP"
)

// An algorithm of RFC 7518, section 3.1, or RFC 9864.
type algorithm struct {
	name   string
	family keyType
	method jwt.SigningMethod
	hash   crypto.Hash
	curve  elliptic.Curve // of ecKeys
}

// algorithms are all that there are. "none" is not among them. Ed25519 goes by
// two names: EdDSA, and Ed25519 since RFC 9864.
var algorithms = []algorithm{
	{"HS256", symmetric, jwt.SigningMethodHS256, crypto.SHA256, nil},
	{"HS384", symmetric, jwt.SigningMethodHS384, crypto.SHA384, nil},
	{"HS512", symmetric, jwt.SigningMethodHS512, crypto.SHA512, nil},
	{"RS256", rsaKeys, jwt.SigningMethodRS256, crypto.SHA256, nil},
	{"RS384", rsaKeys, jwt.SigningMethodRS384, crypto.SHA384, nil},
	{"RS512", rsaKeys, jwt.SigningMethodRS512, crypto.SHA512, nil},
	{"PS256", rsaKeys, pss(jwt.SigningMethodPS256), crypto.SHA256, nil},
	{"PS384", rsaKeys, pss(jwt.SigningMethodPS384), crypto.SHA384, nil},
	{"PS512", rsaKeys, pss(jwt.SigningMethodPS512), crypto.SHA512, nil},
	{"ES256", ecKeys, jwt.SigningMethodES256, crypto.SHA256, elliptic.P256()},
	{"ES384", ecKeys, jwt.SigningMethodES384, crypto.SHA384, elliptic.P384()},
	{"ES512", ecKeys, jwt.SigningMethodES512, crypto.SHA512, elliptic.P521()},
	{"EdDSA", edKeys, jwt.SigningMethodEdDSA, 0, nil},
	{"Ed25519", edKeys, jwt.SigningMethodEdDSA, 0, nil},
}

// pss is m that verifies what it signs: golang-jwt's own accept a salt of any
// length, where RFC 7518, section 3.5, wants the hash's.
func pss(m *jwt.SigningMethodRSAPSS) jwt.SigningMethod {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: m.SigningMethodRSA,
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

// algorithmOf finds the algorithm of a name, which is case-sensitive.
func algorithmOf[S string | []byte](name S) *algorithm {
	for i := range algorithms {
		if algorithms[i].name == string(name) {
			return &algorithms[i]
		}
	}
	return nil
}
