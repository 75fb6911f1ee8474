package jwtauth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
)

// A KeySource holds the keys that an issuer's tokens are verified with: a
// [Key], [Keys], [RemoteKeys] or [Discover].
type KeySource interface {
	// source checks the configuration. It is never nil, so that more can be
	// checked where there is an error.
	source() (source, error)
}

// A source is a KeySource at work.
type source interface {
	// current returns the keys of now. An error means that they cannot be
	// had, and is answered 503.
	current(ctx context.Context) (*keySet, error)
	// newer is asked where have, from current, lacks the key that a token
	// names: a set that may have it, or have itself.
	newer(ctx context.Context, have *keySet) (*keySet, error)
	// remote is non-nil where the keys are somebody else's.
	remote() *remoteKeys
}

// Keys is several keys, such as an issuer's old and new one. Those without an
// id are tried in turn for tokens that name none of the ids; there may be four
// of an algorithm.
func Keys(keys ...Key) KeySource { return staticKeys(keys) }

type staticKeys []Key

func (k Key) source() (source, error) { return staticKeys{k}.source() }

func (k staticKeys) source() (source, error) {
	var errs []error
	if len(k) == 0 {
		errs = append(errs, errors.New("jwtauth: no keys"))
	}
	var list []publicKey
	for _, key := range k {
		if err := key.check(); err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, publicKey{id: key.id, key: key.public, algs: namesOf(key.alg)})
	}
	s := newKeySet(list)
	for _, a := range algorithms {
		if n := len(s.anonymous[a.name]); n > maxCandidates {
			errs = append(errs, fmt.Errorf("jwtauth: %d keys for %s without an id; give them ids", n, a.name))
		}
	}
	return s, errors.Join(errs...)
}

// namesOf is the names that tokens may give an algorithm.
func namesOf(a *algorithm) []string {
	if a.family == edKeys {
		return []string{"EdDSA", "Ed25519"}
	}
	return []string{a.name}
}

// maxCandidates bounds the signatures checked for one token.
const maxCandidates = 4

// A publicKey is a key as it is looked for: by id and algorithm.
type publicKey struct {
	id   string
	algs []string
	key  crypto.PublicKey
}

// A keySet is an immutable set of keys.
type keySet struct {
	named     map[string][]*publicKey // by id
	anonymous map[string][]*publicKey // those without an id, by algorithm
	all       map[string][]*publicKey // all, by algorithm
}

func newKeySet(list []publicKey) *keySet {
	s := &keySet{
		named:     map[string][]*publicKey{},
		anonymous: map[string][]*publicKey{},
		all:       map[string][]*publicKey{},
	}
	for i := range list {
		k := &list[i]
		for _, alg := range k.algs {
			s.all[alg] = append(s.all[alg], k)
			if k.id == "" {
				s.anonymous[alg] = append(s.anonymous[alg], k)
			}
		}
		if k.id != "" {
			s.named[k.id] = append(s.named[k.id], k)
		}
	}
	return s
}

// verify checks a token's signature. Whether keys without an id are older than
// the one that a token names nobody knows: where they do not verify it, the key
// is an unknown one.
func (s *keySet) verify(h *header, c *compact) *reason {
	found, named, bad := s.candidates(h)
	if bad != nil {
		return bad
	}
	bad = errAlgorithm
	for _, k := range found {
		if !slices.Contains(k.algs, h.alg.name) {
			continue
		}
		if h.alg.method.Verify(c.signed, c.signature, k.key) == nil {
			return nil
		}
		bad = errSignature
	}
	if h.hasID && !named {
		return errUnknownKey
	}
	return bad
}

// candidates are the keys that a token of this header may be signed with; which
// of them are for its algorithm is left to be seen. A token that names a key is
// tried with that one alone, and one that names another with those without id.
func (s *keySet) candidates(h *header) (found []*publicKey, named bool, bad *reason) {
	if h.hasID {
		if found, named = s.named[string(h.keyID)]; !named {
			found = s.anonymous[h.alg.name]
		}
	} else {
		found = s.all[h.alg.name]
	}
	switch {
	case len(found) == 0 && !h.hasID:
		bad = errAlgorithm
	case len(found) == 0:
		bad = errUnknownKey
	case len(found) > maxCandidates:
		bad = errAmbiguousKey
	}
	return found, named, bad
}

func (s *keySet) current(context.Context) (*keySet, error)        { return s, nil }
func (s *keySet) newer(context.Context, *keySet) (*keySet, error) { return s, nil }
func (s *keySet) remote() *remoteKeys                             { return nil }
