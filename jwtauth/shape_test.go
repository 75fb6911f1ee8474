package jwtauth_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

type (
	perm struct {
		Perm string `json:"perm"`
	}
	other struct {
		X string `json:"x"`
	}
	Nested struct {
		Data other `json:"data"`
	}
	Upper  struct{ PERM string }
	Upper2 struct{ PERM string }
	Via    struct{ Upper }
	Via2   struct{ Upper }
)

// An embedded struct that shadows a field lost the field's shape: then
// {"perm":"user","PERM":"admin"} was an admin's.
func TestShadowedFieldKeepsItsShape(t *testing.T) {
	type outerFirst struct {
		Data perm `json:"data"`
		Nested
	}
	type outerLast struct {
		Nested
		Data perm `json:"data"`
	}
	const both, right = `data={"perm":"user","PERM":"admin"}`, `data={"perm":"user"}`
	if tok, err := verifyAs[outerFirst](t.Context(), both); reasonOf(err) != caseReason {
		t.Errorf("%+v, %v", tok, err)
	}
	if tok, err := verifyAs[outerLast](t.Context(), both); reasonOf(err) != caseReason {
		t.Errorf("the embedded one first: %+v, %v", tok, err)
	}
	if tok, err := verifyAs[outerFirst](t.Context(), right); err != nil || tok.Claims.Data.Perm != "user" {
		t.Errorf("%+v, %v", tok, err)
	}
}

// Two embedded fields of one name hide each other from encoding/json, which
// then takes the name for the field that it folds to.
func TestNameThatNoFieldHasIsNoExactOne(t *testing.T) {
	type tied struct {
		Upper
		Upper2
		Perm string `json:"perm"`
	}
	type twice struct { // one type, embedded twice
		Via
		Via2
		Perm string `json:"perm"`
	}
	type tagless struct {
		//lint:ignore SA5008 encoding/json ignores such a tag, and goes by the field's name
		Perm string `json:"p'"`
	}
	const both = `PERM="admin"`
	if tok, err := verifyAs[tied](t.Context(), `perm="user"`, both); reasonOf(err) != caseReason {
		t.Errorf("%+v, %v", tok, err)
	}
	if tok, err := verifyAs[twice](t.Context(), `perm="user"`, both); reasonOf(err) != caseReason {
		t.Errorf("embedded twice: %+v, %v", tok, err)
	}
	if tok, err := verifyAs[tagless](t.Context(), `Perm="user"`, both); reasonOf(err) != caseReason {
		t.Errorf("a tag that is none: %+v, %v", tok, err)
	}
}

// The names that pass are those that encoding/json writes, and what it would
// take for one of them does not, however structs are embedded.
func TestNamesAreThoseOfEncodingJSON(t *testing.T) {
	type (
		tagged struct { // it has the name
			Upper
			perm `json:"PERM"`
		}
		same struct { // the tagged one of two at one depth
			Upper
			Tagged
		}
		pointers struct {
			*Via
			Perm string `json:"perm"`
		}
		deep struct { // what a type holds that is embedded twice
			TwoIn
			TwoIn2
			UPPER string
		}
	)
	namesAreThoseOfEncodingJSON(t, tagged{})
	namesAreThoseOfEncodingJSON(t, same{})
	namesAreThoseOfEncodingJSON(t, pointers{Via: &Via{}})
	namesAreThoseOfEncodingJSON(t, deep{})
	namesAreThoseOfEncodingJSON(t, struct {
		Via
		Nested
		perm
		X int `json:"a b/c"`
	}{})
}

type (
	Tagged struct {
		Perm int `json:"PERM"`
	}
	TwoIn  struct{ Holder }
	TwoIn2 struct{ Holder }
	Holder struct {
		Upper
		Tied int
	}
)

func namesAreThoseOfEncodingJSON[C any](t *testing.T, c C) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(guard.Must(json.Marshal(c)), &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range members {
		for _, n := range []string{name, strings.ToUpper(name), strings.ToLower(name), strings.ToUpper(name[:1]) + name[1:]} {
			want := ""
			if _, ok := members[n]; !ok {
				want = caseReason
			}
			if _, err := verifyAs[C](t.Context(), n+"="+string(value)); reasonOf(err) != want {
				t.Errorf("%T: %s: %v; want %q", c, n, err, want)
			}
		}
	}
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
