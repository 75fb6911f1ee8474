package keyset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
)

func TestSetVerify(t *testing.T) {
	a, b, unnamed := newSigner("a"), newSigner("b"), newSigner("")
	public := func(s signer) keyset.PublicKey {
		return keyset.PublicKey{ID: s.id, Algorithms: s.alg.Names(), Key: s.pair.Public}
	}
	four := []keyset.PublicKey{public(a), public(b), public(unnamed), public(newSigner("d"))}
	many := func(n int, s signer) (list []keyset.PublicKey) {
		for range n - 1 {
			list = append(list, public(newSigner(s.id)))
		}
		return append(list, public(s))
	}
	var perAlgorithm []keyset.PublicKey // one key, as some servers list it
	for _, name := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		perAlgorithm = append(perAlgorithm, keyset.PublicKey{ID: "a", Algorithms: []string{name}, Key: rsaKey().Public()})
	}
	rs256 := keyset.AlgorithmByName("RS256")
	byRSA := signer{"a", rs256, guard.Must(keyset.NewPair(rs256, rsaKey()))}
	for _, tt := range []struct {
		name string
		keys []keyset.PublicKey
		sig  keyset.Signature
		want string
	}{
		{"by ID", four, a.sign(), valid},
		{"without an ID in the token", four, b.named("").sign(), valid},
		{"without an ID in the set", four, unnamed.named("other").sign(), valid},
		{"the ID of another key", four, a.named("b").sign(), badSignature},
		{"an unknown ID of a known key", four, a.named("c").sign(), unknownKey},
		{"an unknown ID", four[:2], garbage("ES256", "c"), unknownKey},
		{"an unknown key without an ID", four, newSigner("").sign(), badSignature},
		{"another algorithm, by ID", four, garbage("ES384", "a"), badAlgorithm},
		{"another algorithm", four, garbage("ES384", ""), badAlgorithm},
		{"another algorithm, an unknown ID", four, garbage("ES384", "c"), unknownKey},
		{"no keys", nil, garbage("ES256", ""), badAlgorithm},
		{"four keys of one ID", many(4, a), a.sign(), valid},
		{"five keys of one ID", many(5, a), a.sign(), ambiguousKey},
		{"six algorithms of one ID", perAlgorithm, byRSA.sign(), valid},
		{"six algorithms of one ID, and another", perAlgorithm, garbage("ES256", "a"), badAlgorithm},
		{"five keys, and no ID in the token", many(5, a), a.named("").sign(), ambiguousKey},
		{"five keys without an ID", many(5, unnamed), a.sign(), ambiguousKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := keyset.NewSet(tt.keys)
			if got := outcome(set.Verify(tt.sig)); got != tt.want {
				t.Errorf("%s; want %s", got, tt.want)
			}
			if got := verify(t, set, tt.sig); got != tt.want {
				t.Errorf("as a Source: %s; want %s", got, tt.want)
			}
		})
	}
}

func TestSetCheck(t *testing.T) {
	var list []keyset.PublicKey
	for n := range 6 {
		err := keyset.NewSet(list).Check()
		if want := fmt.Sprintf("%d keys for HS256 without an id", n); (err != nil) != (n > 4) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d keys: %v", n, err)
		}
		list = append(list, keyset.PublicKey{Algorithms: []string{"HS256"}, Key: make([]byte, 32)})
	}
	for range 5 {
		list = append(list, keyset.PublicKey{Algorithms: []string{"EdDSA", "Ed25519"}, Key: edKey().Public()})
	}
	const want = "6 keys for HS256, 5 keys for EdDSA, 5 keys for Ed25519 without an id; give them ids"
	if err := keyset.NewSet(list).Check(); err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}
