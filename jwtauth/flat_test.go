package jwtauth_test

import "testing"

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
