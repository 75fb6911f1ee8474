package dpop

import "github.com/go-guard/guard/internal/strictjson"

// A Confirmation is the claim cnf of a token that an Issuer binds (RFC 7800), as a field
// of its private claims:
//
//	type Claims struct {
//		Confirmation *dpop.Confirmation `json:"cnf,omitempty"`
//	}
type Confirmation struct {
	// JKT is the thumbprint of a DPoP key, see [Proofs.Key].
	JKT string `json:"jkt,omitempty"`
	// X5TS256 is the thumbprint of a client certificate (RFC 8705, section 3.1), see
	// [Thumbprint].
	X5TS256 string `json:"x5t#S256,omitempty"`
}

// A confirmation is a cnf that was read. A member that is there is not empty.
type confirmation struct{ jkt, x5t string }

// parseConfirmation reads a cnf, which may be empty: no confirmation. Each member must be
// one that is checked: RFC 7800, section 3.1, would ignore the others, but a token that
// names another key is not proved by this one.
func parseConfirmation(text string) (confirmation, *reason) {
	if text == "" {
		return confirmation{}, nil
	}
	var v confirmationVisitor
	var s strictjson.Scanner
	switch {
	case !s.Read([]byte(text), nil, &v, maxMembers):
		return confirmation{}, errConfirmation
	case v.bad != nil:
		return confirmation{}, v.bad
	case v.jkt == "" && v.x5t == "":
		return confirmation{}, errNoMethod
	}
	return v.confirmation, nil
}

type confirmationVisitor struct {
	confirmation
	bad *reason
}

// Member implements strictjson.Visitor.
func (v *confirmationVisitor) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	var to *string
	switch string(m.Name) {
	case "jkt":
		to = &v.jkt
	case "x5t#S256":
		to = &v.x5t
	default:
		v.bad = errOtherMethod
		return false
	}
	if *to = string(s.Text()); *to == "" {
		v.bad = errNoMethod
	}
	return true
}
