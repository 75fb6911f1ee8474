package refresh

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-guard/guard/internal/hmacstate"
	"github.com/go-guard/guard/internal/secret"
	"github.com/go-guard/guard/internal/wiring"
)

// A token is the content of a refresh token, which is written as
//
//	base64url(id, 16 bytes | expires, 8 | generation, 4 | flags, 1 | key if it is bound, 32 | subject | MAC of all that, 32)
//
// It has no dot, so that no parser takes it for an access token. By the MAC, a
// forged token is refused without the store, the store needs no tokens, and the
// successor of a token is the same whichever process computes it. A token
// reveals nothing about its successor.
type token struct {
	id         [16]byte
	expires    time.Time // of the family, in whole seconds
	generation uint32
	hasLogin   bool // the family has a Login in the store
	bound      bool
	key        [sha256.Size]byte // the thumbprint that it is bound to
	subject    string
}

const (
	headSize = 16 + 8 + 4 + 1             // in front of the subject, or of the key
	minSize  = headSize + 1 + sha256.Size // before base64url

	// maxSubject limits the length of a subject, and by it that of a token.
	maxSubject = 1024

	minKeySize = 32

	flagLogin, flagBound = 1, 2
)

// strict refuses unused bits that are not zero.
var strict = base64.RawURLEncoding.Strict()

var maxTokenLen = base64.RawURLEncoding.EncodedLen(minSize - 1 + sha256.Size + maxSubject)

// familyID returns the ID that the store and the sid claim have.
func (t token) familyID() string { return base64.RawURLEncoding.EncodeToString(t.id[:]) }

// macKeys are the keys of the MAC: the first makes tokens, all check them.
type macKeys []hmacstate.Key

func (k macKeys) seal(t token) string {
	b := make([]byte, 0, minSize+sha256.Size+len(t.subject))
	b = append(b, t.id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.expires.Unix()))
	b = binary.BigEndian.AppendUint32(b, t.generation)
	b = append(b, 0)
	flags := &b[len(b)-1]
	if t.hasLogin {
		*flags |= flagLogin
	}
	if t.bound {
		*flags |= flagBound
		b = append(b, t.key[:]...)
	}
	b = append(b, t.subject...)
	return base64.RawURLEncoding.EncodeToString(hmacstate.Append(k[0], b, b))
}

// open returns the content of a token; ok is false if the token is forged.
func (k macKeys) open(text string) (t token, ok bool) {
	if len(text) > maxTokenLen {
		return t, false
	}
	b, err := strict.DecodeString(text)
	if err != nil || len(b) < minSize || strict.EncodedLen(len(b)) != len(text) { // line breaks are skipped; one spelling only
		return t, false
	}
	content, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	for _, key := range k {
		ok = hmacstate.Equal(key, content, sum) || ok
	}
	if !ok {
		return t, false
	}
	copy(t.id[:], content)
	t.expires = time.Unix(int64(binary.BigEndian.Uint64(content[16:])), 0)
	t.generation = binary.BigEndian.Uint32(content[24:])
	flags, rest := content[28], content[headSize:]
	t.hasLogin, t.bound = flags&flagLogin != 0, flags&flagBound != 0
	if t.bound {
		rest = rest[copy(t.key[:], rest):] // it is there: the token is genuine
	}
	t.subject = string(rest)
	return t, true
}

// A keyring holds the keys of the MAC. Those that are derived from the issuer's keys
// follow a change of them.
type keyring struct {
	info     string                 // binds the keys to a scope
	secrets  func() *[][]byte       // of the issuer; nil with Options.Key
	previous secret.Value[[][]byte] // Options.PreviousKeys
	active   atomic.Pointer[derivedKeys]
}

type derivedKeys struct {
	from *[][]byte // the issuer's list; nil with Options.Key
	keys macKeys
}

// newKeyring returns the keys of o, or those of the issuer if o has no Key. They are
// bound to scope: with the same secret, a refresh token of another issuer, for another
// audience or of another type is forged.
func newKeyring(o *Options, issuerSecrets func() *[][]byte, scope []byte) (*keyring, error) {
	k := &keyring{info: "guard jwtauth refresh token 3" + string(scope)}
	var secrets, previous [][]byte
	var errs []error
	if o.Key != nil {
		secrets = append(secrets, o.Key)
	} else if k.secrets = issuerSecrets; k.secrets() == nil {
		return nil, errors.New("refresh: the Issuer's key does not reveal its bytes, as it is a jwtauth.Signer: set Options.Key")
	}
	for _, p := range o.PreviousKeys {
		previous = append(previous, slices.Clone(p))
	}
	for _, s := range slices.Concat(secrets, previous) {
		if len(s) < minKeySize {
			errs = append(errs, fmt.Errorf("refresh: a key has %d bytes, and needs %d", len(s), minKeySize))
		} else if wiring.IsZero(s) {
			errs = append(errs, errors.New("refresh: a key has zeros only: fill it from crypto/rand"))
		}
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	if k.previous = secret.New(previous); k.secrets == nil {
		k.active.Store(&derivedKeys{keys: k.derive(secrets, previous)})
	}
	return k, nil
}

// keys returns the keys in force.
func (k *keyring) keys() macKeys {
	d := k.active.Load()
	if k.secrets == nil {
		return d.keys
	}
	if from := k.secrets(); d == nil || d.from != from {
		d = &derivedKeys{from, k.derive(*from, k.previous.Reveal())}
		k.active.Store(d)
	}
	return d.keys
}

func (k *keyring) derive(lists ...[][]byte) (keys macKeys) {
	for _, s := range slices.Concat(lists...) {
		key, err := hkdf.Key(sha256.New, s, nil, k.info, sha256.Size)
		if err != nil {
			panic(fmt.Sprintf("refresh: %v", err)) // unreachable: one block is never too long
		}
		keys = append(keys, hmacstate.New(sha256.New, key))
	}
	return keys
}

func (k *keyring) seal(t token) string { return k.keys().seal(t) }

// open returns the content of a token, or why there is none.
func (k *keyring) open(text string) (token, error) {
	t, ok := k.keys().open(text)
	switch {
	case ok:
		return t, nil
	case text == "":
		return token{}, errNoToken
	}
	return token{}, errForged
}

// scopeOf encodes the name, the type and the audience of an issuer, so that no two
// issuers have one scope.
func scopeOf(issuer, typ string, audience []string) (scope []byte) {
	for _, s := range append([]string{issuer, typ}, slices.Sorted(slices.Values(audience))...) {
		scope = append(binary.AppendUvarint(scope, uint64(len(s))), s...)
	}
	return scope
}

// scopeSize is the length of a scopeDigest.
const scopeSize = 16

// scopeDigest returns what precedes the subjects of one scope in a Store: with the
// same Store, no Refresher of another scope ends their logins.
func scopeDigest(scope []byte) string {
	sum := sha256.Sum256(scope)
	return base64.RawURLEncoding.EncodeToString(sum[:scopeSize*3/4])
}

func checkSubject(subject string) error {
	if subject == "" || len(subject) > maxSubject || !utf8.ValidString(subject) {
		return fmt.Errorf("refresh: a subject is valid UTF-8 of 1 to %d bytes", maxSubject)
	}
	return nil
}
