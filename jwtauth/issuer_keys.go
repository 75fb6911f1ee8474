package jwtauth

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
)

// issuerKeys are the keys of an [Issuer]: a KeySource of its Verifier and of others
// that have its Trust. Its tokens have a jti. A token without one was signed elsewhere
// with the Issuer's key, and its signer can withdraw it.
type issuerKeys struct {
	active atomic.Pointer[issuerKeySet]

	mu      sync.Mutex  // held to replace active, and to set derived
	derived atomic.Bool // whether a Refresher derives its keys from active
}

// An issuerKeySet is the keys of an Issuer at one time. It never changes.
type issuerKeySet struct {
	key     Key    // signs
	header  string // of the tokens: encoded, with its dot
	set     *keyset.Set
	jwks    []byte
	secrets *[][]byte // that a Refresher derives its keys from; nil if key is external
	lacking bool      // whether a public key has no secret there
}

// newIssuerKeySet returns the keys of an Issuer that signs with key, and whose tokens
// have the header type typ. Its error lists every mistake.
func newIssuerKeySet(typ string, key Key, previous []Key) (*issuerKeySet, error) {
	all := append([]Key{key}, previous...)
	set, err := staticKeys(all).set()
	if key.check() == nil && key.private() == nil {
		err = errors.Join(errors.New("jwtauth: an Issuer needs a private key"), err)
	}
	if err = errors.Join(err, checkIDs(all)); err != nil {
		return nil, err
	}
	s := &issuerKeySet{key: key, set: set, jwks: jwkSet(all)}
	s.lacking = slices.ContainsFunc(previous, func(k Key) bool { return k.private() == nil })
	if s.secrets, err = secretsOf(all); err != nil {
		return nil, err
	}
	s.header, err = encodeHeader(typ, key)
	return s, err
}

func (k *issuerKeys) source() (sourceKeys, error) { return sourceKeys{keys: k, issuerOwned: true}, nil }

// Load implements keyset.Source.
func (k *issuerKeys) Load(context.Context) (*keyset.Set, error) { return k.active.Load().set, nil }

// LoadNewer implements keyset.Source.
func (k *issuerKeys) LoadNewer(context.Context, *keyset.Set) (*keyset.Set, bool, error) {
	return k.active.Load().set, true, nil
}

// replace replaces the keys. A Refresher that derives its keys must find secrets: those
// of a public key too, which another process may sign with.
func (k *issuerKeys) replace(s *issuerKeySet) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch derived := k.derived.Load(); {
	case derived && s.secrets == nil:
		return errors.New("jwtauth: a Refresher derives its key from the Issuer's, which a Signer does not reveal: set refresh.Options.Key")
	case derived && s.lacking:
		return errors.New("jwtauth: a Refresher derives its keys from the Issuer's private keys, and a previous one is public: give its private half, or set refresh.Options.Key")
	}
	k.active.Store(s)
	return nil
}

// secrets returns the secrets of the private keys, first that of the key that signs,
// or nil if there are none. Once it has returned some, it always does. Each list has
// one address.
func (k *issuerKeys) secrets() *[][]byte {
	if !k.derived.Load() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.derived.Store(k.active.Load().secrets != nil)
	}
	return k.active.Load().secrets
}

// SetKeys replaces the keys of the Issuer while it is in use: it signs with key, and
// previous takes the place of IssuerOptions.Previous. Its Verifier, JWKS, those that
// have its Trust, and the keys that a refresh.Refresher derives follow at once: the
// tokens of a key that is neither are refused. An error lists every mistake, such as two
// keys of one ID, and the keys are then as before. With several processes, all accept a key before the first
// one signs with it: they have it in previous, with its private half.
func (i *Issuer[C]) SetKeys(key Key, previous ...Key) error {
	s, err := i.newKeys(key, previous)
	if err != nil {
		return err
	}
	return i.keys.replace(s)
}

func (i *Issuer[C]) newKeys(key Key, previous []Key) (*issuerKeySet, error) {
	typ := ""
	if i.verifier != nil { // or else NewIssuer fails
		typ = i.verifier.issuers[0].Types[0]
	}
	return newIssuerKeySet(typ, key, previous)
}

// sign returns the token of a payload.
func (s *issuerKeySet) sign(payload []byte) (string, error) {
	signed := s.header + strict.EncodeToString(payload)
	signature, err := s.key.alg.Sign(signed, s.key.private())
	switch {
	case err != nil && s.key.pair.Reveal().IsExternal():
		return "", guard.Unavailable(withPrefix(err))
	case err != nil:
		return "", withPrefix(err)
	}
	return signed + "." + strict.EncodeToString(signature), nil
}

// encodeHeader returns the header of tokens that key signs, with its kid unless it is
// empty.
func encodeHeader(typ string, key Key) (string, error) {
	h := struct {
		Alg string `json:"alg"`
		Typ string `json:"typ,omitempty"`
		Kid string `json:"kid,omitempty"`
	}{key.alg.Name, typ, key.kid()}
	b, err := json.Marshal(h)
	return strict.EncodeToString(b) + ".", err
}

// checkIDs requires an ID of its own for each key (RFC 7517, section 4.5). One key may be
// listed twice, as for a change from EdDSA to Ed25519.
func checkIDs(keys []Key) error {
	var errs []error
	first := map[string]Key{}
	for _, k := range keys {
		if k.check() != nil {
			continue
		}
		id := k.kid()
		other, ok := first[id]
		switch {
		case id == "":
		case !ok:
			first[id] = k
		case !other.public().(interface{ Equal(crypto.PublicKey) bool }).Equal(k.public()):
			errs = append(errs, fmt.Errorf("jwtauth: two keys have the ID %q", id))
		}
	}
	return errors.Join(errs...)
}

// secretsOf returns the secrets of the private keys among keys. An external key has
// none; if the first one is external, there are none.
func secretsOf(keys []Key) (*[][]byte, error) {
	if keys[0].pair.Reveal().IsExternal() {
		return nil, nil
	}
	var secrets [][]byte
	for _, k := range keys {
		s, err := k.pair.Reveal().Derive()
		if err != nil {
			return nil, withPrefix(err)
		}
		secrets = append(secrets, s)
	}
	secrets = slices.DeleteFunc(secrets, func(s []byte) bool { return s == nil })
	return &secrets, nil
}

// jwkSet is the key set of the public keys, each once for an algorithm.
func jwkSet(keys []Key) []byte {
	var list []keyset.JWK
	for _, k := range keys {
		if j, ok := keyset.NewJWK(k.public()); ok {
			j.Alg, j.Kid, j.Use = k.alg.Name, k.kid(), "sig"
			if !slices.ContainsFunc(list, func(o keyset.JWK) bool { return o.Kid == j.Kid && o.Alg == j.Alg }) {
				list = append(list, j)
			}
		}
	}
	return keyset.EncodeJWKS(list)
}
