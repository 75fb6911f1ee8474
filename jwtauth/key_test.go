package jwtauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
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
			if tt.public == (jwtauth.Key{}) {
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

func TestBadKeys(t *testing.T) {
	//lint:ignore SA1019 there is no other way to a point that is not on the curve
	off := &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}
	small := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	large := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 16384), E: 65537}
	n := rsaKey().N
	for _, tt := range []struct {
		name string
		key  jwtauth.Key
		want string
	}{
		{"the zero Key", jwtauth.Key{}, "the zero Key"},
		{"no secret", jwtauth.HMAC("HS256", nil), "has 0 bytes, and needs 32"},
		{"31 bytes", jwtauth.HMAC("HS256", secret[:31]), "has 31 bytes, and needs 32"},
		{"32 bytes for HS512", jwtauth.HMAC("HS512", secret), "has 32 bytes, and needs 64"},
		{"none", jwtauth.HMAC("none", secret), `no algorithm "none"`},
		{"HMAC with RS256", jwtauth.HMAC("RS256", secret), `no algorithm "RS256"`},
		{"RSA with HS256", jwtauth.RSA("HS256", rsaKey()), `no algorithm "HS256"`},
		{"RSA with ES256", jwtauth.RSA("ES256", rsaKey()), `no algorithm "ES256"`},
		{"ECDSA with RS256", jwtauth.ECDSA("RS256", ecKey()), `no algorithm "RS256"`},
		{"Ed25519 with ES256", jwtauth.Ed25519("ES256", edKey()), `no algorithm "ES256"`},
		{"RSA of 1024 bits", jwtauth.RSA("RS256", small), "2048 to 8192 bits, not 1024"},
		{"RSA of 16385 bits", jwtauth.RSA("RS256", large), "2048 to 8192 bits, not 16385"},
		{"RSA with e = 1", jwtauth.RSA("RS256", &rsa.PublicKey{N: n, E: 1}), "not a sound key"},
		{"RSA with e = 2", jwtauth.RSA("RS256", &rsa.PublicKey{N: n, E: 2}), "not a sound key"},
		{"RSA with an even n", jwtauth.RSA("RS256", &rsa.PublicKey{N: new(big.Int).Lsh(n, 1), E: 65537}), "not a sound key"},
		{"RSA without n", jwtauth.RSA("RS256", &rsa.PublicKey{}), "not a sound key"},
		{"RSA nil", jwtauth.RSA("RS256", (*rsa.PrivateKey)(nil)), "not a sound key"},
		{"RSA public nil", jwtauth.RSA("RS256", (*rsa.PublicKey)(nil)), "not a sound key"},
		{"ECDSA nil", jwtauth.ECDSA("ES256", (*ecdsa.PrivateKey)(nil)), "not a sound key"},
		{"ECDSA public nil", jwtauth.ECDSA("ES256", (*ecdsa.PublicKey)(nil)), "not a sound key"},
		{"ECDSA private without D", jwtauth.ECDSA("ES256", &ecdsa.PrivateKey{PublicKey: ecKey().PublicKey}), "not a sound key"},
		{"ECDSA zero", jwtauth.ECDSA("ES256", &ecdsa.PublicKey{}), "not a sound key"},
		{"ES384 on P-256", jwtauth.ECDSA("ES384", ecKey()), "ES384 needs a key on P-384"},
		{"ES256 off the curve", jwtauth.ECDSA("ES256", off), "not a sound key"},
		{"Ed25519 short", jwtauth.Ed25519("EdDSA", ed25519.PublicKey{1}), "not a sound key"},
		{"Ed25519 private short", jwtauth.Ed25519("EdDSA", ed25519.PrivateKey{1}), "not a sound key"},
		{"not PEM", jwtauth.RSA("RS256", []byte("secret stuff")), "no key in PEM"},
		{"empty PEM", jwtauth.RSA("RS256", []byte(nil)), "no key in PEM"},
		{"broken PEM", jwtauth.RSA("RS256", pemOf("PRIVATE KEY", []byte("secret stuff"), nil)), `"PRIVATE KEY" cannot be parsed`},
		{"another kind of PEM", jwtauth.RSA("RS256", pemOf("OPENSSH PRIVATE KEY", []byte("x"), nil)), "no key in PEM"},
		{"EC key for RSA", jwtauth.RSA("RS256", pkcs8(ecKey())), "not a sound key for RS256"},
		{"RSA key for EC", jwtauth.ECDSA("ES256", pkix(rsaKey().Public())), "not a sound key for ES256"},
		{"RSA key for Ed25519", jwtauth.Ed25519("EdDSA", pkcs8(rsaKey())), "not a sound key for EdDSA"},
		{"empty id", jwtauth.HMAC("HS256", secret).WithID(""), "id has 1 to 256 bytes"},
		{"id of 257 bytes", jwtauth.HMAC("HS256", secret).WithID(strings.Repeat("x", 257)), "id has 1 to 256 bytes"},
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

func TestJWKS(t *testing.T) {
	old := jwtauth.RSA("RS256", rsaKey()).WithID("old")
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.ECDSA("ES256", ecKey()), &jwtauth.IssuerOptions{
		Previous: []jwtauth.Key{old, jwtauth.HMAC("HS256", secret), jwtauth.Ed25519("EdDSA", edKey().Public().(ed25519.PublicKey))},
	}))
	w := httptest.NewRecorder()
	i.JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if ct, cc := w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"); ct != "application/jwk-set+json" || cc != "public, max-age=300" {
		t.Errorf("%q, %q", ct, cc)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || len(set.Keys) != 3 {
		t.Fatal(w.Body)
	}
	for _, k := range set.Keys {
		for _, private := range []string{"d", "p", "q", "k", "dp", "dq", "qi"} {
			if k[private] != "" {
				t.Errorf("the set holds %q", private)
			}
		}
		if k["use"] != "sig" || k["kid"] == "" {
			t.Error(k)
		}
	}
	if set.Keys[1]["kid"] != "old" || set.Keys[0]["alg"] != "ES256" || set.Keys[0]["crv"] != "P-256" {
		t.Error(set.Keys)
	}

	w = httptest.NewRecorder()
	i.JWKS().ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Error(w.Code)
	}
	hs := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), nil))
	if s := jwksOf(hs); s != `{"keys":[]}` {
		t.Error(s)
	}
}

// The example of RFC 7638, section 3.1.
func TestThumbprint(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs" +
		"tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI" +
		"SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(guard.Must(rawURL(n))), E: 65537}
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Previous: []jwtauth.Key{jwtauth.RSA("RS256", key)}}))
	if s := jwksOf(i); !strings.Contains(s, `"kid":"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"`) {
		t.Error(s)
	}
}
