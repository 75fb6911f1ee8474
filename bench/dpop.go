package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/once"
)

// unspent is a store in which each call of Take has a key of its own: a row sends a few
// proofs over and over.
type unspent struct {
	*once.Memory
	calls uint64
}

func (u *unspent) Take(ctx context.Context, key [32]byte, until time.Time) (bool, error) {
	u.calls++
	binary.LittleEndian.PutUint64(key[:], u.calls)
	return u.Memory.Take(ctx, key, until)
}

// proofs compares a request with a DPoP token, both signed with ES256, with what no
// implementation can do without: the two verifications. A nonce is checked and a next one
// made, and the jti is remembered.
func proofs(settings) (comparison, error) {
	const origin = "https://api.example.com"
	now := time.Now()
	at := now
	store := &unspent{Memory: guard.Must(once.NewMemory(&once.MemoryOptions{Now: func() time.Time { at = at.Add(time.Millisecond); return at }}))}
	p := guard.Must(dpop.New(origin, &dpop.Options{Once: store, NonceKey: secret, MaxPerKey: 1 << 30, Now: func() time.Time { return now }}))
	type bound struct {
		claims
		Confirmation dpop.Confirmation `json:"cnf"`
	}
	client := prover.NewKey("ES256", 0)
	i := guard.Must(jwtauth.NewIssuer[bound](jwtauth.ECDSA("ES256", ecKey).WithID("k1"), &jwtauth.IssuerOptions{Issuer: issuer, Bound: p}))
	token := guard.Must(i.Issue("1", bound{claims{"alice@example.com", "admin"}, dpop.Confirmation{JKT: client.Thumbprint()}})).AccessToken
	fields := http.Header{}
	p.Accepted(fields)
	requests := make([]*http.Request, 64)
	var texts [][]byte // of the token and of each proof, and their signatures
	var signatures [][]byte
	var keys []*ecdsa.PublicKey
	add := func(jws string, key *ecdsa.PublicKey) {
		dot := strings.LastIndexByte(jws, '.')
		texts, keys = append(texts, []byte(jws[:dot])), append(keys, key)
		signatures = append(signatures, guard.Must(base64.RawURLEncoding.DecodeString(jws[dot+1:])))
	}
	for n := range requests {
		proof := client.Proof("GET", origin+"/", token, fields.Get("DPoP-Nonce"), now)
		requests[n] = request("/", "Authorization", "DPoP "+token, "DPoP", proof)
		add(token, &ecKey.PublicKey)
		add(proof, client.Private.Public().(*ecdsa.PublicKey))
	}
	verify := func(n int) bool {
		sum := sha256.Sum256(texts[n])
		r, s := new(big.Int).SetBytes(signatures[n][:32]), new(big.Int).SetBytes(signatures[n][32:])
		return ecdsa.Verify(keys[n], sum[:], r, s)
	}
	h := protected(jwtauth.ECDSA("ES256", &ecKey.PublicKey), jwtauth.VerifierOptions{Bound: p})
	w := &discard{header: http.Header{}}
	bytes, stall := spent()
	return comparison{
		benchmarks: []benchmark{
			{"guard: DPoP request", ours, func(times int) {
				for n := range times {
					clear(w.header)
					w.status = 0
					h.ServeHTTP(w, requests[n%len(requests)])
					check(w.status == 200, "DPoP")
				}
			}},
			{"bare: two verifications of ES256", lowerBound, func(times int) {
				for n := range times {
					check(verify(2*n%len(texts)) && verify((2*n+1)%len(texts)), "ES256")
				}
			}},
		},
		facts: []Fact{
			{"guard: bytes a jti, of 1000000 in memory", bytes, "B"},
			{"guard: longest stall while 1000000 jti are taken", stall, "ms"},
		},
		bars: []bar{
			ratio("guard: DPoP request", "bare: two verifications of ES256", 1.25),
			allocs("guard: DPoP request", 45),
			factAtMost("guard: bytes a jti, of 1000000 in memory", 60),
			factAtMost("guard: longest stall while 1000000 jti are taken", 1),
		},
	}, nil
}

// spent returns the bytes of a jti in memory, of a million, and the longest stall while
// they are taken.
func spent() (bytes, stall float64) {
	const n = 1_000_000
	until := time.Now().Add(time.Hour)
	start := func() (*once.Memory, func(i int)) {
		m := guard.Must(once.NewMemory(&once.MemoryOptions{Max: 2 * n}))
		return m, func(i int) {
			var id [8]byte
			binary.LittleEndian.PutUint64(id[:], uint64(i))
			first, err := m.Take(ctx, once.Key("dpop", string(id[:])), until)
			check(first && err == nil, "Take")
		}
	}
	before := heap()
	m, take := start()
	for i := range n {
		take(i)
	}
	bytes = (heap() - before) / n
	check(!guard.Must(m.Take(ctx, once.Key("dpop", string(make([]byte, 8))), until)), "Take again")
	return bytes, longestStall(3, func() func(i int) { _, take := start(); return take }, n)
}
