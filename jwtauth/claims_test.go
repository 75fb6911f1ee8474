package jwtauth_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

func TestScopesOfAToken(t *testing.T) {
	for _, tt := range []struct {
		name   string
		claims []string
		want   []string
	}{
		// Only %x20 separates scopes (RFC 6749, section 3.3).
		{"a no-break space splits none", []string{"scope=\"a\u00a0admin\""}, []string{"a\u00a0admin"}},
		{"an em space splits none", []string{`scope="a\u2003admin"`}, []string{"a\u2003admin"}},
		{"a tab splits none", []string{`scope="a\tadmin"`}, []string{"a\tadmin"}},
		{"an element of a list is one scope", []string{`scp=["read admin","x"]`}, []string{"read admin", "x"}},
		// scp stands in for a scope that is missing, not for one that grants nothing.
		{"empty", []string{`scope=""`, `scp=["admin"]`}, nil},
		{"an empty list", []string{`scope=[]`, `scp=["admin"]`}, nil},
		{"null", []string{"scope=null", `scp="admin"`}, nil},
		{"a number", []string{"scope=7", `scp=["admin"]`}, nil},
		{"scp before scope", []string{`scp=["admin"]`, `scope=""`}, nil},
		// What is neither a string nor a list of strings grants nothing.
		{"a list with a number", []string{`scope=["a",1]`}, nil},
		{"a list with null", []string{`scp=["a",null]`}, nil},
		{"a list of lists", []string{`scp=[["a"]]`}, nil},
		{"an object", []string{`scope={"a":1}`}, nil},
		{"true", []string{"scp=true"}, nil},
	} {
		tok, err := verifyAs[profile](t.Context(), tt.claims...)
		if err != nil || !slices.Equal(tok.Scopes(), tt.want) {
			t.Errorf("%s: %q, %v; want %q", tt.name, tok, err, tt.want)
		}
	}
	for claim, want := range map[string]string{
		`scope=["a",{"b":1,"b":2}]`: twiceReason, `scope=["a",nope]`: jsonReason, `scp=["a"`: jsonReason, `scp=[1 2]`: jsonReason,
	} {
		if _, err := verifyAs[profile](t.Context(), claim); reasonOf(err) != want {
			t.Errorf("%s: %v; want %q", claim, err, want)
		}
	}
}

func TestTimesAreUTC(t *testing.T) {
	for _, exp := range []string{"exp=1800000060", "exp=1800000060.5"} {
		tok, err := verifyAs[profile](t.Context(), exp)
		if err != nil || tok.ExpiresAt.Location() != time.UTC || tok.IssuedAt.Location() != time.UTC {
			t.Errorf("%+v, %v", tok, err)
		}
	}
}

// The shape of a scope was lost: the verifier reads that member itself, too.
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

// custom reads names as json.Unmarshal does, whatever their case.
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

// Exact names are the matter of an UnmarshalJSON; the rest is not.
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
