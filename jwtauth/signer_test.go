package jwtauth_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// A kms is a crypto.Signer of another program's key. It signs as its fields have it.
type kms struct {
	public crypto.PublicKey
	sign   func(message []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (k *kms) Public() crypto.PublicKey { return k.public }

func (k *kms) Sign(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.sign(message, opts)
}

// kmsOf is a kms that has a key of the standard library.
func kmsOf(key crypto.Signer) *kms {
	return &kms{key.Public(), func(m []byte, opts crypto.SignerOpts) ([]byte, error) { return key.Sign(rand.Reader, m, opts) }}
}

// der is an ECDSA signature as a crypto.Signer returns it.
func der(r, s *big.Int) []byte { return guard.Must(asn1.Marshal(struct{ R, S *big.Int }{r, s})) }

func TestSigner(t *testing.T) {
	for _, tt := range []struct {
		alg string
		key crypto.Signer
	}{
		{"RS256", rsaKey()}, {"RS384", rsaKey()}, {"RS512", rsaKey()},
		{"PS256", rsaKey()}, {"PS384", rsaKey()}, {"PS512", rsaKey()},
		{"ES256", ecKey()}, {"ES384", ecdsaOn(elliptic.P384())}, {"ES512", ecdsaOn(elliptic.P521())},
		{"EdDSA", edKey()}, {"Ed25519", edKey()},
	} {
		var public jwtauth.Key
		switch k := tt.key.Public().(type) {
		case *rsa.PublicKey:
			public = jwtauth.RSA(tt.alg, k)
		case *ecdsa.PublicKey:
			public = jwtauth.ECDSA(tt.alg, k)
		case ed25519.PublicKey:
			public = jwtauth.Ed25519(tt.alg, k)
		}
		v := guard.Must(jwtauth.NewVerifier[profile](public, nil))
		for name, s := range map[string]crypto.Signer{"of a KMS": kmsOf(tt.key), "of the standard library": tt.key} {
			i, err := jwtauth.NewIssuer[profile](jwtauth.Signer(tt.alg, s), nil)
			if err != nil {
				t.Errorf("%s, %s: %v", tt.alg, name, err)
				continue
			}
			for range 20 { // r and s are at times shorter than their full size
				token := tokenOf(t, i)
				for _, v := range []*jwtauth.Verifier[profile]{v, i.Verifier()} {
					if g := sendToken(t, v, token); g.status != 200 {
						t.Errorf("%s, %s: %d %s", tt.alg, name, g.status, g.reason)
					}
				}
			}
			if !strings.Contains(jwksOf(i), `"alg":"`+tt.alg+`"`) {
				t.Errorf("%s, %s: the JWKS is %s", tt.alg, name, jwksOf(i))
			}
		}
	}
}

// What a signer gets is what the crypto.Signer of each key type documents.
func TestSignerOpts(t *testing.T) {
	for alg, key := range map[string]crypto.Signer{"RS384": rsaKey(), "PS512": rsaKey(), "ES256": ecKey(), "EdDSA": edKey()} {
		var message []byte
		var opts crypto.SignerOpts
		s := kmsOf(key)
		sign := s.sign
		s.sign = func(m []byte, o crypto.SignerOpts) ([]byte, error) {
			message, opts = bytes.Clone(m), o
			return sign(m, o)
		}
		token := tokenOf(t, guard.Must(jwtauth.NewIssuer[profile](jwtauth.Signer(alg, s), nil)))
		signed := token[:strings.LastIndexByte(token, '.')]
		pss, isPSS := opts.(*rsa.PSSOptions)
		switch alg {
		case "EdDSA":
			if opts.HashFunc() != 0 || string(message) != signed {
				t.Errorf("%s: a hash is signed", alg)
			}
		case "PS512":
			if !isPSS || pss.SaltLength != rsa.PSSSaltLengthEqualsHash || pss.Hash != crypto.SHA512 || len(message) != 64 {
				t.Errorf("%s: %#v", alg, opts)
			}
		default:
			if isPSS || opts.HashFunc().Size() != len(message) || len(message) == 0 {
				t.Errorf("%s: %v of %d bytes", alg, opts, len(message))
			}
		}
	}
}

func TestBadSigners(t *testing.T) {
	otherHalf := *ecKey()
	otherHalf.PublicKey = ecdsaOn(elliptic.P256()).PublicKey
	for _, tt := range []struct {
		name string
		key  jwtauth.Key
		want string
	}{
		{"nil", jwtauth.Signer("ES256", nil), "jwtauth: the crypto.Signer is nil"},
		{"typed nil", jwtauth.Signer("ES256", (*kms)(nil)), "jwtauth: the crypto.Signer is nil"},
		{"nil of the standard library", jwtauth.Signer("RS256", (*rsa.PrivateKey)(nil)), "jwtauth: the crypto.Signer is nil"},
		{"HMAC", jwtauth.Signer("HS256", kmsOf(ecKey())), `jwtauth: Signer has no algorithm "HS256"`},
		{"none", jwtauth.Signer("none", kmsOf(ecKey())), `jwtauth: Signer has no algorithm "none"`},
		{"RSA for ES256", jwtauth.Signer("ES256", kmsOf(rsaKey())), "jwtauth: ES256 needs an ECDSA key, and this is a *rsa.PublicKey"},
		{"EC for RS256", jwtauth.Signer("RS256", kmsOf(ecKey())), "jwtauth: RS256 needs an RSA key, and this is a *ecdsa.PublicKey"},
		{"Ed25519 for ES256", jwtauth.Signer("ES256", kmsOf(edKey())), "jwtauth: ES256 needs an ECDSA key, and this is a ed25519.PublicKey"},
		{"P-256 for ES384", jwtauth.Signer("ES384", kmsOf(ecKey())), "jwtauth: ES384 needs a key on P-384"},
		{"no public key", jwtauth.Signer("ES256", &kms{}), "jwtauth: not a sound key for ES256: <nil>"},
		{"Public panics", jwtauth.Signer("ES256", struct{ crypto.Signer }{}), "Public of the crypto.Signer panicked"},
		{"a private key with the public half of another", jwtauth.Signer("ES256", &otherHalf), "jwtauth: not a sound key for ES256"},
		{"a value that is no key", jwtauth.Signer("EdDSA", ed25519.PrivateKey{1}), "jwtauth:"},
	} {
		_, err := jwtauth.NewIssuer[profile](tt.key, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
	}
}

// A signer that fails, in whatever way, is an outage: 503, whose body has no text.
func TestSignerFails(t *testing.T) {
	down := errors.New("kms: AccessDenied")
	order := elliptic.P256().Params().N
	for name, sign := range map[string]func([]byte, crypto.SignerOpts) ([]byte, error){
		"an error":      func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, down },
		"a refusal":     func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, guard.Forbidden("no") },
		"a panic":       func([]byte, crypto.SignerOpts) ([]byte, error) { panic("of the client") },
		"nothing":       func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, nil },
		"another key's": func(m []byte, o crypto.SignerOpts) ([]byte, error) { return newECKey().Sign(rand.Reader, m, o) },
		"another text's": func(m []byte, o crypto.SignerOpts) ([]byte, error) {
			return ecKey().Sign(rand.Reader, make([]byte, 32), o)
		},
		"r and s":   func(m []byte, _ crypto.SignerOpts) ([]byte, error) { return make([]byte, 64), nil },
		"zero":      func(m []byte, _ crypto.SignerOpts) ([]byte, error) { return der(new(big.Int), big.NewInt(1)), nil },
		"negative":  func(m []byte, _ crypto.SignerOpts) ([]byte, error) { return der(big.NewInt(1), big.NewInt(-1)), nil },
		"too large": func(m []byte, _ crypto.SignerOpts) ([]byte, error) { return der(order, big.NewInt(1)), nil },
		"far too large": func(m []byte, _ crypto.SignerOpts) ([]byte, error) {
			return der(new(big.Int).Lsh(order, 999), order), nil
		},
		"followed by more": func(m []byte, o crypto.SignerOpts) ([]byte, error) {
			b, _ := ecKey().Sign(rand.Reader, m, o)
			return append(b, 0), nil
		},
	} {
		i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.Signer("ES256", &kms{ecKey().Public(), sign}), nil))
		tokens, err := i.Issue("1", profile{})
		if tokens != nil || err == nil || !strings.Contains(err.Error(), "jwtauth: ") {
			t.Errorf("%s: %v, %v", name, tokens, err)
			continue
		}
		w := httptest.NewRecorder()
		guard.Observe(func(*http.Request, guard.Decision) {})(refusing(err)).ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
		if w.Code != 503 || strings.Contains(w.Body.String(), "kms") || strings.Contains(w.Body.String(), "Signer") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if name == "an error" && (!errors.Is(err, down) || !strings.Contains(err.Error(), "jwtauth: the crypto.Signer: kms: AccessDenied")) {
			t.Errorf("the signer's error is lost: %v", err)
		}
	}
}

func TestSignersAreNotPrinted(t *testing.T) {
	s := struct {
		crypto.Signer
		Password string
	}{kmsOf(ecKey()), "s3cr3t"}
	key := jwtauth.Signer("ES256", s)
	i := guard.Must(jwtauth.NewIssuer[profile](key, nil))
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key, "issuer", i)
	for _, v := range []any{key, i, *i, struct{ k jwtauth.Key }{key}} {
		fmt.Fprintf(&log, "%v %+v %#v %s", v, v, v, v)
	}
	if strings.Contains(log.String(), "s3cr3t") {
		t.Error(log.String())
	}
}

func refusing(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, err) })
}
