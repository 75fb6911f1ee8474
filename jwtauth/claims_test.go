package jwtauth_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

// Claims of many shapes: encoding/json would take names of another case for
// their fields' in all of them.
func TestClaimsMatchExactly(t *testing.T) {
	type Base struct {
		Org string `json:"org"`
	}
	type Inner struct {
		Admin bool   `json:"admin"`
		Next  *Inner `json:"next"`
	}
	type claims struct {
		Base
		*Inner
		Role    string
		Nested  Inner              `json:"nested"`
		List    []Inner            `json:"list"`
		Map     map[string]Inner   `json:"map"`
		Deep    map[string][]*Base `json:"deep"`
		Free    map[string]any     `json:"free"`
		At      time.Time          `json:"at"`
		Ignored string             `json:"-"`
		hidden  string
	}
	v := guard.Must(jwtauth.NewVerifier[claims](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	for claim, want := range map[string]string{
		`org="x"`:                        "",
		`ORG="x"`:                        "",
		`Role="x"`:                       "",
		`role="x"`:                       "",
		`nested={"admin":true}`:          "",
		`nested={"Admin":true}`:          caseReason,
		`nested={"next":{"ADMIN":true}}`: caseReason,
		`list=[{"admin":true}]`:          "",
		`list=[{},{"aDmin":true}]`:       caseReason,
		`map={"Admin":{"admin":true}}`:   "",
		`map={"x":{"Admin":true}}`:       caseReason,
		`deep={"x":[{"Org":"y"}]}`:       caseReason,
		`free={"a":1,"A":{"b":1,"B":2}}`: "",
		`at="2020-01-01T00:00:00Z"`:      "",
		`at={"Wall":1}`:                  claimsReason,
		`ignored=1`:                      "",
		`Hidden=1`:                       "",
		`admin=true`:                     "",
		`ADMIN=true`:                     "",
		`Inner=1`:                        "",
	} {
		tok, err := v.Verify(t.Context(), forge(`{"alg":"HS256"}`, payload("role=", claim), hs256(secret)))
		role := map[string]string{`Role="x"`: "x"}[claim]
		if want == "" && (err != nil || tok.Claims.hidden != "" || tok.Claims.Role != role || tok.Claims.Org != "" && claim != `org="x"`) || want != "" && (err == nil || errors.Unwrap(err).Error() != want) {
			t.Errorf("%s: %v; want %q", claim, err, want)
		}
	}
}

// Claims of strings alone are read as encoding/json would.
func TestClaimsOfStrings(t *testing.T) {
	type claims struct {
		A string `json:"a"`
		B string `json:"b,omitempty"`
		C string
		D string `json:"-"`
		e string
	}
	v := guard.Must(jwtauth.NewVerifier[claims](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	for _, tt := range []struct {
		claims []string
		want   claims
		reason string
	}{
		{nil, claims{}, ""},
		{[]string{`a="1"`, `b="\u00e4\n"`, `C="3"`, `D="4"`, `e="5"`}, claims{A: "1", B: "ä\n", C: "3"}, ""},
		{[]string{`a=null`, `b=""`}, claims{}, ""},
		{[]string{`a=1`}, claims{}, claimsReason},
		{[]string{`a=["1"]`}, claims{}, claimsReason},
		{[]string{`a={"b":"1"}`}, claims{}, claimsReason},
		{[]string{`a=true`}, claims{}, claimsReason},
		{[]string{`A="1"`}, claims{}, ""},
		{[]string{`a="1"`, `A="2"`}, claims{A: "1"}, ""},
		{[]string{`a="1"`, `A=2`}, claims{A: "1"}, ""},
		{[]string{`c="1"`}, claims{}, ""},
		{[]string{`a="1"`, `x="2"`}, claims{A: "1", e: ""}, ""},
		{[]string{`a=nil`}, claims{}, jsonReason},
		{[]string{`D={"x":1,"x":2}`}, claims{}, twiceReason},
	} {
		tok, err := v.Verify(t.Context(), forge(jwtHeader, payload(tt.claims...), hs256(secret)))
		if tt.reason == "" && (err != nil || tok.Claims != tt.want) || tt.reason != "" && (err == nil || errors.Unwrap(err).Error() != tt.reason) {
			t.Errorf("%q: %+v, %v; want %+v, %q", tt.claims, tok, err, tt.want, tt.reason)
		}
	}
}

// These are not: they go through encoding/json.
func TestClaimsOfStringsWithMore(t *testing.T) {
	verify := func(claim string, scoped bool) (string, error) {
		token := forge(jwtHeader, payload("role=", claim), hs256(secret))
		o := &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}
		if scoped {
			tok, err := guard.Must(jwtauth.NewVerifier[struct {
				Scope string `json:"scope"`
			}](jwtauth.HMAC("HS256", secret), o)).Verify(t.Context(), token)
			if err != nil {
				return "", err
			}
			return tok.Claims.Scope, nil
		}
		tok, err := guard.Must(jwtauth.NewVerifier[struct {
			N string `json:"n,string"`
		}](jwtauth.HMAC("HS256", secret), o)).Verify(t.Context(), token)
		if err != nil {
			return "", err
		}
		return tok.Claims.N, nil
	}
	if got, err := verify(`scope="a b"`, true); got != "a b" || err != nil {
		t.Error(got, err)
	}
	if got, err := verify(`n="\"x\""`, false); got != "x" || err != nil {
		t.Error(got, err)
	}
}

func TestClaimsAsMap(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[map[string]any](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	tok, err := v.Verify(t.Context(), forge(jwtHeader, payload(`scope="a"`, `x={"y":[1]}`), hs256(secret)))
	if err != nil || len(tok.Claims) != 4 || tok.Claims["role"] != "user" || tok.Claims["type"] != "access" || tok.Claims["scope"] != "a" {
		t.Errorf("%v %v", tok, err)
	}
	p := guard.Must(jwtauth.NewVerifier[*profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	tok2, err := p.Verify(t.Context(), forge(jwtHeader, payload("role="), hs256(secret)))
	if err != nil || tok2.Claims == nil {
		t.Errorf("%v %v", tok2, err)
	}
}

// The shape of a scope was lost, as the verifier reads that member, too.
func TestScopeOfAStructKeepsItsShape(t *testing.T) {
	type claims struct {
		Scope perm `json:"scope"`
	}
	if tok, err := verifyAs[claims](t.Context(), `scope={"perm":"user","PERM":"admin"}`); reasonOf(err) != caseReason {
		t.Errorf("%+v, %v", tok, err)
	}
	if tok, err := verifyAs[claims](t.Context(), `scope={"perm":"user"}`); err != nil || tok.Claims.Scope.Perm != "user" {
		t.Errorf("%+v, %v", tok, err)
	}
}

type perm struct {
	Perm string `json:"perm"`
}

// custom collects the names that it receives.
type custom struct{ role string }

func (c *custom) UnmarshalJSON(b []byte) error {
	var all map[string]any
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for name := range all {
		c.role += name + " "
	}
	return nil
}

// An UnmarshalJSON may match names in any case. All other rules hold.
func TestClaimsWithUnmarshalJSON(t *testing.T) {
	if tok, err := verifyAs[custom](t.Context(), "type=", `ROLE="admin"`); err != nil || tok.Claims.role != "ROLE " {
		t.Errorf("%+v, %v", tok, err)
	}
	for claim, want := range map[string]string{
		`x={"a":1,"a":2}`: twiceReason, `EXP=1900000000`: caseReason, `cnf={}`: boundReason, `x="\ud83d"`: jsonReason,
	} {
		if tok, err := verifyAs[custom](t.Context(), claim); reasonOf(err) != want {
			t.Errorf("%s: %+v, %v; want %q", claim, tok, err, want)
		}
	}
}

// In claims of strings alone, cnf was dropped, and the bound token accepted.
func TestBoundTokenForClaimsOfStrings(t *testing.T) {
	type claims struct {
		Cnf string `json:"cnf"`
	}
	if tok, err := verifyAs[claims](t.Context(), `cnf={"jkt":"thumb"}`); reasonOf(err) != claimsReason {
		t.Errorf("%+v, %v", tok, err)
	}
	if tok, err := verifyAs[claims](t.Context(), `cnf="thumb"`); err != nil || tok.Claims.Cnf != "thumb" {
		t.Errorf("%+v, %v", tok, err)
	}
}

// A bound token is accepted only for a struct with a member for cnf.
func TestBoundTokens(t *testing.T) {
	type bound struct {
		Cnf struct {
			JKT string `json:"jkt"`
		} `json:"cnf"`
	}
	type flat struct{ Role string }
	opts := &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}
	key := jwtauth.HMAC("HS256", secret)
	token := forge(jwtHeader, payload(`cnf={"jkt":"thumb"}`), hs256(secret))
	checking := guard.Must(jwtauth.NewVerifier[bound](key, opts))
	tok, err := checking.Verify(t.Context(), token)
	if err != nil || tok.Claims.Cnf.JKT != "thumb" {
		t.Errorf("claims with cnf: %v, %v", tok, err)
	}
	_, asMap := guard.Must(jwtauth.NewVerifier[map[string]any](key, opts)).Verify(t.Context(), token)
	_, asStrings := guard.Must(jwtauth.NewVerifier[flat](key, opts)).Verify(t.Context(), token)
	_, asStruct := guard.Must(jwtauth.NewVerifier[struct{ N int }](key, opts)).Verify(t.Context(), token)
	for name, err := range map[string]error{"map": asMap, "strings": asStrings, "struct": asStruct} {
		var e *guard.Error
		if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
			t.Errorf("%s: a bound token got %v, want 401", name, err)
		}
	}
}
