package jwtauth_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
)

// boundVerifier returns a verifier of tokens that a binding decides about.
func boundVerifier(t *testing.T, b guard.Binding, cache int) *jwtauth.Verifier[profile] {
	t.Helper()
	return guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, Bound: b, Realm: "r", CacheSize: cache,
	}))
}

// TestBound: a Binding decides about each valid token, whether it is bound or cached or
// not, and about no other one. The challenge that has the error is that of the request's
// scheme.
func TestBound(t *testing.T) {
	const (
		proof  = `Proof alg="x", realm="r"`
		plain  = `Bearer realm="r"`
		failed = `, error="invalid_token"`
	)
	bound := forge(jwtHeader, payload(`cnf={"key":"1"}`), hs256(secret))
	free := forge(jwtHeader, payload(), hs256(secret))
	expired := forge(jwtHeader, payload("exp=1", `cnf={"key":"1"}`), hs256(secret))
	refusal := &guard.Error{Status: 401, Message: "No proof", Challenges: []string{`Proof error="no_proof"`}}
	for _, tt := range []struct {
		name, authorization string
		err                 error
		want                int
		challenges, asked   []string
	}{
		{"bound", "Proof " + bound, nil, 200, nil, []string{"Proof " + bound + ` {"key":"1"}`}},
		{"bound, as Bearer", "bearer " + bound, nil, 200, nil, []string{"Bearer " + bound + ` {"key":"1"}`}},
		{"not bound", "Bearer " + free, nil, 200, nil, []string{"Bearer " + free + " "}},
		{"refused", "Proof " + bound, refusal, 401, []string{`Proof error="no_proof", realm="r"`}, []string{"Proof " + bound + ` {"key":"1"}`}},
		{"a failure", "Proof " + bound, errors.New("down"), 500, nil, []string{"Proof " + bound + ` {"key":"1"}`}},
		{"it cannot abstain", "Bearer " + free, guard.ErrNoCredentials, 500, nil, []string{"Bearer " + free + " "}},
		{"anonymous", "", nil, 401, []string{proof, plain}, nil},
		{"another scheme", "Basic " + bound, nil, 401, []string{proof, plain}, nil},
		{"expired", "Proof " + expired, nil, 401, []string{proof + failed, plain}, nil},
		{"expired, as Bearer", "Bearer " + expired, nil, 401, []string{proof, plain + failed}, nil},
		{"malformed", "Proof x", nil, 401, []string{proof + failed, plain}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &harness.Binding{Err: tt.err}
			v := boundVerifier(t, b, 8)
			for range 2 { // the second time it is cached
				b.Asked = nil
				r := bearer("")
				if tt.authorization != "" {
					r.Header.Set("Authorization", tt.authorization)
				}
				g := send(t, v, r)
				if g.status != tt.want || (g.header.Get("Proof-Nonce") != "") != (tt.want == 200) {
					t.Errorf("%d, %v", g.status, g.header)
				}
				if !reflect.DeepEqual(g.header["Www-Authenticate"], tt.challenges) || !reflect.DeepEqual(b.Asked, tt.asked) {
					t.Errorf("challenges %q, the binding was asked %q", g.header["Www-Authenticate"], b.Asked)
				}
			}
		})
	}
}

// TestVerifyBound: outside of a request nothing proves the key of a bound token. Whether
// an unbound one is accepted, the Binding decides.
func TestVerifyBound(t *testing.T) {
	b := &harness.Binding{}
	v := boundVerifier(t, b, 0)
	bound := forge(jwtHeader, payload(`cnf={"key":"1"}`), hs256(secret))
	free := forge(jwtHeader, payload(), hs256(secret))
	if tok, err := v.Verify(t.Context(), bound); tok != nil || err == nil || err.(*guard.Error).Status != 401 || b.Asked != nil {
		t.Errorf("bound: %v, %v, asked %q", tok, err, b.Asked)
	}
	if tok, err := v.Verify(t.Context(), free); err != nil || tok.Sub() != "1" || !reflect.DeepEqual(b.Asked, []string{" " + free + " "}) {
		t.Errorf("not bound: %v, %v, asked %q", tok, err, b.Asked)
	}
	b.Err = guard.Unauthorized("A proof is required")
	if tok, err := v.Verify(t.Context(), free); tok != nil || err == nil || err.(*guard.Error).Message != "A proof is required" {
		t.Errorf("not bound, refused: %v, %v", tok, err)
	}
}

// TestAuthContext: how and when the subject signed in. A claim of another form counts as
// absent, so that it satisfies no requirement of package stepup, and the token stays
// valid.
func TestAuthContext(t *testing.T) {
	at := time.Unix(1_700_000_000, 0).UTC()
	for _, tt := range []struct {
		claims []string
		time   time.Time
		amr    []string
		acr    string
	}{
		{[]string{"auth_time=1700000000", `amr=["pwd","otp"]`, `acr="gold"`}, at, []string{"pwd", "otp"}, "gold"},
		{[]string{"auth_time=1700000000.9"}, at, nil, ""},
		{[]string{"auth_time=0"}, time.Time{}, nil, ""},
		{[]string{"auth_time=1e300"}, time.Time{}, nil, ""},
		{[]string{`auth_time="1700000000"`, `amr="otp"`, `acr=["gold"]`}, time.Time{}, nil, ""},
		{[]string{"auth_time=null", "amr=null", "acr=null"}, time.Time{}, nil, ""},
		{[]string{"auth_time=true", `amr={"otp":1}`, "acr=1"}, time.Time{}, nil, ""},
		{nil, time.Time{}, nil, ""},
	} {
		tok, err := verifyAs[profile](t.Context(), tt.claims...)
		if err != nil {
			t.Errorf("%v: %v", tt.claims, err)
			continue
		}
		if !tok.AuthTime().Equal(tt.time) || !reflect.DeepEqual(tok.AMR(), tt.amr) || tok.ACR() != tt.acr {
			t.Errorf("%v: %v, %q, %q", tt.claims, tok.AuthTime(), tok.AMR(), tok.ACR())
		}
	}
}
