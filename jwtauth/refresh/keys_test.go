package refresh_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
)

func reloadNothing(context.Context, string, map[string]any) (claims, bool, error) {
	return claims{}, true, nil
}

// kms hides a private key, as that of a KMS is hidden.
func kms(n byte) jwtauth.Key {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(n), 32)))
	return jwtauth.Signer("EdDSA", struct{ crypto.Signer }{key}).WithID(string(n))
}

func secretKey(n byte) jwtauth.Key {
	return jwtauth.HMAC("HS256", []byte(strings.Repeat(string(n), 32))).WithID(string(n))
}

// The key of refresh tokens follows the Issuer's: a refresh token lives as long as the
// key that it was derived from is one of the Issuer's.
func TestSetKeysOfTheIssuer(t *testing.T) {
	old, next := secretKey('1'), secretKey('2')
	issuer := guard.Must(jwtauth.NewIssuer[claims](old, nil))
	r := guard.Must(refresh.New(issuer, reloadNothing, nil))
	set := func(key jwtauth.Key, previous ...jwtauth.Key) {
		t.Helper()
		if err := issuer.SetKeys(key, previous...); err != nil {
			t.Fatal(err)
		}
	}
	following := func(name, token string, works bool) string {
		t.Helper()
		tokens, err := r.Refresh(t.Context(), token)
		if (err == nil) != works {
			t.Fatalf("%s: %v", name, err)
		}
		if tokens == nil {
			return ""
		}
		if _, err := issuer.Verifier().Verify(t.Context(), tokens.AccessToken); err != nil {
			t.Errorf("%s: its access token: %v", name, err)
		}
		return tokens.RefreshToken
	}
	idle := guard.Must(r.Start(t.Context(), "1", nil)).RefreshToken
	busy := guard.Must(r.Start(t.Context(), "1", nil)).RefreshToken
	set(old, next)
	busy = following("published", busy, true)
	set(next, old)
	busy = following("signs", busy, true)
	set(next)
	following("the old key is dropped, a newer token", busy, true)
	following("the old key is dropped, its token", idle, false)
	set(old)
	following("the old key again", idle, true)
}

// Another process that has the keys in another order accepts its tokens.
func TestSetKeysOfSeveralProcesses(t *testing.T) {
	store, denylist := guard.Must(refresh.NewMemory(nil)), guard.Must(jwtauth.NewMemory(nil))
	var issuers [2]*jwtauth.Issuer[claims]
	var refreshers [2]*refresh.Refresher[claims]
	for n := range issuers {
		issuers[n] = guard.Must(jwtauth.NewIssuer[claims](secretKey('1'), &jwtauth.IssuerOptions{Denylist: denylist}))
		refreshers[n] = guard.Must(refresh.New(issuers[n], reloadNothing, &refresh.Options{Store: store}))
	}
	token := guard.Must(refreshers[0].Start(t.Context(), "1", nil)).RefreshToken
	for _, step := range [][2]jwtauth.Key{{secretKey('1'), secretKey('2')}, {secretKey('2'), secretKey('1')}} {
		for n := range issuers {
			if err := issuers[n].SetKeys(step[0], step[1]); err != nil {
				t.Fatal(err)
			}
			for _, by := range []int{0, 1, 0} {
				tokens := guard.Must(refreshers[by].Refresh(t.Context(), token))
				token = tokens.RefreshToken
				for _, i := range issuers {
					guard.Must(i.Verifier().Verify(t.Context(), tokens.AccessToken))
				}
			}
		}
	}
}

// A private key of the standard library that Signer has is treated as that of a KMS.
func TestSignerOfTheStandardLibrary(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32)))
	issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.Signer("EdDSA", key), nil))
	if _, err := refresh.New(issuer, reloadNothing, nil); err == nil || !strings.Contains(err.Error(), "set Options.Key") {
		t.Errorf("without Key: %v", err)
	}
	r := guard.Must(refresh.New(issuer, reloadNothing, &refresh.Options{Key: []byte(strings.Repeat("r", 32))}))
	tokens := guard.Must(r.Start(t.Context(), "1", nil))
	guard.Must(issuer.Verifier().Verify(t.Context(), guard.Must(r.Refresh(t.Context(), tokens.RefreshToken)).AccessToken))
}

// No key is derived from a public one: the refresh tokens of a process that signs with
// it were refused.
func TestPublicKeysBesideADerivedKey(t *testing.T) {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("2", 32)))
	next, public := jwtauth.Ed25519("EdDSA", key), jwtauth.Ed25519("EdDSA", key.Public().(ed25519.PublicKey))
	issuer := guard.Must(jwtauth.NewIssuer[claims](secretKey('1'), nil))
	r := guard.Must(refresh.New(issuer, reloadNothing, nil))
	token := guard.Must(r.Start(t.Context(), "1", nil)).RefreshToken
	if err := issuer.SetKeys(secretKey('1'), public); err == nil || !strings.Contains(err.Error(), "set refresh.Options.Key") {
		t.Errorf("with a Refresher: %v", err)
	}
	guard.Must(r.Refresh(t.Context(), token))
	if err := issuer.SetKeys(secretKey('1'), next); err != nil {
		t.Error(err)
	}
	issuer = guard.Must(jwtauth.NewIssuer[claims](secretKey('1'), nil))
	guard.Must(refresh.New(issuer, reloadNothing, &refresh.Options{Key: []byte(strings.Repeat("r", 32))}))
	if err := issuer.SetKeys(secretKey('1'), public); err != nil {
		t.Errorf("with Options.Key: %v", err)
	}
}

func TestSigner(t *testing.T) {
	issuer := guard.Must(jwtauth.NewIssuer[claims](kms('k'), &jwtauth.IssuerOptions{Previous: []jwtauth.Key{secretKey('1')}}))
	if _, err := refresh.New(issuer, reloadNothing, nil); err == nil || !strings.Contains(err.Error(), "set Options.Key") {
		t.Errorf("without Key: %v", err)
	}
	r := guard.Must(refresh.New(issuer, reloadNothing, &refresh.Options{Key: []byte(strings.Repeat("r", 32))}))
	tokens := guard.Must(r.Start(t.Context(), "1", nil))
	tokens = guard.Must(r.Refresh(t.Context(), tokens.RefreshToken))
	guard.Must(issuer.Verifier().Verify(t.Context(), tokens.AccessToken))
	if err := issuer.SetKeys(kms('l'), kms('k')); err != nil {
		t.Error(err)
	}
	guard.Must(r.Refresh(t.Context(), tokens.RefreshToken))
}

// A Refresher that derives its key cannot lose it by a change to a Signer.
func TestSignerAfterADerivedKey(t *testing.T) {
	issuer := guard.Must(jwtauth.NewIssuer[claims](secretKey('1'), nil))
	if err := issuer.SetKeys(kms('k'), secretKey('1')); err != nil {
		t.Errorf("without a Refresher: %v", err)
	}
	if err := issuer.SetKeys(secretKey('1'), kms('k')); err != nil {
		t.Fatal(err)
	}
	r := guard.Must(refresh.New(issuer, reloadNothing, nil))
	tokens := guard.Must(r.Start(t.Context(), "1", nil))
	if err := issuer.SetKeys(kms('k'), secretKey('1')); err == nil || !strings.Contains(err.Error(), "set refresh.Options.Key") {
		t.Errorf("with a Refresher: %v", err)
	}
	guard.Must(r.Refresh(t.Context(), tokens.RefreshToken))
}

func TestSetKeysConcurrently(t *testing.T) {
	keys := []jwtauth.Key{secretKey('1'), secretKey('2')}
	issuer := guard.Must(jwtauth.NewIssuer[claims](keys[0], &jwtauth.IssuerOptions{Previous: keys[1:]}))
	r := guard.Must(refresh.New(issuer, reloadNothing, nil))
	var wg sync.WaitGroup
	done := make(chan struct{})
	for n := range 4 {
		wg.Go(func() {
			token := guard.Must(r.Start(t.Context(), string(rune('a'+n)), nil)).RefreshToken
			for {
				select {
				case <-done:
					return
				default:
				}
				tokens, err := r.Refresh(t.Context(), token)
				if err != nil {
					t.Error(err)
					return
				}
				token = tokens.RefreshToken
			}
		})
	}
	for n := range 300 {
		if err := issuer.SetKeys(keys[n%2], keys[(n+1)%2]); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
}
