// Package keyset holds the keys that signatures are verified with: local ones
// and the key sets (JWKS, RFC 7517) of authorization servers.
//
// The algorithm belongs to the key, never to the token. A fetched key set adds
// only sound public keys for signatures. Clients cannot cause more fetches than
// RemoteOptions.Refetch allows. Fetches use https, or http to this host.
//
// Error texts never contain a key. They have no prefix: the importing package
// adds its name.
package keyset

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Refusals of [Set.Verify] and [Verify].
var (
	ErrAlgorithm    = errors.New("the algorithm is not that of the key")
	ErrUnknownKey   = errors.New("no key has this ID")
	ErrAmbiguousKey = errors.New("too many keys match")
	ErrSignature    = errors.New("the signature does not verify")
)

// maxCandidates bounds the signatures that are checked for one token.
const maxCandidates = 4

// A PublicKey is a key of a [Set]. For a shared secret, Key is the *Secret.
type PublicKey struct {
	ID         string   // may be empty
	Algorithms []string // names of the algorithms that it may be used with
	Key        crypto.PublicKey
	Issuer     string // whose tokens it verifies, if the key set says it: see Remote.For
}

// A Signature is the parts of a signed token that [Verify] needs.
type Signature struct {
	Algorithm *Algorithm
	KeyID     []byte
	HasKeyID  bool
	Signed    string // the text that was signed
	Bytes     []byte
}

// A Set is an immutable set of keys, indexed by ID and by algorithm.
type Set struct {
	named     map[string][]*PublicKey // by ID
	anonymous map[string][]*PublicKey // keys without an ID, by algorithm
	all       map[string][]*PublicKey // every key, by algorithm
	list      []PublicKey
	of        *Set // the set that this one is a part of, or nil
}

// NewSet returns the set of the keys in list, which the caller must not change
// afterwards.
func NewSet(list []PublicKey) *Set {
	s := &Set{
		named:     map[string][]*PublicKey{},
		anonymous: map[string][]*PublicKey{},
		all:       map[string][]*PublicKey{},
		list:      list,
	}
	for i := range list {
		k := &list[i]
		for _, alg := range k.Algorithms {
			s.all[alg] = append(s.all[alg], k)
			if k.ID == "" {
				s.anonymous[alg] = append(s.anonymous[alg], k)
			}
		}
		if k.ID != "" {
			s.named[k.ID] = append(s.named[k.ID], k)
		}
	}
	return s
}

// Check returns an error if more keys of an algorithm have no ID than Verify
// tries.
func (s *Set) Check() error {
	var excess []string
	for _, a := range algorithms {
		if n := len(s.anonymous[a.Name]); n > maxCandidates {
			excess = append(excess, fmt.Sprintf("%d keys for %s", n, a.Name))
		}
	}
	if excess == nil {
		return nil
	}
	return errors.New(strings.Join(excess, ", ") + " without an id; give them ids")
}

// Verify returns nil if a key of the set verifies sig, or else one of the errors
// above. If sig names a key that the set lacks, keys without an ID are tried. If
// they do not verify it the error is ErrUnknownKey.
func (s *Set) Verify(sig Signature) error {
	candidates, named, err := s.candidates(sig)
	if err != nil {
		return err
	}
	err = ErrAlgorithm
	for _, k := range candidates {
		if !slices.Contains(k.Algorithms, sig.Algorithm.Name) {
			continue
		}
		if sig.Algorithm.Verify(sig.Signed, sig.Bytes, k.Key) == nil {
			return nil
		}
		err = ErrSignature
	}
	if sig.HasKeyID && !named {
		return ErrUnknownKey
	}
	return err
}

// candidates returns the keys that sig may be verified with. Those that it names
// may be for other algorithms. named is false if sig names no key of the set.
func (s *Set) candidates(sig Signature) (keys []*PublicKey, named bool, err error) {
	if sig.HasKeyID {
		if keys, named = s.named[string(sig.KeyID)]; !named {
			keys = s.anonymous[sig.Algorithm.Name]
		}
	} else {
		keys = s.all[sig.Algorithm.Name]
	}
	matching := 0 // one key may have an entry for each of its algorithms, all with its ID
	for _, k := range keys {
		if slices.Contains(k.Algorithms, sig.Algorithm.Name) {
			matching++
		}
	}
	switch {
	case len(keys) == 0 && !sig.HasKeyID:
		err = ErrAlgorithm
	case len(keys) == 0:
		err = ErrUnknownKey
	case matching > maxCandidates:
		err = ErrAmbiguousKey
	}
	return keys, named, err
}
