package dpop_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/jwtauth"
)

// es256 returns a handler behind a Verifier of ES256 tokens that are bound to client, and
// a function that sets the next proof in r.
func es256(tb testing.TB) (h http.Handler, r *http.Request, next func()) {
	key := prover.NewKey("ES256", 0)
	p := guard.Must(dpop.New(origin, &dpop.Options{NonceKey: nonceKey, MaxPerKey: 1 << 30}))
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.Signer("ES256", key.Private), &jwtauth.IssuerOptions{Issuer: "me", Bound: p}))
	v := guard.Must(jwtauth.NewVerifier[struct{ Email string }](jwtauth.Signer("ES256", key.Private), &jwtauth.VerifierOptions{Issuer: "me", Bound: p}))
	token := guard.Must(issuer.Issue("1", claims{&dpop.Confirmation{JKT: client.Thumbprint()}})).AccessToken
	r = client.Request("GET", "/profile", token, "", time.Now())
	fields := http.Header{}
	p.Accepted(fields)
	return v.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), r, func() {
		r.Header["Dpop"] = []string{client.Proof("GET", origin+"/profile", token, fields.Get("DPoP-Nonce"), time.Now())}
	}
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	h, r, next := es256(t)
	w := harness.NewDiscard()
	next()
	h.ServeHTTP(w, r)
	if w.Status > 200 {
		t.Fatal(w.Status)
	}
	// A replay is all but the response of a request that is accepted, and an error more.
	if n := w.Allocs(h, r); n > 60 {
		t.Errorf("a replay: %v allocations; the budget is 60", n)
	} else {
		t.Logf("a replay: %v allocations", n)
	}
	// The proofs are made outside of what is counted.
	const runs = 100
	var proofs [runs + 1][]string
	for i := range proofs {
		next()
		proofs[i] = r.Header["Dpop"]
	}
	i := 0
	n := testing.AllocsPerRun(runs, func() {
		clear(w.Fields)
		w.Status = 200
		r.Header["Dpop"] = proofs[i]
		i++
		h.ServeHTTP(w, r)
		if w.Status != 200 {
			t.Fatal(w.Status)
		}
	})
	t.Logf("a DPoP request: %v allocations", n)
	if n > 45 {
		t.Errorf("a DPoP request: %v allocations; the budget is 45", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	h, r, next := es256(b)
	w := harness.NewDiscard()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		clear(w.Fields)
		next()
		b.StartTimer()
		h.ServeHTTP(w, r)
	}
}
