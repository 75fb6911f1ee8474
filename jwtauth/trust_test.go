package jwtauth_test

import (
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/jwtauth"
)

var otherSecret = []byte("another secret of 32 random bytes")

// TestOwnTokensBesideAProviders: type, denylist, leeway and audience belong to each
// issuer. Without Type for all, a reset token of the own issuer passed; with it, no
// token of the provider did.
func TestOwnTokensBesideAProviders(t *testing.T) {
	own := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "me", Now: atNoon}))
	resets := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "me", Type: "reset", Now: atNoon}))
	provider := jwtauth.Trust{
		Issuer: "idp", Keys: jwtauth.HMAC("HS256", otherSecret), Audience: []string{"api"}, Types: []string{"at+jwt"}, Leeway: time.Minute, Prefix: "idp:",
	}
	theirs := func(header string, edits ...string) string {
		return forge(header, payload(append([]string{`iss="idp"`, "type=", "jti="}, edits...)...), hs256(otherSecret))
	}
	const access = `{"alg":"HS256","typ":"at+jwt"}`
	issue := func(i *jwtauth.Issuer[profile]) string { return guard.Must(i.Issue("1", profile{})).AccessToken }
	revoked := issue(own)
	if err := own.Verifier().Revoke(t.Context(), sendToken(t, own.Verifier(), revoked).token); err != nil {
		t.Fatal(err)
	}
	for order, list := range map[string][]jwtauth.Trust{"own first": {own.Trust(), provider}, "provider first": {provider, same(own.Trust())}} {
		v := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{Trust: list, Now: atNoon, CacheSize: 10}))
		for _, tt := range []struct{ name, token, reason string }{
			{"own", issue(own), ""},
			{"own, without jti", forge(jwtHeader, payload("aud=", "jti="), hs256(secret)), ""},
			{"own, of another type", issue(resets), typeReason},
			{"own, revoked", revoked, "jwtauth: the token or its session is denied"},
			{"own, expired within the provider's leeway", forge(jwtHeader, payload("aud=", "exp=1799999990"), hs256(secret)), expReason},
			{"own, for the provider's audience", forge(jwtHeader, payload(), hs256(secret)), audReason},
			{"own, of the provider's typ", forge(`{"alg":"HS256","typ":"dpop+jwt"}`, payload("aud="), hs256(secret)), typReason},
			{"provider's", theirs(access), ""},
			{"provider's, with a type", theirs(access, `type="reset"`), ""},
			{"provider's, expired within its leeway", theirs(access, "exp=1799999990"), ""},
			{"provider's, typ JWT", theirs(jwtHeader), typReason},
			{"provider's, without aud", theirs(access, "aud="), noAudReason},
			{"provider's, signed with the own key", forge(access, payload(`iss="idp"`), hs256(secret)), sigReason},
		} {
			for range 2 { // the second from the cache
				if g := sendToken(t, v, tt.token); g.reason != tt.reason || (g.status == 200) != (tt.reason == "") {
					t.Errorf("%s: %s: %d %q, want %q", order, tt.name, g.status, g.reason, tt.reason)
				}
			}
		}
	}
}

// same is the settings of an issuer that names the subjects of the others.
func same(t jwtauth.Trust) jwtauth.Trust {
	t.InsecureSameSubjects = true
	return t
}

// TestTypeIsAPrivateClaimWhereItIsNotRequired: per issuer, in one map of claims.
func TestTypeIsAPrivateClaimWhereItIsNotRequired(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[map[string]any](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Type: "access", Now: atNoon,
		Trust: []jwtauth.Trust{{Issuer: "idp", Keys: jwtauth.HMAC("HS256", otherSecret), Audience: []string{"api"}, Prefix: "idp:"}},
	}))
	mine, err := v.Verify(t.Context(), forge(jwtHeader, payload(), hs256(secret)))
	if _, has := mine.Claims["type"]; err != nil || has {
		t.Errorf("%v, %v", mine, err)
	}
	theirs, err := v.Verify(t.Context(), forge(jwtHeader, payload(`iss="idp"`, `type={"a":1}`), hs256(otherSecret)))
	if err != nil || theirs.Claims["type"] == nil {
		t.Errorf("%v, %v", theirs, err)
	}
}

// TestTrustOfAnIssuer: it is the Issuer's settings, and a copy of them.
func TestTrustOfAnIssuer(t *testing.T) {
	list := guard.Must(jwtauth.NewMemory(nil))
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{
		Issuer: "me", Audience: []string{"api"}, Types: []string{"at+jwt"}, Type: "x", Leeway: time.Second, Denylist: list,
	}))
	for range 2 {
		got := i.Trust()
		if got.Issuer != "me" || !slices.Equal(got.Audience, []string{"api"}) || !slices.Equal(got.Types, []string{"at+jwt"}) ||
			got.Type != "x" || got.Leeway != time.Second || got.Denylist != jwtauth.Denylist(list) || got.Keys == nil {
			t.Errorf("%+v", got)
		}
		got.Audience[0], got.Types[0] = "changed", "changed"
	}
}

// TestSettingsOfAnIssuer: VerifierOptions has every field of Trust, and none is
// ignored.
func TestSettingsOfAnIssuer(t *testing.T) {
	values := map[reflect.Kind]any{
		reflect.String: "x", reflect.Bool: true, reflect.Int64: time.Second, reflect.Slice: []string{"x"}, reflect.Map: map[string]string{"x": ""},
		reflect.Func: func(map[string]any) string { return "" }, reflect.Interface: guard.Must(jwtauth.NewMemory(nil)),
	}
	for f := range reflect.TypeFor[jwtauth.Trust]().Fields() {
		if f.Name == "Keys" || f.Name == "InsecureSameSubjects" { // an argument; of further issuers alone
			continue
		}
		o := &jwtauth.VerifierOptions{Trust: []jwtauth.Trust{{Issuer: "a", Keys: jwtauth.HMAC("HS256", secret)}}}
		field := reflect.ValueOf(o).Elem().FieldByName(f.Name)
		if !field.IsValid() || field.Type() != f.Type {
			t.Errorf("VerifierOptions has no %s %v", f.Name, f.Type)
			continue
		}
		field.Set(reflect.ValueOf(values[f.Type.Kind()]))
		if _, err := jwtauth.NewVerifier[profile](nil, o); err == nil || !strings.Contains(err.Error(), f.Name+" without keys") {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// TestMistakesOfTrust: settings of an issuer that has no keys are not ignored.
func TestMistakesOfTrust(t *testing.T) {
	trust := func(t jwtauth.Trust) *jwtauth.VerifierOptions {
		t.Issuer, t.Keys = "a", jwtauth.HMAC("HS256", secret)
		return &jwtauth.VerifierOptions{Trust: []jwtauth.Trust{t}}
	}
	with := func(edit func(*jwtauth.VerifierOptions)) *jwtauth.VerifierOptions {
		o := trust(jwtauth.Trust{})
		edit(o)
		return o
	}
	for want, o := range map[string]*jwtauth.VerifierOptions{
		"Denylist without keys":     with(func(o *jwtauth.VerifierOptions) { o.Denylist = guard.Must(jwtauth.NewMemory(nil)) }),
		"Type, Leeway without keys": with(func(o *jwtauth.VerifierOptions) { o.Leeway, o.Type = time.Second, "x" }),
		"Leeway 3m0s":               trust(jwtauth.Trust{Leeway: 3 * time.Minute}),
	} {
		if _, err := jwtauth.NewVerifier[profile](nil, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	_, err := jwtauth.NewVerifier[struct{ Type string }](nil, trust(jwtauth.Trust{Type: "access"}))
	if err == nil || !strings.Contains(err.Error(), `defines "type"`) {
		t.Error(err)
	}
}

// twoIssuers trusts "me" with the own secret and "idp" with another.
func twoIssuers() *jwtauth.Verifier[profile] {
	return guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon,
		Trust: []jwtauth.Trust{{Issuer: "https://idp/", Keys: jwtauth.HMAC("HS256", otherSecret), Audience: []string{"api"}, Prefix: "idp:"}},
	}))
}

// TestIssSelectsAndIsReadAgain: of several issuers the first iss selects the keys, and
// the strict reader must find the same one behind the signature.
func TestIssSelectsAndIsReadAgain(t *testing.T) {
	v := twoIssuers()
	rest := strings.TrimPrefix(payload("iss="), "{")
	mine := func(start string) string { return forge(jwtHeader, "{"+start+rest, hs256(secret)) }
	theirs := func(start string) string { return forge(jwtHeader, "{"+start+rest, hs256(otherSecret)) }
	for _, tt := range []struct{ name, token, reason string }{
		{"the first", mine(`"iss":"me",`), ""},
		{"the second", theirs(`"iss":"https://idp/",`), ""},
		{"the second, as PHP escapes it", theirs(`"iss":"https:\/\/idp\/",`), ""},
		{"the last member", forge(jwtHeader, "{"+rest[:len(rest)-1]+`,"iss":"me"}`, hs256(secret)), ""},
		{"behind a nested one", mine(`"x":{"iss":"https://idp/"},"iss":"me",`), ""},
		{"behind a text of one", mine(`"x":"\"iss\":\"https://idp/\"","iss":"me",`), ""},
		{"beside ISS", mine(`"ISS":"https://idp/","iss":"me",`), ""},

		{"twice, by the first's key", mine(`"iss":"me","iss":"https://idp/",`), twiceReason},
		{"twice, by the second's key", theirs(`"iss":"https://idp/","iss":"me",`), twiceReason},
		{"twice, the other first", mine(`"iss":"https://idp/","iss":"me",`), sigReason},
		{"twice, the other escaped", mine(`"\u0069ss":"https://idp/","iss":"me",`), twiceReason},
		{"its name escaped", mine(`"\u0069ss":"me",`), trustReason},
		{"nested alone", mine(`"x":{"iss":"me"},`), trustReason},
		{"in a list", forge(jwtHeader, `[{"iss":"me",`+rest+`]`, hs256(secret)), trustReason},
		{"in a list itself", forge(jwtHeader, `["iss","me",`+rest[:len(rest)-1]+`]`, hs256(secret)), trustReason},
		{"a list that looks like an object", forge(jwtHeader, `["iss":"me",`+rest[:len(rest)-1]+`]`, hs256(secret)), jsonReason},
		{"in a second object", forge(jwtHeader, `{}{"iss":"me",`+rest, hs256(secret)), jsonReason},
		{"behind a bracket too much", forge(jwtHeader, `}{{"iss":"me",`+rest, hs256(secret)), jsonReason},
		{"a value called iss", mine(`"x":"iss","y":"me",`), trustReason},
		{"the other's key", theirs(`"iss":"me",`), sigReason},
		{"unknown", mine(`"iss":"https://idp",`), trustReason},
		{"unknown and not signed", forge(jwtHeader, `{"iss":"x",`+rest, hs256(nil)), trustReason},
		{"empty", mine(`"iss":"",`), trustReason},
		{"a number", mine(`"iss":1,`), trustReason},
		{"a list", mine(`"iss":["me"],`), trustReason},
		{"null", mine(`"iss":null,`), trustReason},
		{"with a NUL", mine(`"iss":"me\u0000",`), trustReason},
		{"of 513 bytes", mine(`"iss":"` + strings.Repeat("m", 513) + `",`), trustReason},
		{"no JSON", forge(jwtHeader, `"iss":"me"`, hs256(secret)), trustReason},
		{"cut", forge(jwtHeader, `{"iss":"me"`, hs256(secret)), jsonReason},
	} {
		g := sendToken(t, v, tt.token)
		if g.reason != tt.reason || tt.reason != "" && (g.status != 401 || g.message != "Invalid token") {
			t.Errorf("%s: %d %q %q, want %q", tt.name, g.status, g.message, g.reason, tt.reason)
		}
	}
	long := &jwtauth.VerifierOptions{Issuer: strings.Repeat("m", 513), Trust: []jwtauth.Trust{{Issuer: "b", Keys: jwtauth.HMAC("HS256", secret), Prefix: "b:"}}}
	if _, err := jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), long); err == nil || !strings.Contains(err.Error(), "more than 512 bytes") {
		t.Error(err)
	}
}

// TestOldTokensWithoutIss: an issuer without a name has the tokens without iss, beside
// one that has them.
func TestOldTokensWithoutIss(t *testing.T) {
	own := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Issuer: "me", Now: atNoon}))
	v := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{Now: atNoon, Trust: []jwtauth.Trust{
		own.Trust(), {Keys: jwtauth.HMAC("HS256", otherSecret), Prefix: "old:"},
	}}))
	old := func(edits ...string) string {
		return forge(jwtHeader, payload(append([]string{"iss=", "aud=", "type=", "jti="}, edits...)...), hs256(otherSecret))
	}
	escaped := func(key []byte) string {
		return forge(jwtHeader, strings.Replace(payload("iss=", "aud="), "{", `{"\u0069ss":"me",`, 1), hs256(key))
	}
	for _, tt := range []struct{ name, token, reason string }{
		{"new", tokenOf(t, own), ""},
		{"old", old(), ""},
		{"old, with an iss", old(`iss="x"`), trustReason},
		{"old, with an iss whose name is escaped", escaped(otherSecret), issReason},
		{"old, with an iss that is a number", old("iss=1"), kindReason},
		{"old, expired", old("exp=1"), expReason},
		{"old, as a new one", old(`iss="me"`), sigReason},
		{"new, as an old one", forge(jwtHeader, payload("iss=", "aud="), hs256(secret)), sigReason},
		{"new, without iss but escaped", escaped(secret), sigReason},
	} {
		if g := sendToken(t, v, tt.token); g.reason != tt.reason || tt.name == "old" && g.token.Sub() != "old:1" {
			t.Errorf("%s: %d %q, want %q", tt.name, g.status, g.reason, tt.reason)
		}
	}
}

// TestLimitedAlgorithms: a key of a set without alg verifies those that are allowed.
func TestLimitedAlgorithms(t *testing.T) {
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.RSA("RS256", rsaKey()).WithID("a"), &jwtauth.IssuerOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon,
	}))
	set := strings.Replace(jwksOf(i), `"alg":"RS256",`, "", 1)
	if strings.Contains(set, `"alg"`) {
		t.Fatal(set)
	}
	rs := forge(`{"alg":"RS256","kid":"a"}`, payload(), rs256)
	ps := forge(`{"alg":"PS256","kid":"a"}`, payload(), ps256(32))
	eddsa := forge(`{"alg":"EdDSA"}`, payload(), eddsa)
	const limited = "jwtauth: alg is not one of Algorithms"
	for _, tt := range []struct {
		keys       jwtauth.KeySource
		algorithms []string
		token      string
		reason     string
	}{
		{jwtauth.JWKS([]byte(set)), nil, rs, ""},
		{jwtauth.JWKS([]byte(set)), nil, ps, ""},
		{jwtauth.JWKS([]byte(set)), []string{"ES256", "PS256"}, ps, ""},
		{jwtauth.JWKS([]byte(set)), []string{"ES256", "PS256"}, rs, limited},
		{jwtauth.Ed25519("EdDSA", edKey()), []string{"Ed25519"}, eddsa, ""},
		{jwtauth.Ed25519("EdDSA", edKey()), []string{"PS256"}, eddsa, limited},
	} {
		v := guard.Must(jwtauth.NewVerifier[profile](tt.keys, &jwtauth.VerifierOptions{
			Issuer: "me", Audience: []string{"api"}, Algorithms: tt.algorithms, Now: atNoon,
		}))
		if g := sendToken(t, v, tt.token); g.reason != tt.reason {
			t.Errorf("%v: %q, want %q", tt.algorithms, g.reason, tt.reason)
		}
	}
}

// TestUnsignedTokensCostNothing: before the signature, of several issuers too, a
// payload costs no memory. It was 30 times its length.
func TestUnsignedTokensCostNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	one := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	two := twoIssuers()
	fill := func(unit string) string { return strings.Repeat(unit, 5600/len(unit)) }
	members := payload("iss=")
	members = members[:len(members)-1] + numbered(600)
	for name, claims := range map[string]string{
		"audiences":          `{"aud":["` + fill(`a","`) + `"],"iss":"me"}`,
		"members":            members + `,"iss":"me"}`,
		"escapes":            `{"x":"` + fill(`\u0041`) + `","iss":"me"}`,
		"escaped names":      `{"` + fill(`\u0041`) + `":1,"iss":"me"}`,
		"nested":             `{"x":` + fill(`[`) + fill(`]`) + `,"iss":"me"}`,
		"a long iss":         `{"iss":"` + fill(`\u0041`) + `"}`,
		"an escaped iss":     `{"iss":"` + strings.Repeat(`\u0041`, 85) + `","x":"` + fill("x") + `"}`,
		"an iss of 512":      `{"iss":"` + strings.Repeat(`m`, 512) + `","x":"` + fill("x") + `"}`,
		"no iss":             `{"x":"` + fill("x") + `"}`,
		"an iss that is not": fill(`"iss":`),
	} {
		token := forge(jwtHeader, claims, hs256(nil))
		if len(token) > 16<<10 {
			t.Fatalf("%s: %d bytes", name, len(token))
		}
		token = token[:min(len(token), 8192)]
		bytes := func(v *jwtauth.Verifier[profile]) (n uint64, reason string) {
			var before, after runtime.MemStats
			const runs = 100
			for range 2 { // once to warm up
				runtime.ReadMemStats(&before)
				for range runs {
					_, err := v.Verify(t.Context(), token)
					if err == nil {
						t.Fatalf("%s was accepted", name)
					}
					reason = reasonOf(err)
				}
				runtime.ReadMemStats(&after)
			}
			return (after.TotalAlloc - before.TotalAlloc) / runs, reason
		}
		a, _ := bytes(one) // of which the hash takes most
		if b, reason := bytes(two); b > a+256 || reason == trustReason && b > 1024 {
			t.Errorf("%s: %d bytes with one issuer, %d with two (%s)", name, a, b, reason)
		}
	}
}
