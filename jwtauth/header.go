package jwtauth

import (
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/strictjson"
)

// A header holds the members of a JOSE header that are read. Members that point
// to keys (jku, x5u, jwk, x5c) are not among them.
type header struct {
	alg   *keyset.Algorithm
	typ   []byte // of the data
	keyID []byte // of the data
	hasID bool

	err *reason
}

// maxHeaderMembers bounds what is read before the signature is checked, at any
// depth.
const maxHeaderMembers = 64

// parse reads a header strictly (RFC 7515, section 4). Unknown members are ignored,
// as is one whose name differs from a known one in case: no one else reads it. Its
// algorithm exists; that it is the key's is checked when the key is selected.
func (h *header) parse(s *strictjson.Scanner, data []byte) *reason {
	*h = header{}
	if !s.Read(data, nil, h, maxHeaderMembers) {
		return reasonOf(s.Err(), errHeaderMembers)
	}
	switch {
	case h.err != nil:
		return h.err
	case h.alg == nil:
		return errAlgorithm
	case h.hasID && (len(h.keyID) == 0 || len(h.keyID) > keyset.MaxKeyID):
		return errKeyID
	}
	return nil
}

// Member implements strictjson.Visitor.
func (h *header) Member(s *strictjson.Scanner, m strictjson.Member) (read bool) {
	switch string(m.Name) {
	case "alg":
		h.alg = keyset.AlgorithmByName(s.Text())
	case "typ":
		if h.typ = s.Text(); len(h.typ) == 0 && h.err == nil {
			h.err = errHeaderType // an empty typ is not an absent one
		}
	case "kid":
		h.keyID, h.hasID = s.Text(), true
	case "crit", "b64": // no extension is supported (RFC 7515, section 4.1.11; RFC 7797, section 6)
		h.err = errCritical
		return false
	default:
		return false
	}
	return true
}
