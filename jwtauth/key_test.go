package jwtauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

func pemOf(kind string, der []byte, err error) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: guard.Must(der, err)})
}

func pkcs8(key any) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pemOf("PRIVATE KEY", der, err)
}

func pkix(key any) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	return pemOf("PUBLIC KEY", der, err)
}

func certificate(key crypto.Signer) []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return pemOf("CERTIFICATE", der, err)
}

func TestKeys(t *testing.T) {
	sec1, err := x509.MarshalECPrivateKey(ecKey())
	sec1PEM := append(pemOf("EC PARAMETERS", []byte{6, 0}, nil), pemOf("EC PRIVATE KEY", sec1, err)...)
	for _, tt := range []struct {
		name            string
		private, public jwtauth.Key
	}{
		{"HS256", jwtauth.HMAC("HS256", secret), jwtauth.HMAC("HS256", secret)},
		{"HS384", jwtauth.HMAC("HS384", []byte(strings.Repeat("x", 48))), jwtauth.HMAC("HS384", []byte(strings.Repeat("x", 48)))},
		{"HS512", jwtauth.HMAC("HS512", []byte(strings.Repeat("x", 64))), jwtauth.HMAC("HS512", []byte(strings.Repeat("x", 64)))},
		{"RS256", jwtauth.RSA("RS256", rsaKey()), jwtauth.RSA("RS256", &rsaKey().PublicKey)},
		{"RS384, PKCS #8 and PKIX", jwtauth.RSA("RS384", pkcs8(rsaKey())), jwtauth.RSA("RS384", pkix(rsaKey().Public()))},
		{"RS512, PKCS #1", jwtauth.RSA("RS512", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()), nil)),
			jwtauth.RSA("RS512", pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey), nil))},
		{"PS256, certificate", jwtauth.RSA("PS256", rsaKey()), jwtauth.RSA("PS256", certificate(rsaKey()))},
		{"PS512", jwtauth.RSA("PS512", rsaKey()), jwtauth.RSA("PS512", &rsaKey().PublicKey)},
		{"ES256, SEC 1", jwtauth.ECDSA("ES256", sec1PEM), jwtauth.ECDSA("ES256", pkix(ecKey().Public()))},
		{"ES384", jwtauth.ECDSA("ES384", ecdsaOn(elliptic.P384())), jwtauth.Key{}},
		{"ES512", jwtauth.ECDSA("ES512", ecdsaOn(elliptic.P521())), jwtauth.Key{}},
		{"EdDSA, PKCS #8", jwtauth.Ed25519("EdDSA", pkcs8(edKey())), jwtauth.Ed25519("Ed25519", pkix(edKey().Public()))},
		{"Ed25519", jwtauth.Ed25519("Ed25519", edKey()), jwtauth.Ed25519("EdDSA", edKey().Public().(ed25519.PublicKey))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, err := jwtauth.NewIssuer[profile](tt.private, nil)
			if err != nil {
				t.Fatal(err)
			}
			token := tokenOf(t, i)
			if g := sendToken(t, i.Verifier(), token); g.status != 200 {
				t.Errorf("status %d: %s", g.status, g.reason)
			}
			if reflect.ValueOf(tt.public).IsZero() {
				return
			}
			v, err := jwtauth.NewVerifier[profile](tt.public, nil)
			if err != nil {
				t.Fatal(err)
			}
			if g := sendToken(t, v, token); g.status != 200 {
				t.Errorf("by the public key: status %d: %s", g.status, g.reason)
			}
		})
	}
}

func ecdsaOn(c elliptic.Curve) *ecdsa.PrivateKey {
	return guard.Must(ecdsa.GenerateKey(c, rand.Reader))
}

// The mistakes in key material are tested in internal/keyset.
func TestBadKeys(t *testing.T) {
	for _, tt := range []struct {
		name string
		key  jwtauth.Key
		want string
	}{
		{"the zero Key", jwtauth.Key{}, "jwtauth: the zero Key"},
		{"no secret", jwtauth.HMAC("HS256", nil), "jwtauth: the secret of HS256 has 0 bytes, and needs 32"},
		{"a secret that was never filled", jwtauth.HMAC("HS256", make([]byte, 32)), "jwtauth: the secret of HS256 has zeros only"},
		{"none", jwtauth.HMAC("none", secret), `jwtauth: HMAC has no algorithm "none"`},
		{"HMAC with RS256", jwtauth.HMAC("RS256", secret), `HMAC has no algorithm "RS256"`},
		{"RSA with HS256", jwtauth.RSA("HS256", rsaKey()), `RSA has no algorithm "HS256"`},
		{"RSA with ES256", jwtauth.RSA("ES256", rsaKey()), `RSA has no algorithm "ES256"`},
		{"ECDSA with RS256", jwtauth.ECDSA("RS256", ecKey()), `ECDSA has no algorithm "RS256"`},
		{"Ed25519 with ES256", jwtauth.Ed25519("ES256", edKey()), `Ed25519 has no algorithm "ES256"`},
		{"RSA nil", jwtauth.RSA("RS256", (*rsa.PrivateKey)(nil)), "jwtauth: not a sound key for RS256"},
		{"ES384 on P-256", jwtauth.ECDSA("ES384", ecKey()), "jwtauth: ES384 needs a key on P-384"},
		{"Ed25519 short", jwtauth.Ed25519("EdDSA", ed25519.PublicKey{1}), "jwtauth: not a sound key for EdDSA"},
		{"Ed25519 that was never filled", jwtauth.Ed25519("EdDSA", make(ed25519.PrivateKey, 64)), "jwtauth: not a sound key for EdDSA"},
		{"not PEM", jwtauth.RSA("RS256", []byte("secret stuff")), "jwtauth: the bytes are not PEM text (a file's name?)"},
		{"broken PEM", jwtauth.RSA("RS256", pemOf("PRIVATE KEY", []byte("secret stuff"), nil)), `"PRIVATE KEY" cannot be parsed`},
		{"empty id", jwtauth.HMAC("HS256", secret).WithID(""), "id has 1 to 256 bytes"},
		{"id of 257 bytes", jwtauth.HMAC("HS256", secret).WithID(strings.Repeat("x", 257)), "id has 1 to 256 bytes"},
		{"id that is not UTF-8", jwtauth.HMAC("HS256", secret).WithID("k\xff"), `id "k\xff" is not UTF-8`},
		{"id of a bad key", jwtauth.HMAC("HS256", nil).WithID(""), "has 0 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := jwtauth.NewVerifier[profile](tt.key, nil)
			_, err2 := jwtauth.NewIssuer[profile](tt.key, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) || err2 == nil || !strings.Contains(err2.Error(), tt.want) {
				t.Errorf("errors %v and %v; want %q", err, err2, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "stuff") {
				t.Errorf("error %v quotes the key", err)
			}
		})
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	key := jwtauth.HMAC("HS256", []byte("a secret of more than 32 letters, x")).WithID("k")
	tokens := &jwtauth.Tokens{AccessToken: "secret-a", RefreshToken: "secret-r"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "tokens", tokens, "token", *tokens, "key", key)
	for _, s := range []string{
		fmt.Sprint(key), fmt.Sprintf("%v %+v %#v %s %x %q %d", key, key, key, key, key, key, key),
		fmt.Sprintf("%v %+v %#v %s", tokens, tokens, tokens, *tokens), log.String(),
	} {
		if strings.Contains(s, "secret") || strings.Contains(s, "73656372") || strings.Contains(s, "115 101") {
			t.Error(s)
		}
	}
	if s := fmt.Sprint(key); s != `jwtauth.Key(HS256 "k")` {
		t.Error(s)
	}
	if s := fmt.Sprint(jwtauth.Key{}); s != `jwtauth.Key(none "")` {
		t.Error(s)
	}
}

// A public key without an ID has its thumbprint (RFC 7638, section 3.1).
func TestThumbprintAsKeyID(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs" +
		"tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI" +
		"SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(guard.Must(rawURL(n))), E: 65537}
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Previous: []jwtauth.Key{jwtauth.RSA("RS256", key)}}))
	if s := jwksOf(i); !strings.Contains(s, `"kid":"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"`) {
		t.Error(s)
	}
}
