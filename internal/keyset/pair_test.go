package keyset_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
)

var (
	secret = []byte(strings.Repeat("0123456789abcdef", 4))
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return guard.Must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return ecKeyOn(elliptic.P256()) })
	edKey  = sync.OnceValue(func() ed25519.PrivateKey {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return guard.Must(k, err)
	})
)

func ecKeyOn(c elliptic.Curve) *ecdsa.PrivateKey {
	return guard.Must(ecdsa.GenerateKey(c, rand.Reader))
}

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

// pairOf returns the pair of a key for the algorithm of that name. A string is a
// secret.
func pairOf(alg string, key any) (*keyset.Pair, error) {
	if s, ok := key.(string); ok {
		return keyset.NewSecret(keyset.AlgorithmByName(alg), []byte(s))
	}
	return keyset.NewPair(keyset.AlgorithmByName(alg), key)
}

// The public half verifies signatures of the private half, also if it was made
// from a public key alone.
func TestPairs(t *testing.T) {
	sec1, err := x509.MarshalECPrivateKey(ecKey())
	sec1PEM := append(pemOf("EC PARAMETERS", []byte{6, 0}, nil), pemOf("EC PRIVATE KEY", sec1, err)...)
	p384, p521 := ecKeyOn(elliptic.P384()), ecKeyOn(elliptic.P521())
	for _, tt := range []struct {
		alg, form       string
		private, public any
	}{
		{"HS256", "", string(secret[:32]), string(secret[:32])},
		{"HS384", "", string(secret[:48]), string(secret[:48])},
		{"HS512", "", string(secret), string(secret)},
		{"RS256", "", rsaKey(), &rsaKey().PublicKey},
		{"RS384", "PKCS #8 and PKIX", pkcs8(rsaKey()), pkix(rsaKey().Public())},
		{"RS512", "PKCS #1", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()), nil),
			pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey), nil)},
		{"PS256", "certificate", rsaKey(), certificate(rsaKey())},
		{"PS384", "", rsaKey(), &rsaKey().PublicKey},
		{"PS512", "", rsaKey(), &rsaKey().PublicKey},
		{"ES256", "SEC 1", sec1PEM, pkix(ecKey().Public())},
		{"ES384", "", p384, &p384.PublicKey},
		{"ES512", "", p521, &p521.PublicKey},
		{"EdDSA", "PKCS #8", pkcs8(edKey()), pkix(edKey().Public())},
		{"Ed25519", "", edKey(), edKey().Public()},
	} {
		t.Run(tt.alg+" "+tt.form, func(t *testing.T) {
			private, err := pairOf(tt.alg, tt.private)
			if err != nil {
				t.Fatal(err)
			}
			public, err := pairOf(tt.alg, tt.public)
			if err != nil {
				t.Fatal(err)
			}
			if _, isSecret := tt.public.(string); !isSecret && public.Private != nil {
				t.Error("a public key has a private half")
			}
			alg := keyset.AlgorithmByName(tt.alg)
			signature := guard.Must(alg.Sign("text", private.Private))
			for _, p := range []*keyset.Pair{private, public} {
				if err := alg.Verify("text", signature, p.Public); err != nil {
					t.Error(err)
				}
				if alg.Verify("texts", signature, p.Public) == nil {
					t.Error("verifies another text")
				}
			}
		})
	}
}

func TestAlgorithmNamesAreExact(t *testing.T) {
	for _, name := range []string{"", "none", "None", "hs256", "HS256 ", "HS1", "ES256K", "eddsa", "Ed448"} {
		if a := keyset.AlgorithmByName(name); a != nil {
			t.Errorf("%q is %s", name, a.Name)
		}
	}
}

// A key of another algorithm neither signs nor verifies, whatever it is.
func TestKeysOfOtherAlgorithms(t *testing.T) {
	keys := map[string]*keyset.Pair{
		"HS256": guard.Must(keyset.NewSecret(keyset.AlgorithmByName("HS256"), secret)),
		"HS384": guard.Must(keyset.NewSecret(keyset.AlgorithmByName("HS384"), secret)),
		"ES256": guard.Must(keyset.NewPair(keyset.AlgorithmByName("ES256"), ecKey())),
		"EdDSA": guard.Must(keyset.NewPair(keyset.AlgorithmByName("EdDSA"), edKey())),
	}
	for name, key := range keys {
		signature := guard.Must(keyset.AlgorithmByName(name).Sign("text", key.Private))
		for _, other := range []string{"HS256", "HS384", "HS512", "RS256", "ES256", "ES384", "EdDSA"} {
			a := keyset.AlgorithmByName(other)
			if other == name {
				continue
			}
			if a.Verify("text", signature, key.Public) == nil {
				t.Errorf("%s verifies with a key of %s", other, name)
			}
			if _, err := a.Sign("text", key.Private); err == nil {
				t.Errorf("%s signs with a key of %s", other, name)
			}
		}
		for _, none := range []any{nil, []byte(secret), (*keyset.Pair)(nil)} {
			if keyset.AlgorithmByName(name).Verify("text", signature, none) == nil {
				t.Errorf("%s verifies with %T", name, none)
			}
		}
	}
}

func TestBadPairs(t *testing.T) {
	//lint:ignore SA1019 there is no other way to a point that is not on the curve
	off := &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}
	otherHalf, withoutPoint := *ecKey(), *ecKey()
	otherHalf.PublicKey, withoutPoint.PublicKey = ecKeyOn(elliptic.P256()).PublicKey, ecdsa.PublicKey{Curve: elliptic.P256()}
	small := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	large := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 16384), E: 65537}
	n := rsaKey().N
	for _, tt := range []struct {
		name, alg string
		key       any
		want      string
	}{
		{"no secret", "HS256", "", "has 0 bytes, and needs 32"},
		{"31 bytes", "HS256", string(secret[:31]), "has 31 bytes, and needs 32"},
		{"32 bytes for HS512", "HS512", string(secret[:32]), "has 32 bytes, and needs 64"},
		{"RSA of 1024 bits", "RS256", small, "2048 to 8192 bits, not 1024"},
		{"RSA of 16385 bits", "RS256", large, "2048 to 8192 bits, not 16385"},
		{"RSA with e = 1", "RS256", &rsa.PublicKey{N: n, E: 1}, "not a sound key"},
		{"RSA with e = 2", "RS256", &rsa.PublicKey{N: n, E: 2}, "not a sound key"},
		{"RSA with an even n", "RS256", &rsa.PublicKey{N: new(big.Int).Lsh(n, 1), E: 65537}, "not a sound key"},
		{"RSA with a negative n", "RS256", &rsa.PublicKey{N: new(big.Int).Neg(n), E: 65537}, "not a sound key"},
		{"RSA without n", "RS256", &rsa.PublicKey{}, "not a sound key"},
		{"RSA nil", "RS256", (*rsa.PrivateKey)(nil), "not a sound key"},
		{"RSA public nil", "RS256", (*rsa.PublicKey)(nil), "not a sound key"},
		{"ECDSA nil", "ES256", (*ecdsa.PrivateKey)(nil), "not a sound key"},
		{"ECDSA public nil", "ES256", (*ecdsa.PublicKey)(nil), "not a sound key"},
		{"ECDSA private without D", "ES256", &ecdsa.PrivateKey{PublicKey: ecKey().PublicKey}, "not a sound key"},
		{"ECDSA zero", "ES256", &ecdsa.PublicKey{}, "not a sound key"},
		{"ECDSA without its point", "ES256", &withoutPoint, "not a sound key"},
		{"ECDSA public without its point", "ES256", &withoutPoint.PublicKey, "not a sound key"},
		{"ECDSA with the public half of another", "ES256", &otherHalf, "not a sound key"},
		{"ES384 on P-256", "ES384", ecKey(), "ES384 needs a key on P-384"},
		{"ES256 off the curve", "ES256", off, "not a sound key"},
		{"Ed25519 short", "EdDSA", ed25519.PublicKey{1}, "not a sound key"},
		{"Ed25519 private short", "EdDSA", ed25519.PrivateKey{1}, "not a sound key"},
		{"Ed25519 with the public half of another", "EdDSA", append(edKey()[:32:32], edKey()[:32]...), "not a sound key"},
		{"Ed25519 that was never filled", "EdDSA", make(ed25519.PublicKey, 32), "not a sound key"},
		{"Ed25519 private that was never filled", "EdDSA", make(ed25519.PrivateKey, 64), "not a sound key"},
		{"not PEM", "RS256", []byte("secret stuff"), "the bytes are not PEM text (a file's name?)"},
		{"empty PEM", "RS256", []byte(nil), "the bytes are not PEM text"},
		{"broken PEM", "RS256", pemOf("PRIVATE KEY", []byte("secret stuff"), nil), `"PRIVATE KEY" cannot be parsed`},
		{"another kind of PEM", "RS256", pemOf("OPENSSH PRIVATE KEY", []byte("x"), nil), "no key in PEM"},
		{"EC key for RSA", "RS256", pkcs8(ecKey()), "RS256 needs an RSA key, and this is a *ecdsa.PublicKey"},
		{"RSA key for EC", "ES256", pkix(rsaKey().Public()), "ES256 needs an ECDSA key, and this is a *rsa.PublicKey"},
		{"RSA key for Ed25519", "EdDSA", pkcs8(rsaKey()), "EdDSA needs an Ed25519 key, and this is a *rsa.PublicKey"},
		{"no key", "EdDSA", nil, "not a sound key for EdDSA"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := pairOf(tt.alg, tt.key)
			if p != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v; want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "stuff") {
				t.Errorf("error %v quotes the key", err)
			}
		})
	}
}

// A Pair is not changed by a later change of the caller's bytes.
func TestPairsAreCopies(t *testing.T) {
	mine := []byte(string(secret))
	p := guard.Must(keyset.NewSecret(keyset.AlgorithmByName("HS256"), mine))
	clear(mine)
	if string(p.Public.(*keyset.Secret).Reveal()) != string(secret) || p.Private != p.Public {
		t.Error("the secret is not copied")
	}
	key := ed25519.PrivateKey(string(edKey()))
	p = guard.Must(keyset.NewPair(keyset.AlgorithmByName("EdDSA"), key))
	clear(key)
	if !edKey().Public().(ed25519.PublicKey).Equal(p.Public) || string(guard.Must(p.Derive())) != string(guard.Must(x509.MarshalPKCS8PrivateKey(edKey()))) {
		t.Error("the private key is not copied")
	}
}
