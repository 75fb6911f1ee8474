//go:build go1.27

package keyset_test

import (
	"crypto/mldsa"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
)

func mldsaKey(p mldsa.Parameters) *mldsa.PrivateKey {
	return guard.Must(mldsa.NewPrivateKey(p, make([]byte, mldsa.PrivateKeySize)))
}

// The key of RFC 9964, appendix A.1, whose seed is 32 zero octets.
func TestMLDSAThumbprint(t *testing.T) {
	j, ok := keyset.NewJWK(mldsaKey(mldsa.MLDSA44()).Public())
	if got := j.Thumbprint(); !ok || got != "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o" {
		t.Errorf("%t: %s of %.80s", ok, got, j.Pub)
	}
}

func TestMLDSAKeys(t *testing.T) {
	for _, p := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		a := keyset.AlgorithmByName(p.String())
		key := mldsaKey(p)
		for name, private := range map[string]any{"key": key, "PEM": pkcs8(key)} {
			pair := guard.Must(keyset.NewPair(a, private))
			signature := guard.Must(a.Sign("text", pair.Private))
			if err := mldsa.Verify(key.PublicKey(), []byte("text"), signature, nil); err != nil {
				t.Errorf("%v, %s: %v", p, name, err)
			}
			for name, public := range map[string]any{"key": key.PublicKey(), "PEM": pkix(key.PublicKey()), "certificate": certificate(key)} {
				public := guard.Must(keyset.NewPair(a, public))
				if err := a.Verify("text", signature, public.Public); err != nil || public.Private != nil {
					t.Errorf("%v, %s: %v", p, name, err)
				}
				if a.Verify("texts", signature, public.Public) == nil {
					t.Errorf("%v, %s verifies another text", p, name)
				}
			}
			withContext := guard.Must(key.Sign(nil, []byte("text"), &mldsa.Options{Context: "x"}))
			if a.Verify("text", withContext, pair.Public) == nil {
				t.Errorf("%v verifies a signature with a context", p)
			}
		}
		for _, other := range []string{"HS256", "ES256", "EdDSA", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"} {
			if other == p.String() {
				continue
			}
			b := keyset.AlgorithmByName(other)
			if _, err := keyset.NewPair(b, key); err == nil {
				t.Errorf("a key of %v is one for %s", p, other)
			}
			if b.Verify("text", guard.Must(key.Sign(nil, []byte("text"), nil)), key.PublicKey()) == nil {
				t.Errorf("%s verifies with a key of %v", other, p)
			}
		}
	}
	for _, nothing := range []any{(*mldsa.PrivateKey)(nil), (*mldsa.PublicKey)(nil)} {
		if _, err := keyset.NewPair(keyset.AlgorithmByName("ML-DSA-44"), nothing); err == nil {
			t.Errorf("%T of nil is a key", nothing)
		}
	}
}

func TestMLDSAJWK(t *testing.T) {
	pub := base64.RawURLEncoding.EncodeToString(mldsaKey(mldsa.MLDSA44()).PublicKey().Bytes())
	for _, tt := range []struct{ name, key, want string }{
		{"valid", `{"kty":"AKP","alg":"ML-DSA-44","kid":"a","use":"sig","pub":"` + pub + `"}`, ""},
		{"no alg", `{"kty":"AKP","kid":"a","pub":"` + pub + `"}`, `alg is ""`},
		{"alg of another size", `{"kty":"AKP","alg":"ML-DSA-65","pub":"` + pub + `"}`, "pub is not a key of ML-DSA-65"},
		{"alg of another type", `{"kty":"AKP","alg":"EdDSA","pub":"` + pub + `"}`, `alg is "EdDSA"`},
		{"pre-hashed", `{"kty":"AKP","alg":"HashML-DSA-44","pub":"` + pub + `"}`, "alg is"},
		{"no pub", `{"kty":"AKP","alg":"ML-DSA-44"}`, "pub is missing"},
		{"short", `{"kty":"AKP","alg":"ML-DSA-44","pub":"` + pub[4:] + `"}`, "pub is not a key of ML-DSA-44"},
		{"padded", `{"kty":"AKP","alg":"ML-DSA-44","pub":"` + pub + `="}`, "pub is not base64url"},
		{"private", `{"kty":"AKP","alg":"ML-DSA-44","pub":"` + pub + `","priv":"` + pub[:43] + `"}`, `it has "priv"`},
		{"for encryption", `{"kty":"AKP","alg":"ML-DSA-44","use":"enc","pub":"` + pub + `"}`, "use is"},
	} {
		k, err := keyset.ParseJWK([]byte(tt.key))
		if tt.want == "" && (err != nil || len(k.Algorithms) != 1 || k.Algorithms[0] != "ML-DSA-44" || k.ID != "a") {
			t.Errorf("%s: %v %v", tt.name, k.Algorithms, err)
		}
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), pub[:40])) {
			t.Errorf("%s: %.200v; want %q", tt.name, err, tt.want)
		}
	}
}
