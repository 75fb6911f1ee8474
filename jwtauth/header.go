package jwtauth

import "github.com/go-guard/guard/internal/keyset"

// A header is what counts of a JOSE header. Members that point to keys (jku,
// x5u, jwk, x5c) are not among them.
type header struct {
	alg   *keyset.Algorithm
	typ   []byte // of the data
	keyID []byte // of the data
	hasID bool

	err *reason
}

var headerShape = (*shape)(nil).and(
	"alg", "typ", "cty", "kid", "crit", "b64", "zip", "enc", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256",
)

// maxHeaderMembers bounds what is read before a signature was, at any depth.
const maxHeaderMembers = 64

// parse reads a header strictly (RFC 7515, section 4). The algorithm is one
// that exists; whether it is the key's is seen when the key is chosen.
func (h *header) parse(s *scanner, data []byte) *reason {
	*h = header{}
	if err := s.read(data, headerShape, h, maxHeaderMembers); err != nil {
		return err
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

func (h *header) member(s *scanner, name []byte, _ *shape) bool {
	switch string(name) {
	case "alg":
		h.alg = keyset.AlgorithmByName(s.text())
	case "typ":
		if h.typ = s.text(); len(h.typ) == 0 && h.err == nil {
			h.err = errHeaderType // an empty typ is not an absent one
		}
	case "kid":
		h.keyID, h.hasID = s.text(), true
	case "crit", "b64": // no extension is known here (RFC 7515, section 4.1.11; RFC 7797, section 6)
		h.err = errCritical
		return false
	default:
		return false
	}
	return true
}
