package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/oauth"
)

// forgetful spends each sign-in in a once.Memory under a new key, so that a row completes
// the same sign-in again and again. It counts what it stores.
type forgetful struct {
	*once.Memory
	stored uint64
}

func newForgetful() *forgetful { return &forgetful{Memory: guard.Must(once.NewMemory(nil))} }

func (f *forgetful) Acquire(ctx context.Context, key [32]byte, lease time.Duration) (once.Lease, once.State, error) {
	if f.stored++; f.stored%50_000 == 0 {
		f.Memory = guard.Must(once.NewMemory(nil))
	}
	for i := range 8 {
		key[i] ^= byte(f.stored >> (8 * i))
	}
	return f.Memory.Acquire(ctx, key, lease)
}

type oauthClaims struct {
	Name string `json:"name"`
}

// oauthLogin returns a login and its handlers, with the metadata and keys fetched. The
// clock does not move, so that no sign-in expires while rows run.
func oauthLogin(p *identityProvider, store once.Store) (begin, complete http.Handler) {
	now := time.Now()
	l := guard.Must(oauth.New[oauthClaims](oauth.Discover(idpURL), oauth.Client{ID: appID, Secret: guard.Secret("of the registration")}, appCallback, &oauth.Options{
		Key: secret, Once: store, HTTPClient: &http.Client{Transport: p}, Now: func() time.Time { return now },
	}))
	return l.Begin(), l.Complete(func(_ http.ResponseWriter, _ *http.Request, who *oauth.Identity[oauthClaims]) error {
		check(who.Subject == "248289761001" && who.EmailVerified && who.Claims.Name == "Alice", "oauth: the identity")
		return nil
	})
}

// oauthSignIn measures the two requests of a sign-in, and what strangers can send. Each
// implementation has a provider of its own, whose ID token has its nonce. goth has no row: it reads
// ID tokens without verifying their signatures.
func oauthSignIn(settings) (comparison, error) {
	p, byHand, party := newIdentityProvider(), newIdentityProvider(), newIdentityProvider()
	begin, complete := oauthLogin(p, newForgetful())
	callback, idToken := p.returning(begin)
	stranger := request(callback.URL.String())
	forged := request(callback.URL.String(), "Cookie", callback.Cookies()[0].Name+"="+strings.Repeat("A", len(callback.Cookies()[0].Value)))
	handBegin, handComplete := goOIDC(byHand)
	handCallback, _ := byHand.returning(handBegin)
	partyBegin, partyComplete := zitadelRP(party)
	partyCallback, _ := party.returning(partyBegin)

	login := request("/login?next=/inbox")
	return comparison{
		benchmarks: []benchmark{
			{"guard: Begin", ours, serving(begin, login, 303)},
			{"guard: Complete", ours, serving(complete, callback, 303)},
			{"guard: a stranger's callback", ours, serving(complete, stranger, 400)},
			{"guard: a callback with a forged cookie", ours, serving(complete, forged, 400)},
			{"go-oidc and x/oauth2 by hand: begin", peer, serving(handBegin, login, 302)},
			{"go-oidc and x/oauth2 by hand: complete", peer, serving(handComplete, handCallback, 303)},
			{"zitadel/oidc rp: begin", peer, serving(partyBegin, login, 302)},
			{"zitadel/oidc rp: complete", peer, serving(partyComplete, partyCallback, 303)},
			{"bare ES256 verify", lowerBound, bareES256(idToken)},
			{"bare exchange in memory, ES256 verify", lowerBound, p.bareExchange(bareES256(idToken))},
			{"bare handler that refuses", lowerBound, serving(bareRefusal, stranger, 401)},
			{"bare handler", lowerBound, serving(bare, stranger, 200)},
		},
		facts: abandoned(),
		bars: []bar{
			difference("guard: Begin", "bare handler", 25_000),
			allocs("guard: Begin", 40),
			difference("guard: Complete", "bare exchange in memory, ES256 verify", 40_000),
			ratio("guard: Complete", "go-oidc and x/oauth2 by hand: complete", 1.5),
			difference("guard: a stranger's callback", "bare handler that refuses", 5_000),
			difference("guard: a callback with a forged cookie", "bare handler that refuses", 5_000),
			factAtMost(abandonedBytes, 1),
			factAtMost(abandonedStored, 0),
			factAtMost(strangersFetches, 0),
		},
	}, nil
}

// The facts about visitors who do not come back, and callbacks that no one began.
const (
	abandonedBytes   = "bytes of memory for each of 10,000 abandoned sign-ins"
	abandonedStored  = "entries stored by 10,000 abandoned sign-ins"
	strangersFetches = "requests to the provider by 10,000 abandoned sign-ins and 10,000 strangers' callbacks"
)

// abandoned begins 10,000 sign-ins of as many browsers, which never return, and sends
// each callback from another browser.
func abandoned() []Fact {
	const n = 10_000
	p, store := newIdentityProvider(), newForgetful()
	begin, complete := oauthLogin(p, store)
	states := make([]string, n)
	w := &discard{header: http.Header{}}
	visit := func(h http.Handler, r *http.Request, status int) {
		clear(w.header)
		h.ServeHTTP(w, r)
		check(w.status == status, "oauth: "+r.URL.Path)
	}
	visit(begin, request("/login"), 303) // fetches the metadata
	for i := range states {
		visit(begin, request("/login"), 303)
		location := w.header.Get("Location")
		_, state, _ := strings.Cut(location, "&state=")
		states[i] = strings.Clone(state)
	}
	fetched, before := p.calls.Load(), heap()
	for range n {
		visit(begin, request("/login"), 303)
	}
	grown := heap() - before
	for _, state := range states {
		visit(complete, request("/callback?code=x&state="+state), 400)
	}
	return []Fact{
		{abandonedBytes, max(0, grown) / n, "B"},
		{abandonedStored, float64(store.stored), ""},
		{strangersFetches, float64(p.calls.Load() - fetched), ""},
	}
}

// bareExchange posts a code by an http.Client, reads the tokens, and verifies one. The
// request has a goroutine of its own, as one that may hang: on several processors, waking
// it takes longer than the rest of the exchange.
func (p *identityProvider) bareExchange(verify func(n int)) func(n int) {
	client := &http.Client{Transport: p}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {"SplxlOBeZQQYbYS6WxSbIA"}, "redirect_uri": {appCallback}, "code_verifier": {accessToken},
	}.Encode()
	exchange := func() bool {
		response, err := client.Post(idpURL+"/token", "application/x-www-form-urlencoded", strings.NewReader(form))
		check(err == nil, "oauth: the exchange")
		body, err := io.ReadAll(response.Body)
		return err == nil && len(body) > 0 && response.Body.Close() == nil
	}
	return func(n int) {
		for range n {
			answer := make(chan bool)
			go func() { answer <- exchange() }()
			check(<-answer, "oauth: the exchange")
			verify(1)
		}
	}
}

// bareES256 verifies the signature of a token.
func bareES256(token string) func(n int) {
	at := strings.LastIndexByte(token, '.')
	signed, signature := []byte(token[:at]), guard.Must(base64.RawURLEncoding.DecodeString(token[at+1:]))
	return func(n int) {
		for range n {
			sum := sha256.Sum256(signed)
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			check(ecdsa.Verify(&ecKey.PublicKey, sum[:], r, s), "ES256")
		}
	}
}
