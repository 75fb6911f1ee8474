package keyset_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/testing/idp"
)

// The outcomes of a verification.
const (
	valid        = "valid"
	badAlgorithm = "bad algorithm"
	unknownKey   = "unknown key"
	ambiguousKey = "ambiguous key"
	badSignature = "bad signature"
	unavailable  = "unavailable" // the keys cannot be fetched
)

func outcome(err error) string {
	switch err {
	case nil:
		return valid
	case keyset.ErrAlgorithm:
		return badAlgorithm
	case keyset.ErrUnknownKey:
		return unknownKey
	case keyset.ErrAmbiguousKey:
		return ambiguousKey
	case keyset.ErrSignature:
		return badSignature
	}
	return unavailable
}

func verify(t testing.TB, src keyset.Source, sig keyset.Signature) string {
	t.Helper()
	return verifyIn(t, t.Context(), src, sig)
}

func verifyIn(t testing.TB, ctx context.Context, src keyset.Source, sig keyset.Signature) string {
	t.Helper()
	set, _, err := keyset.Verify(ctx, src, sig)
	if (set == nil) != (err != nil) {
		t.Errorf("set %v, error %v", set, err)
	}
	return outcome(err)
}

// A signer is a private key of the server.
type signer struct {
	id   string
	alg  *keyset.Algorithm
	pair *keyset.Pair
}

func newSigner(id string) signer {
	alg := keyset.AlgorithmByName("ES256")
	key := guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	return signer{id, alg, guard.Must(keyset.NewPair(alg, key))}
}

// sign returns a signature that names the key, if it has an ID.
func (s signer) sign() keyset.Signature {
	const text = "header.payload"
	return keyset.Signature{
		Algorithm: s.alg, KeyID: []byte(s.id), HasKeyID: s.id != "",
		Signed: text, Bytes: guard.Must(s.alg.Sign(text, s.pair.Private)),
	}
}

// named returns a copy of the signer with another ID, or without one.
func (s signer) named(id string) signer { s.id = id; return s }

func (s signer) jwk() string {
	j, ok := keyset.NewJWK(s.pair.Public)
	if !ok {
		panic("a secret")
	}
	j.Alg, j.Kid, j.Use = s.alg.Name, s.id, "sig"
	return strings.TrimSuffix(strings.TrimPrefix(string(keyset.EncodeJWKS([]keyset.JWK{j})), `{"keys":[`), `]}`)
}

// jwks returns the key set of signers.
func jwks(signers ...signer) string {
	keys := make([]string, len(signers))
	for i, s := range signers {
		keys[i] = s.jwk()
	}
	return keysJSON(keys...)
}

func keysJSON(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// garbage returns a signature of zeros.
func garbage(alg, id string) keyset.Signature {
	return keyset.Signature{
		Algorithm: keyset.AlgorithmByName(alg), KeyID: []byte(id), HasKeyID: id != "",
		Signed: "header.payload", Bytes: make([]byte, 64),
	}
}

func remote(t testing.TB, s *idp.Server, edit ...func(*keyset.RemoteOptions)) *keyset.Remote {
	t.Helper()
	o := &keyset.RemoteOptions{Client: s.Client()}
	for _, f := range edit {
		f(o)
	}
	r, err := keyset.NewRemote(idp.JWKSURL, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// after reports the outcome and fails the test if it took time, or not the time
// that it should.
func after(t testing.TB, want time.Duration, f func() string) string {
	t.Helper()
	start := time.Now()
	got := f()
	if d := time.Since(start); d != want {
		t.Errorf("took %v, want %v", d, want)
	}
	return got
}

var errDown = errors.New("no route to host")

// errorLog collects what OnError receives.
type errorLog struct {
	mu   sync.Mutex
	list []string
}

func (l *errorLog) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, err.Error())
}

func (l *errorLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}
