package keyset_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/testing/idp"
)

// The reason of a skipped key is an empty string for one that is used.
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
	modulus := bytes.Repeat([]byte{0xc5}, 256)
	for _, tt := range []struct {
		name, key, reason string
	}{
		{"good", good, ""},
		{"without alg and use", edit(`,"alg":"ES256"`, "", `,"use":"sig"`, ""), ""},
		{"key_ops verify", edit(`"use":"sig"`, `"key_ops":["verify"]`), ""},
		{"unknown members", edit(`"use":"sig"`, `"use":"sig","x5t":"abc","exp":1,"x5c":["x"]`), ""},
		{"null members", edit(`"use":"sig"`, `"use":null,"key_ops":null,"d":null,"p":null,"q":null,"dp":null,"dq":null,"qi":null,"oth":null,"k":null,"n":null`), ""},
		{"null alg", edit(`"alg":"ES256"`, `"alg":null`), ""},
		{"use and key_ops", edit(`"use":"sig"`, `"use":"sig","key_ops":["sign","verify"]`), ""},
		{"use enc", edit(`"sig"`, `"enc"`), `use is "enc", not "sig"`},
		{"use unknown", edit(`"sig"`, `"tls"`), `use is "tls", not "sig"`},
		{"key_ops sign", edit(`"use":"sig"`, `"key_ops":["sign"]`), `key_ops does not have "verify"`},
		{"key_ops none", edit(`"use":"sig"`, `"key_ops":[]`), `key_ops does not have "verify"`},
		{"key_ops a string", edit(`"use":"sig"`, `"key_ops":"verify"`), "key_ops is not an array of strings"},
		{"key_ops of numbers", edit(`"use":"sig"`, `"key_ops":["verify",1]`), "key_ops is not an array of strings"},
		{"private and empty", edit(`"use":"sig"`, `"d":""`), `it has "d"`},
		{"kty missing", edit(`"kty":"EC",`, ""), "kty is missing"},
		{"kty null", edit(`"EC"`, "null"), "kty is missing"},
		{"kid twice", edit(`"kid":"a"`, `"kid":"a","kid":"a"`), "a member name occurs twice"},
		{"x with a line break", edit(x, x+`\n`), "x is not base64url"},
		{"x of 31 octets", edit(x, base64.RawURLEncoding.EncodeToString(make([]byte, 31))), "x has 31 octets, not the full size of 32"},
		{"y null", edit(`"y":"`, `"y":null,"z":"`), "y is missing"},
		{"RSA", rsaJWK(modulus), ""},
		{"RSA with a zero octet", rsaJWK(append([]byte{0}, modulus...)), ""},
		{"RSA padded", strings.Replace(rsaJWK(modulus), `","e"`, `==","e"`, 1), "n is not base64url without padding"},
		{"RSA without n", `{"kty":"RSA","kid":"a","e":"AQAB"}`, "n is missing"},
		{"RSA with n null", `{"kty":"RSA","kid":"a","n":null,"e":"AQAB"}`, "n is missing"},
		{"RSA with an even e", strings.Replace(rsaJWK(modulus), "AQAB", "Ag", 1), "not a sound key"},
		{"Ed25519 of 31 octets", `{"kty":"OKP","kid":"a","crv":"Ed25519","x":"` + base64.RawURLEncoding.EncodeToString(make([]byte, 31)) + `"}`, "x has 31 octets"},
		{"alg of another curve", edit(`"ES256"`, `"ES384"`), "ES384 needs a key on P-384"},
		{"alg of encryption", edit(`"ES256"`, `"ECDH-ES"`), `alg is "ECDH-ES"`},
		{"alg of another kind", edit(`"ES256"`, `"RS256"`), `alg is "RS256"`},
		{"private", edit(`"use":"sig"`, `"d":"`+x+`"`), `it has "d"`},
		{"symmetric", `{"kty":"oct","kid":"a","alg":"HS256","k":"` + secret + `"}`, `it has "k"`},
		{"symmetric member", edit(`"use":"sig"`, `"k":"AA"`), `it has "k"`},
		{"unknown kty", edit(`"EC"`, `"XYZ"`), `kty "XYZ"`},
		{"unknown curve", edit(`"P-256"`, `"secp256k1"`), `crv "secp256k1"`},
		{"another curve", edit(`"P-256"`, `"P-384"`), "x has 32 octets, not the full size of 48"},
		{"not on the curve", edit(x, x[1:]+"A"), "not a point on P-256"},
		{"x cut", edit(x, x[:42]), "x "},
		{"x padded", edit(x, x+"="), "x is not base64url without padding"},
		{"x empty", edit(x, ""), "x is missing"},
		{"x a number", edit(`"`+x+`"`, "1"), "wrong type"},
		{"kid a number", edit(`"kid":"a"`, `"kid":1`), "wrong type"},
		{"kid too long", edit(`"kid":"a"`, `"kid":"`+strings.Repeat("a", 257)+`"`), "kid has more than 256 bytes"},
		{"RSA with broken numbers", `{"kty":"RSA","kid":"a","n":"!","e":"AQAB"}`, "n is not base64url"},
		{"RSA of 8 bits", `{"kty":"RSA","kid":"a","n":"_w","e":"AQAB"}`, "2048 to 8192 bits"},
		{"RSA with e of 33 bits", `{"kty":"RSA","kid":"a","n":"_w","e":"AQAAAAE"}`, "e has more than 31 bits"},
		{"Ed448", `{"kty":"OKP","kid":"a","crv":"Ed448","x":"` + x + `"}`, `crv "Ed448"`},
		{"X25519", `{"kty":"OKP","kid":"a","crv":"X25519","x":"` + x + `"}`, `crv "X25519"`},
		{"a string", `"a"`, "it is not a JWK"},
		{"null", `null`, "it is not a JWK"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, err := keyset.ParseJWK([]byte(tt.key))
			if tt.reason == "" && (err != nil || k.ID != "a") || tt.reason != "" && (err == nil || !strings.Contains(err.Error(), tt.reason)) {
				t.Errorf("key %q, error %v; want %q", k.ID, err, tt.reason)
			}
			if err != nil && (strings.Contains(err.Error(), x) || strings.Contains(err.Error(), secret)) {
				t.Errorf("error %v quotes the key", err)
			}
			// It affects no other key of the set, and OnError receives it once.
			synctest.Test(t, func(t *testing.T) {
				s, b := &idp.Server{}, newSigner("b")
				s.Serve(keysJSON(tt.key, b.jwk()))
				var log errorLog
				r := remote(t, s, func(o *keyset.RemoteOptions) { o.OnError = log.add })
				for range 3 {
					if got := verify(t, r, b.sign()); got != valid {
						t.Errorf("another key of the set: %s", got)
					}
					time.Sleep(time.Hour)
				}
				synctest.Wait()
				reports := log.all()
				if s.Count() != 3 || tt.reason == "" && reports != nil || tt.reason != "" && (len(reports) != 1 ||
					!strings.HasPrefix(reports[0], "of the keys of "+idp.JWKSURL+", key 1 (") || !strings.HasSuffix(reports[0], " is not used: "+err.Error())) {
					t.Errorf("%d fetches, OnError received %q", s.Count(), reports)
				}
			})
		})
	}
}

func rsaJWK(modulus []byte) string {
	return `{"kty":"RSA","kid":"a","n":"` + base64.RawURLEncoding.EncodeToString(modulus) + `","e":"AQAB"}`
}

// A report names the key, also one that is not a JWK. What is remembered of a set
// whose keys change each time is bounded.
func TestReportsOfSkippedKeys(t *testing.T) {
	for _, tt := range []struct{ key, want string }{
		{`{"kid":"a","use":"enc"}`, `key 1 (kid "a")`},
		{`{"kid":"a\u0000\n"}`, `key 1 (kid "a\x00\n")`},
		{`{"kid":1}`, `key 1 (kid is no string)`},
		{`{"kid":null}`, `key 1 (no kid)`},
		{`{"kty":"EC"}`, `key 1 (no kid)`},
		{`[]`, `key 1 (no kid)`},
		{`{"kid":"` + strings.Repeat("a", 1000) + `"}`, `key 1 (kid "` + strings.Repeat("a", 256) + `"...)`},
	} {
		_, skipped, err := keyset.ParseJWKS([]byte(keysJSON(tt.key)))
		if err != nil || len(skipped) != 1 || !strings.HasPrefix(skipped[0].Error(), tt.want+" is not used: ") {
			t.Errorf("%s: %v, %v", tt.key, skipped, err)
		}
	}
	if _, skipped, err := keyset.ParseJWKS([]byte(keysJSON("0" + strings.Repeat(",0", 1000)))); err != nil || len(skipped) != 256 {
		t.Errorf("%d reasons are kept, %v", len(skipped), err)
	}
	synctest.Test(t, func(t *testing.T) {
		s, key := &idp.Server{}, newSigner("a")
		var log errorLog
		r := remote(t, s, func(o *keyset.RemoteOptions) { o.OnError = log.add })
		for n := range 300 {
			s.Serve(keysJSON(key.jwk(), fmt.Sprintf(`{"kid":"%d","use":"enc"}`, n)))
			if got := verify(t, r, key.sign()); got != valid {
				t.Fatal(got)
			}
			time.Sleep(time.Hour)
		}
		synctest.Wait()
		reports := log.all()
		if len(reports) != 257 || !strings.Contains(reports[256], "no more of them are reported") {
			t.Errorf("%d reports, the last %q", len(reports), reports[len(reports)-1])
		}
	})
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
		list, _, err := keyset.ParseJWKS(body)
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
	again, _, err := keyset.ParseJWKS(keyset.EncodeJWKS([]keyset.JWK{j}))
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
