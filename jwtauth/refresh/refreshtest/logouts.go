package refreshtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

// Logouts tests whole Refreshers on a store and a denylist. In each round, several
// tabs refresh one login at two processes, which change from one key to another,
// while the login ends in one of several ways. An acknowledged logout is never
// lost: no access token of the login is accepted afterwards, and no refresh token.
// Without a thief, no login ends because of reuse. Eight rounds run at once.
func Logouts(t *testing.T, store refresh.Store, denylist jwtauth.Denylist, rounds int) {
	processes := []*process{newProcess(store, denylist, "old", "new"), newProcess(store, denylist, "new", "old")}
	next := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range next {
				(&round{T: t, processes: processes, subject: rand.Text()}).run(n)
			}
		})
	}
	for n := range rounds {
		next <- n
	}
	close(next)
	wg.Wait()
}

// A process is a Refresher and its Issuer.
type process struct {
	*refresh.Refresher[struct{}]
	verifier *jwtauth.Verifier[struct{}]
}

func newProcess(store refresh.Store, denylist jwtauth.Denylist, key, other string) *process {
	secret := func(name string) []byte { return bytes.Repeat([]byte(name), 16) }
	signer := func(name string) jwtauth.Key { return jwtauth.HMAC("HS256", secret(name)).WithID(name) }
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](signer(key), &jwtauth.IssuerOptions{
		Issuer: "refreshtest", Denylist: denylist, Previous: []jwtauth.Key{signer(other)},
	}))
	reload := func(context.Context, string, map[string]any) (struct{}, bool, error) { return struct{}{}, true, nil }
	return &process{guard.Must(refresh.New(issuer, reload, &refresh.Options{
		Store: store, Grace: refresh.MaxGrace, // a slow machine is no thief
		Key: secret(key + "!"), PreviousKeys: []guard.Secret{secret(other + "!")},
	})), issuer.Verifier()}
}

// A round is what happens to one subject.
type round struct {
	*testing.T
	processes []*process
	subject   string

	mu     sync.Mutex
	issued []*jwtauth.Tokens // of the first login
}

func (r *round) any() *process { return r.processes[mathrand.IntN(len(r.processes))] }

func (r *round) start() *jwtauth.Tokens {
	tokens, err := patiently(func() (*jwtauth.Tokens, error) { return r.any().Start(r.Context(), r.subject, nil) })
	if err != nil {
		r.Errorf("Start: %v", err)
		return &jwtauth.Tokens{}
	}
	return tokens
}

// run is a round. Its number decides how the login ends, or that it does not.
func (r *round) run(n int) {
	first, other := r.start(), r.start()
	r.issued = []*jwtauth.Tokens{first}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { r.tab(first.RefreshToken) })
	}
	wg.Go(func() {
		_, err := patiently(func() (none struct{}, err error) {
			switch n % 3 {
			case 0:
				err = r.any().Revoke(r.Context(), r.subject, first.RefreshToken)
			case 1:
				err = r.any().RevokeSubject(r.Context(), r.subject)
			}
			return none, err
		})
		if err != nil {
			r.Errorf("ending a login: %v", err)
		}
	})
	wg.Wait()
	r.check(n%3 == 2, r.issued...)
	r.check(n%3 != 1, other)
}

// tab refreshes its own newest token until that is refused.
func (r *round) tab(token string) {
	for range 3 {
		tokens, err := r.refresh(token)
		if err != nil {
			r.refused(err)
			return
		}
		token = tokens.RefreshToken
		r.mu.Lock()
		r.issued = append(r.issued, tokens)
		r.mu.Unlock()
	}
}

func (r *round) refresh(token string) (*jwtauth.Tokens, error) {
	return patiently(func() (*jwtauth.Tokens, error) { return r.any().Refresh(r.Context(), token) })
}

// patiently calls f up to five times while its error is an outage, as clients do: a busy
// machine loses nothing.
func patiently[T any](f func() (T, error)) (result T, err error) {
	for range 5 {
		result, err = f()
		if e, refusal := errors.AsType[*guard.Error](err); err == nil || refusal && e.Status < 500 {
			break
		}
	}
	return result, err
}

// refused checks that an error is a refusal, and not because of reuse.
func (r *round) refused(err error) {
	e, refusal := errors.AsType[*guard.Error](err)
	if _, reuse := errors.AsType[*refresh.ReuseError](err); reuse || !refusal || e.Status >= 500 {
		r.Errorf("Refresh: %v", err)
	}
}

// check checks all access tokens and the newest refresh tokens of a login.
func (r *round) check(alive bool, issued ...*jwtauth.Tokens) {
	refreshes := false
	for i, tokens := range slices.Backward(issued) {
		_, err := patiently(func() (*jwtauth.Token[struct{}], error) {
			return r.any().verifier.Verify(r.Context(), tokens.AccessToken)
		})
		if (err == nil) != alive {
			r.Errorf("access token %d of %d: %v, want alive %t", i, len(issued), err, alive)
		}
		if len(issued)-i > 2 {
			continue
		}
		if _, err = r.refresh(tokens.RefreshToken); err != nil {
			r.refused(err)
		}
		refreshes = refreshes || err == nil
	}
	if refreshes != alive {
		r.Errorf("a login that is alive %t can be refreshed: %t", alive, refreshes)
	}
}
