package keyset_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/testing/idp"
)

func TestParseJWKSSkipsOtherKeys(t *testing.T) {
	a := newSigner("a")
	good := a.jwk()
	if !strings.HasPrefix(good, `{"crv":"P-256"`) {
		t.Fatal(good)
	}
	edit := func(pairs ...string) string {
		s := strings.NewReplacer(pairs...).Replace(good)
		if s == good {
			t.Fatalf("%q changes nothing", pairs)
		}
		return s
	}
	x := good[strings.Index(good, `"x":"`)+5:][:43]
	secret := base64.RawURLEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for _, tt := range []struct {
		name, key string
		ok        bool
	}{
		{"good", good, true},
		{"without alg and use", edit(`,"alg":"ES256"`, "", `,"use":"sig"`, ""), true},
		{"key_ops verify", edit(`"use":"sig"`, `"key_ops":["verify"]`), true},
		{"unknown members", edit(`"use":"sig"`, `"use":"sig","x5t":"abc","exp":1,"x5c":["x"]`), true},
		{"use enc", edit(`"sig"`, `"enc"`), false},
		{"use unknown", edit(`"sig"`, `"tls"`), false},
		{"key_ops sign", edit(`"use":"sig"`, `"key_ops":["sign"]`), false},
		{"key_ops none", edit(`"use":"sig"`, `"key_ops":[]`), false},
		{"alg of another curve", edit(`"ES256"`, `"ES384"`), false},
		{"alg of encryption", edit(`"ES256"`, `"ECDH-ES"`), false},
		{"alg of another kind", edit(`"ES256"`, `"RS256"`), false},
		{"private", edit(`"use":"sig"`, `"d":"`+x+`"`), false},
		{"symmetric", `{"kty":"oct","kid":"a","alg":"HS256","k":"` + secret + `"}`, false},
		{"symmetric member", edit(`"use":"sig"`, `"k":"AA"`), false},
		{"unknown kty", edit(`"EC"`, `"AKP"`), false},
		{"unknown curve", edit(`"P-256"`, `"secp256k1"`), false},
		{"another curve", edit(`"P-256"`, `"P-384"`), false},
		{"not on the curve", edit(x, x[1:]+"A"), false},
		{"x cut", edit(x, x[:42]), false},
		{"x padded", edit(x, x+"="), false},
		{"x empty", edit(x, ""), false},
		{"x a number", edit(`"`+x+`"`, "1"), false},
		{"kid a number", edit(`"kid":"a"`, `"kid":1`), false},
		{"kid too long", edit(`"kid":"a"`, `"kid":"`+strings.Repeat("a", 257)+`"`), false},
		{"RSA with broken numbers", `{"kty":"RSA","kid":"a","n":"!","e":"AQAB"}`, false},
		{"RSA of 8 bits", `{"kty":"RSA","kid":"a","n":"_w","e":"AQAB"}`, false},
		{"RSA with e of 33 bits", `{"kty":"RSA","kid":"a","n":"_w","e":"AQAAAAE"}`, false},
		{"Ed448", `{"kty":"OKP","kid":"a","crv":"Ed448","x":"` + x + `"}`, false},
		{"X25519", `{"kty":"OKP","kid":"a","crv":"X25519","x":"` + x + `"}`, false},
		{"a string", `"a"`, false},
		{"null", `null`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := unknownKey
			if tt.ok {
				want = valid
			}
			s := &idp.Server{}
			s.Serve(keysJSON(tt.key))
			if got := verify(t, remote(t, s), a.sign()); got != want {
				t.Errorf("%s; want %s", got, want)
			}
			if _, ok := keyset.ParseJWK([]byte(tt.key)); ok != tt.ok {
				t.Errorf("ParseJWK: %t; want %t", ok, tt.ok)
			}
			// It affects no other key of the set.
			b := a.named("b")
			s = &idp.Server{}
			s.Serve(keysJSON(tt.key, b.jwk()))
			if got := verify(t, remote(t, s), b.sign()); got != valid {
				t.Errorf("another key of the set: %s", got)
			}
		})
	}
}

// FuzzParseJWKS: no key set causes a panic, and only sound public keys result.
// Each result is the same after it is encoded and parsed again.
func FuzzParseJWKS(f *testing.F) {
	const ec = `"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
	const ed = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	for _, seed := range []string{
		`{"keys":[]}`, `{"keys":null}`, `{}`, `[]`, `<html>`, `{"keys":[`,
		`{"keys":[{` + ec + `,"kid":"a","alg":"ES256","use":"sig"},{` + ed + `,"key_ops":["verify"]}]}`,
		`{"keys":[{` + ec + `,"d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"},{` + ed + `,"k":"AA"},{` + ec + `,"use":"enc"}]}`,
		`{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"},{"kty":"oct","k":"AA"},{"kty":"OKP","crv":"Ed25519","x":"AA"},null,1,"a",[]]}`,
		`{"keys":[{"kty":"RSA","kid":"r","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := keyset.ParseJWKS(body)
		if err == nil && !json.Valid(body) {
			t.Error("no error for broken JSON")
		}
		if err != nil && list != nil {
			t.Errorf("keys %v with error %v", list, err)
		}
		for _, k := range list {
			checkPublicKey(t, k)
		}
		sig := garbage("HS256", "")
		if err := keyset.NewSet(list).Verify(sig); err != keyset.ErrAlgorithm {
			t.Errorf("a symmetric algorithm: %v", err)
		}
	})
}

func checkPublicKey(t *testing.T, k keyset.PublicKey) {
	t.Helper()
	switch k.Key.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		t.Fatalf("a key of type %T", k.Key)
	}
	if len(k.ID) > keyset.MaxKeyID || len(k.Algorithms) == 0 {
		t.Errorf("ID of %d bytes, algorithms %q", len(k.ID), k.Algorithms)
	}
	for _, name := range k.Algorithms {
		alg := keyset.AlgorithmByName(name)
		if alg == nil || alg.Type == keyset.Symmetric {
			t.Fatalf("algorithm %q", name)
		}
		if _, err := keyset.NewPair(alg, k.Key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	j, ok := keyset.NewJWK(k.Key)
	j.Kid = k.ID
	again, err := keyset.ParseJWKS(keyset.EncodeJWKS([]keyset.JWK{j}))
	if !ok || err != nil || len(again) != 1 {
		t.Fatalf("encoded and parsed again: %v, %v", again, err)
	}
	for _, name := range k.Algorithms {
		if !slices.Contains(again[0].Algorithms, name) {
			t.Errorf("%s is lost", name)
		}
	}
	again[0].Algorithms = k.Algorithms
	if !reflect.DeepEqual(again[0], k) {
		t.Errorf("%+v became %+v", k, again[0])
	}
}
