package keyset

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-guard/guard/internal/strictjson"
)

// maxSkipped bounds the keys of a set, and of all sets of a [Remote], whose reason
// is kept or reported.
const maxSkipped = 256

// A SkippedKey is a key of a set that cannot be used. The others are (RFC 7517,
// section 5).
type SkippedKey struct {
	name   string // its number and its kid, quoted
	reason error
	digest [sha256.Size]byte // of its text
}

// Error names the key and the reason. It quotes no key.
func (k *SkippedKey) Error() string { return k.name + " is not used: " + k.reason.Error() }

// ParseJWKS returns the public keys for signatures in a key set, and the first
// other keys with the reasons.
func ParseJWKS(body []byte) (keys []PublicKey, skipped []*SkippedKey, err error) {
	var set struct {
		Keys []strictjson.Unchecked `json:"keys"` // an invalid key is skipped, and the others are used
	}
	if err := strictjson.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, nil, errors.New("the key set is not a JSON object with keys")
	}
	keys = []PublicKey{}
	for n, raw := range set.Keys {
		k, err := ParseJWK(raw)
		switch {
		case err == nil:
			keys = append(keys, k)
		case len(skipped) < maxSkipped:
			skipped = append(skipped, &SkippedKey{fmt.Sprintf("key %d (%s)", n+1, quotedID(raw)), err, sha256.Sum256(raw)})
		}
	}
	return keys, skipped, nil
}

// quotedID returns the kid of a JWK that may be invalid, for an error.
func quotedID(raw []byte) string {
	var j struct {
		Kid any `json:"kid"`
	}
	_ = json.Unmarshal(raw, &j) // without a kid, there is none to quote
	switch kid := j.Kid.(type) {
	case nil:
		return "no kid"
	case string:
		return "kid " + quote(kid)
	}
	return "kid is no string"
}

// quote returns the start of a text of a key set, quoted.
func quote(s string) string {
	if len(s) > MaxKeyID {
		return fmt.Sprintf("%q...", s[:MaxKeyID])
	}
	return fmt.Sprintf("%q", s)
}

// ParseSet returns the set of the keys in a key set, and its mistakes: a key that is
// not used is one, and so is a set without keys.
func ParseSet(text []byte) (*Set, []error) {
	keys, skipped, err := ParseJWKS(text)
	if err != nil {
		return nil, []error{err}
	}
	var errs []error
	for _, k := range skipped {
		errs = append(errs, k)
	}
	if len(keys)+len(skipped) == 0 {
		errs = append(errs, errors.New("the key set is empty"))
	}
	set := NewSet(keys)
	if err := set.Check(); err != nil {
		errs = append(errs, err)
	}
	return set, errs
}
