package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
)

func TestRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{Leeway: time.Minute, CacheSize: 10}))
		v := i.Verifier()
		one, two := tokenOf(t, i), tokenOf(t, i)
		tok := sendToken(t, v, one).token
		if err := v.Revoke(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
		for range 16 * 4 { // within the leeway, too
			g := sendToken(t, v, one)
			if g.status != 401 || g.message != "Token revoked" && g.message != "Token expired" || g.message == "Token expired" && time.Since(tok.ExpiresAt) < time.Minute {
				t.Fatalf("%v: %d %q", time.Since(tok.IssuedAt), g.status, g.message)
			}
			if g := sendToken(t, v, two); g.status != 200 && time.Since(tok.ExpiresAt) < time.Minute {
				t.Fatal(g.status)
			}
			time.Sleep(15 * time.Second)
		}
	})
	none := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), nil))
	if err := none.Revoke(t.Context(), &jwtauth.Token[profile]{ID: "x"}); err == nil {
		t.Error("revoked without a denylist")
	}
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), nil))
	if err := i.Verifier().Revoke(t.Context(), &jwtauth.Token[profile]{}); err == nil {
		t.Error("revoked a token without id")
	}
}

// TestRevokeIsADecision: Revoke reports once, with the token's subject, and a refusal
// of it is not reported again.
func TestRevokeIsADecision(t *testing.T) {
	down := denylist(func([]string) (bool, error) { return false, errors.New("down") })
	verifier := func(list jwtauth.Denylist) *jwtauth.Verifier[profile] {
		return guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
			Issuer: "me", Audience: []string{"api"}, Now: atNoon, Denylist: list,
		}))
	}
	working := verifier(guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: atNoon})))
	tok, err := working.Verify(t.Context(), forge(jwtHeader, payload(), hs256(secret)))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		v       *jwtauth.Verifier[profile]
		outcome guard.Outcome
		status  int
	}{
		"works":       {working, guard.Allowed, 0},
		"down":        {verifier(down), guard.Failed, 503},
		"no denylist": {verifier(nil), guard.Failed, 500},
	} {
		var seen []guard.Decision
		observe := guard.Observe(func(_ *http.Request, d guard.Decision) { seen = append(seen, d) })
		harness.Serve(t, observe, func(w http.ResponseWriter, r *http.Request) {
			if err := tt.v.Revoke(r.Context(), tok); err != nil {
				guard.Refuse(w, r, err)
			}
		}, bearer(""))
		if len(seen) != 1 {
			t.Errorf("%s: %d decisions: %+v", name, len(seen), seen)
			continue
		}
		if d := seen[0]; d.Package != "jwtauth" || d.Action != "revoke" || d.Subject != "1" || d.Outcome != tt.outcome || d.Status != tt.status {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// An issuer that chooses the jti of its tokens cannot deny the sessions of another
// issuer, or one of its sessions by a jti.
func TestIDsOfAnIssuerDenyNoOthers(t *testing.T) {
	other := []byte("another secret of 32 random bytes")
	list := guard.Must(jwtauth.NewMemory(&jwtauth.MemoryOptions{Now: atNoon}))
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, Denylist: list,
		Trust: []jwtauth.Trust{{Issuer: "other", Keys: jwtauth.HMAC("HS256", other), Audience: []string{"api"}, Denylist: list, Prefix: "other:"}},
	}))
	mine := func(edits ...string) string { return forge(jwtHeader, payload(edits...), hs256(secret)) }
	theirs := func(edits ...string) string {
		return forge(jwtHeader, payload(append(edits, `iss="other"`)...), hs256(other))
	}
	for _, token := range []string{theirs(`jti="S"`), theirs(`jti="j"`, `sid="S"`), mine(`jti="S"`)} {
		tok, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Revoke(t.Context(), tok); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), token); err == nil {
			t.Error("a denied token was accepted")
		}
	}
	if _, err := v.Verify(t.Context(), mine(`sid="S"`)); err != nil {
		t.Errorf("a token that is not denied: %v", err)
	}
	if err := list.Deny(t.Context(), noon.Add(time.Hour), "", jwtauth.DeniedSession("me", "S")); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), mine(`sid="S"`)); err == nil {
		t.Error("a token of a denied session was accepted")
	}
}

// A token that could not be denied is refused.
func TestTokensWithoutIDsAndADenylist(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, Denylist: guard.Must(jwtauth.NewMemory(nil)),
	}))
	for edit, want := range map[string]int{"jti=": 401, `jti=""`: 401, `jti="j"`: 200} {
		if g := sendToken(t, v, forge(jwtHeader, payload(edit), hs256(secret))); g.status != want {
			t.Errorf("%s: %d %s, want %d", edit, g.status, g.reason, want)
		}
	}
}

type denylist func(ids []string) (bool, error)

func (d denylist) Deny(context.Context, time.Time, string, ...string) error {
	return errors.New("down")
}

func (d denylist) Denied(_ context.Context, _ time.Time, _ string, ids ...string) (bool, error) {
	return d(ids)
}

func TestDenylistOfAVerifier(t *testing.T) {
	var queries [][]string
	var answer error
	list := denylist(func(ids []string) (bool, error) {
		var bare []string // without the prefix of the issuer
		for _, id := range ids {
			bare = append(bare, id[:1]+id[17:])
		}
		queries = append(queries, bare)
		return false, answer
	})
	for _, size := range []int{0, 10} {
		queries, answer = nil, nil
		v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
			Issuer: "me", Audience: []string{"api"}, Now: atNoon, Denylist: list, CacheSize: size,
		}))
		both := forge(jwtHeader, payload(`sid="s"`), hs256(secret))
		sid := forge(jwtHeader, payload("jti=", `sid="s"`), hs256(secret))
		for _, token := range []string{both, both, sid} {
			if g := sendToken(t, v, token); g.status != 200 {
				t.Fatalf("%d: %s", g.status, g.reason)
			}
		}
		if got := fmt.Sprint(queries); got != "[[tj ss] [tj ss] [ss]]" {
			t.Error(got)
		}
		sendToken(t, v, forge(jwtHeader, payload(), hs256([]byte("another"))))
		sendToken(t, v, forge(jwtHeader, payload("exp=1"), hs256(secret)))
		if len(queries) != 3 {
			t.Error("queried for a token that is refused anyway")
		}
		answer = fmt.Errorf("redis at 10.0.0.1: %w", guard.ErrNoCredentials)
		if g := sendToken(t, v, both); g.status != 503 || g.message != "The service is unavailable. Try again later." {
			t.Errorf("%d %q", g.status, g.message)
		}
		if err := v.Revoke(t.Context(), &jwtauth.Token[profile]{Issuer: "me", ID: "x"}); err == nil {
			t.Error("Revoke hides a failure")
		}
	}
}
