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
	// [Certificates.Thumbprint].
	X5TS256 string `json:"x5t#S256,omitempty"`
}

// A confirmation reads a cnf. A member that is there is not empty.
type confirmation struct {
	scanner  strictjson.Scanner
	text     []byte // what the members are parts of
	jkt, x5t []byte
	bad      *reason
}

// parse reads a cnf, which may be empty: no confirmation. Each member must be one that is
// checked: RFC 7800, section 3.1, would ignore the others, but a token that names another
// key is not proved by this one.
func (c *confirmation) parse(text string) *reason {
	c.text = append(c.text[:0], text...)
	c.jkt, c.x5t, c.bad = nil, nil, nil
	switch {
	case text == "":
		return nil
	case !c.scanner.Read(c.text, nil, c, maxMembers):
		return errConfirmation
	case c.bad != nil:
		return c.bad
	case len(c.jkt)+len(c.x5t) == 0:
		return errNoMethod
	}
	return nil
}

// Member implements strictjson.Visitor.
func (c *confirmation) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	var to *[]byte
	switch string(m.Name) {
	case "jkt":
		to = &c.jkt
	case "x5t#S256":
		to = &c.x5t
	default:
		c.bad = errOtherMethod
		return false
	}
	if *to = s.Text(); len(*to) == 0 {
		c.bad = errNoMethod
	}
	return true
}
