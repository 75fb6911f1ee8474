package jwtauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/source"
)

type registeredClaims struct {
	Subject string `json:"sub"`
}

func TestOptionsMistakes(t *testing.T) {
	hs := jwtauth.HMAC("HS256", secret)
	type options = jwtauth.VerifierOptions
	type issuerOptions = jwtauth.IssuerOptions
	verifier := func(o *options) error {
		v, err := jwtauth.NewVerifier[profile](hs, o)
		if (v == nil) != (err != nil) {
			t.Errorf("%v, %v", v, err)
		}
		return err
	}
	issuer := func(o *issuerOptions) error {
		i, err := jwtauth.NewIssuer[profile](hs, o)
		if (i == nil) != (err != nil) {
			t.Errorf("%v, %v", i, err)
		}
		return err
	}
	one := func(_ any, err error) error { return err }
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"none", verifier(nil), ""},
		{"leeway", verifier(&options{Leeway: 2*time.Minute + 1}), "Leeway"},
		{"negative leeway", verifier(&options{Leeway: -1}), "Leeway"},
		{"size", verifier(&options{MaxTokenBytes: 1 << 20}), "MaxTokenBytes"},
		{"negative size", verifier(&options{MaxTokenBytes: -1}), "MaxTokenBytes"},
		{"cache", verifier(&options{CacheSize: 1 << 21}), "CacheSize"},
		{"negative cache", verifier(&options{CacheSize: -1}), "CacheSize"},
		{"cache time", verifier(&options{CacheTTL: -1}), "CacheTTL"},
		{"source", verifier(&options{Sources: []source.Source{source.Cookie("a b")}}), `source name "a b"`},
		{"origin", verifier(&options{Sources: headerOrCookie, TrustedOrigins: []string{"x"}}), "trusted origin"},
		{"scope", verifier(&options{Scopes: []string{"a b"}}), "scope"},
		{"realm", verifier(&options{Realm: "a\nb"}), "realm"},
		{"metadata", verifier(&options{ResourceMetadata: "a\nb"}), "resource_metadata"},
		{"empty audience", verifier(&options{Audience: []string{""}}), "audience is empty"},
		{"name that is not UTF-8", verifier(&options{Issuer: "a\xff"}), `"a\xff" is not UTF-8`},
		{"audience that is not UTF-8", verifier(&options{Audience: []string{"b", "a\xff"}}), `"a\xff" is not UTF-8`},
		{"type of an issuer that is not UTF-8", issuer(&issuerOptions{Type: "a\xff"}), `"a\xff" is not UTF-8`},
		{"header type of an issuer that is not UTF-8", issuer(&issuerOptions{Types: []string{"a\xff"}}), `"a\xff" is not UTF-8`},
		{"lifetime", issuer(&issuerOptions{Lifetime: time.Millisecond}), "Lifetime"},
		{"long lifetime", issuer(&issuerOptions{Lifetime: 367 * 24 * time.Hour}), "Lifetime"},
		{"leeway of an issuer", issuer(&issuerOptions{Leeway: -1}), "Leeway"},
		{"size of an issuer", issuer(&issuerOptions{MaxTokenBytes: -1}), "MaxTokenBytes"},
		{"cache of an issuer", issuer(&issuerOptions{CacheSize: -1}), "CacheSize"},
		{"cache time of an issuer", issuer(&issuerOptions{CacheTTL: -1}), "CacheTTL"},
		{"source of an issuer", issuer(&issuerOptions{Sources: []source.Source{source.Cookie("a b")}}), `source name "a b"`},
		{"origin of an issuer", issuer(&issuerOptions{Sources: headerOrCookie, TrustedOrigins: []string{"x"}}), "trusted origin"},
		{"scope of an issuer", issuer(&issuerOptions{Scopes: []string{"a b"}}), "scope"},
		{"realm of an issuer", issuer(&issuerOptions{Realm: "a\nb"}), "realm"},
		{"metadata of an issuer", issuer(&issuerOptions{ResourceMetadata: "a\nb"}), "resource_metadata"},
		{"empty audience of an issuer", issuer(&issuerOptions{Audience: []string{""}}), "audience is empty"},
		{"issuer with a public key", one(jwtauth.NewIssuer[profile](jwtauth.RSA("RS256", &rsaKey().PublicKey), nil)), "needs a private key"},
		{"bad previous key", issuer(&issuerOptions{Previous: []jwtauth.Key{{}}}), "the zero Key"},
		{"no keys", one(jwtauth.NewVerifier[profile](nil, nil)), "no keys"},
		{"Keys of none", one(jwtauth.NewVerifier[profile](jwtauth.Keys(), nil)), "no keys"},
		{"five keys without id", one(jwtauth.NewVerifier[profile](jwtauth.Keys(hs, hs, hs, hs, hs), nil)), "give them ids"},
		{"trust without keys", verifier(&options{Issuer: "a", Trust: []jwtauth.Trust{{Issuer: "b"}}}), "no keys"},
		{"trust without a name", verifier(&options{Issuer: "a", Trust: []jwtauth.Trust{{Keys: hs, Prefix: "b:"}}}), ""},
		{"of which issuer", verifier(&options{Issuer: "a", Trust: []jwtauth.Trust{{Issuer: "b", Prefix: "b:", Keys: hs, Leeway: -1, MaxAge: -1}}}),
			"jwtauth: of several issuers, number 2: Leeway -1ns is not within 0 and 2m0s\njwtauth: of several issuers, number 2: MaxAge -1ns is negative"},
		{"two without a name", verifier(&options{Trust: []jwtauth.Trust{{Keys: hs, Prefix: "b:"}}}), "number 2 has the same Issuer as another"},
		{"trust twice", verifier(&options{Issuer: "a", Trust: []jwtauth.Trust{{Issuer: "a", Keys: hs}}}), "number 2 has the same Issuer as another"},
		{"subject beside TrustFunc", verifier(&options{Subject: clientOrUser, TrustFunc: noTenant}), "Subject beside TrustFunc needs a Prefix"},
		{"subject with a Prefix beside TrustFunc", verifier(&options{Subject: clientOrUser, Prefix: "a:", TrustFunc: noTenant}), ""},
		{"an unknown algorithm", verifier(&options{Algorithms: []string{"HS256", "none"}}), `there is no algorithm "none"`},
		{"trust alone", one(jwtauth.NewVerifier[profile](nil, &options{Trust: []jwtauth.Trust{{Issuer: "a", Keys: hs}}})), ""},
		{"issuer without keys", one(jwtauth.NewVerifier[profile](nil, &options{Issuer: "x", Trust: []jwtauth.Trust{{Issuer: "a", Keys: hs}}})), "without keys: each Trust"},
		{"audience without keys", one(jwtauth.NewVerifier[profile](nil, &options{Audience: []string{"x"}, Trust: []jwtauth.Trust{{Issuer: "a", Keys: hs}}})), "without keys: each Trust"},
		{"claims that are registered", one(jwtauth.NewVerifier[registeredClaims](hs, nil)), `defines "sub"`},
		{"claims that fold to registered ones", one(jwtauth.NewVerifier[struct{ Exp int64 }](hs, nil)), `defines "exp"`},
		{"embedded claims that are registered", one(jwtauth.NewVerifier[struct{ registeredClaims }](hs, nil)), `defines "sub"`},
		{"type of an issuer", one(jwtauth.NewIssuer[struct{ Type string }](hs, nil)), `defines "type"`},
		{"type of a verifier", one(jwtauth.NewVerifier[struct{ Type string }](hs, nil)), ""},
		{"claims a string", one(jwtauth.NewVerifier[string](hs, nil)), "a struct or a map"},
		{"claims any", one(jwtauth.NewVerifier[any](hs, nil)), "a struct or a map"},
		{"claims a map of strings", one(jwtauth.NewVerifier[map[string]string](hs, nil)), "a struct or a map"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" && tt.err != nil || tt.want != "" && (tt.err == nil || !strings.Contains(tt.err.Error(), tt.want)) {
				t.Errorf("error %v; want %q", tt.err, tt.want)
			}
		})
	}
	_, err := jwtauth.NewVerifier[string](jwtauth.Key{}, &jwtauth.VerifierOptions{Leeway: -1, Realm: "\n"})
	for _, want := range []string{"Leeway", "realm", "zero Key", "a struct or a map"} {
		if err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("error %v does not report %s once", err, want)
		}
	}

	// Discover over http, without an audience, was the first mistake alone.
	_, err = jwtauth.NewVerifier[struct{ Sub, Exp string }](jwtauth.Discover("http://idp.example", nil), &jwtauth.VerifierOptions{
		Realm: "\n", ResourceMetadata: "\n", Trust: []jwtauth.Trust{{}},
	})
	for _, want := range []string{"is not https", "without Audience", `"sub"`, `"exp"`, "realm", "resource_metadata", "no keys", "number 2 needs a Prefix"} {
		if err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("error %v does not report %s once", err, want)
		}
	}
	const secret = "https://u:p%zz@idp.example"
	broken := jwtauth.Discover(secret, nil)
	_, err = jwtauth.NewVerifier[profile](broken, &jwtauth.VerifierOptions{Trust: []jwtauth.Trust{{Keys: broken}, {Issuer: "x", Keys: broken}}})
	if err == nil || strings.Contains(err.Error(), "u:p") {
		t.Errorf("error %v", err)
	}
}
