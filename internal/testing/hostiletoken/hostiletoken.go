// Package hostiletoken builds tokens that no verifier may accept, and a few
// that each must, for tests: in the process and over TCP.
package hostiletoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
)

// Keys are those of an authorization server. Their ids are "RS256", "ES256" and
// "EdDSA".
type Keys struct {
	RSA *rsa.PrivateKey
	EC  *ecdsa.PrivateKey
	Ed  ed25519.PrivateKey
}

// NewKeys generates keys.
func NewKeys() (k Keys, err error) {
	if k.RSA, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return k, err
	}
	if k.EC, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return k, err
	}
	_, k.Ed, err = ed25519.GenerateKey(rand.Reader)
	return k, err
}

// JWKS is the public keys as RFC 7517 and RFC 8037 spell them.
func (k Keys) JWKS() ([]byte, error) {
	point, err := k.EC.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"keys": []map[string]string{
		{"kty": "RSA", "kid": "RS256", "alg": "RS256", "use": "sig", "n": b64(k.RSA.N.Bytes()), "e": b64(big.NewInt(int64(k.RSA.E)).Bytes())},
		{"kty": "EC", "kid": "ES256", "alg": "ES256", "use": "sig", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		{"kty": "OKP", "kid": "EdDSA", "alg": "EdDSA", "use": "sig", "crv": "Ed25519", "x": b64(k.Ed.Public().(ed25519.PublicKey))},
	}})
}

// Sign signs, whatever it is.
func (k Keys) Sign(alg, what string) ([]byte, error) {
	digest := sha256.Sum256([]byte(what))
	switch alg {
	case "RS256":
		return rsa.SignPKCS1v15(nil, k.RSA, crypto.SHA256, digest[:])
	case "ES256":
		r, s, err := ecdsa.Sign(rand.Reader, k.EC, digest[:])
		if err != nil {
			return nil, err
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
		return out, nil
	case "EdDSA":
		return ed25519.Sign(k.Ed, []byte(what)), nil
	}
	return nil, fmt.Errorf("hostiletoken: no key for %q", alg)
}

// A Token is refused for one reason, or is a control.
type Token struct {
	Name, Token     string
	Message, Reason string // public and private; both empty for a control
}

// Control reports whether the token must be accepted.
func (t Token) Control() bool { return t.Reason == "" }

// Raw reports whether no HTTP client sends the token.
func (t Token) Raw() bool { return strings.ContainsAny(t.Token, "\r\n\x00") }

// A forger makes the tokens of one algorithm.
type forger struct {
	keys             Keys
	alg              string
	issuer, audience string
	now              int64
	err              error
}

// Table is the tokens of every algorithm, for a verifier of the issuer and the
// audience that has the time now, in seconds, give or take a minute.
func Table(k Keys, issuer, audience string, now int64) (list []Token, err error) {
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		f := &forger{keys: k, alg: alg, issuer: issuer, audience: audience, now: now}
		for _, tt := range append(append(f.headers(), f.claims()...), f.spellings()...) {
			tt.Name = alg + ": " + tt.Name
			list = append(list, tt)
		}
		if f.err != nil {
			return nil, f.err
		}
	}
	return list, nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (f *forger) sign(what string) string {
	sig, err := f.keys.Sign(f.alg, what)
	if err != nil {
		f.err = err
	}
	return what + "." + b64(sig)
}

func (f *forger) forge(header, payload string) string {
	return f.sign(b64([]byte(header)) + "." + b64([]byte(payload)))
}

// header is a good one with more behind.
func (f *forger) header(more string) string {
	return `{"alg":"` + f.alg + `","kid":"` + f.alg + `"` + more + `}`
}

// payload is a good one with members replaced, "name=value" in JSON, added or,
// "name=", left out.
func (f *forger) payload(edits ...string) string {
	list := [][2]string{
		{"iss", `"` + f.issuer + `"`}, {"sub", `"1"`}, {"aud", `"` + f.audience + `"`},
		{"exp", fmt.Sprint(f.now + 3600)}, {"iat", fmt.Sprint(f.now - 60)}, {"jti", `"j"`},
	}
edits:
	for _, e := range edits {
		name, value, _ := strings.Cut(e, "=")
		for i := range list {
			if list[i][0] == name {
				list[i][1] = value
				continue edits
			}
		}
		list = append(list, [2]string{name, value})
	}
	var members []string
	for _, m := range list {
		if m[1] != "" {
			members = append(members, `"`+m[0]+`":`+m[1])
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}
