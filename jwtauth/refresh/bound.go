package refresh

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
)

// Proofs find the DPoP key that a request proves to have: a *dpop.Proofs for the origin
// of this server.
type Proofs interface {
	// Key returns the thumbprint of the key. found is false without a proof. An *Error
	// refuses a wrong one.
	Key(r *http.Request) (thumbprint string, found bool, err error)
	// Accepted sets fields of the response, such as the next nonce.
	Accepted(h http.Header)
}

// decodeKey returns the octets of a thumbprint, which may be empty.
func decodeKey(jkt string) (key [32]byte, err error) {
	if jkt == "" {
		return key, nil
	}
	if len(jkt) == strict.EncodedLen(len(key)) { // Decode panics where the text is longer
		if n, err := strict.Decode(key[:], []byte(jkt)); err == nil && n == len(key) {
			return key, nil
		}
	}
	return key, errors.New("refresh: JKT is not a SHA-256 thumbprint")
}

// jkt is the thumbprint of the key that t is bound to, "" without one.
func (t token) jkt() string {
	if !t.bound {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(t.key[:])
}

// checkProof refuses the token of a bound login in a request that does not prove its key.
// A proof is spent for a genuine token alone: anyone can make one.
func (r *Refresher[C]) checkProof(req *http.Request, t token) error {
	if req == nil || r.opts.Proofs == nil {
		return r.refuse(errUnproved)
	}
	thumbprint, found, err := r.opts.Proofs.Key(req)
	switch {
	case err != nil:
		return err
	case !found:
		return r.refuse(errUnproved)
	case subtle.ConstantTimeCompare([]byte(thumbprint), []byte(t.jkt())) != 1:
		return r.refuse(errOtherKey)
	}
	return nil
}
