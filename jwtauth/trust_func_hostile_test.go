package jwtauth_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
)

// TestTrustFuncAfterItsRequest: a call that outlives its request has the iss of that
// request. It read it from a buffer that later requests used.
func TestTrustFuncAfterItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked sync.Map
		v := tenants(func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
			if _, twice := asked.LoadOrStore(iss, true); twice {
				t.Errorf("asked twice for %q", iss)
			}
			return jwtauth.Trust{}, false, nil
		})
		gone, leave := context.WithCancel(t.Context())
		leave()
		for i := range 160 {
			iss := fmt.Sprintf("https://%03d.example.com", i)
			_, _ = v.Verify(gone, tenantToken(iss))
			if i%8 == 7 { // no more at once
				synctest.Wait()
			}
		}
		for i := range 160 {
			if iss := fmt.Sprintf("https://%03d.example.com", i); !has(&asked, iss) {
				t.Errorf("not asked for %q", iss)
			}
		}
	})
}

func has(m *sync.Map, key string) bool {
	_, ok := m.Load(key)
	return ok
}

// TestLateAnswerOfTrustFunc: an answer after the timeout does not replace a newer one.
func TestLateAnswerOfTrustFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		v := tenants(func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
			if calls.Add(1) == 1 {
				time.Sleep(10 * time.Second)
				return tenant(iss, "t:"), true, nil
			}
			return jwtauth.Trust{}, false, nil
		})
		for _, want := range []int{503, 401, 401} {
			if g := sendToken(t, v, tenantToken(acme)); g.status != want {
				t.Errorf("%d %s, want %d", g.status, g.reason, want)
			}
			if want == 401 {
				time.Sleep(6 * time.Second) // the first answer arrives
			}
		}
	})
}

// TestTenantWithANewIssuer: a tenant keeps its Prefix, and no token of its old issuer
// arrives any more. The new issuer was 503 for ever.
func TestTenantWithANewIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		current := acme
		v := tenants(func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
			return tenant(iss, "t:"), iss == current, nil
		})
		for _, tt := range []struct {
			after  time.Duration
			iss    string
			status int
		}{
			{0, acme, 200},
			{time.Minute, acme + "/new", 503}, // the old one would be used while TrustFunc fails
			{4*time.Minute - time.Second, acme + "/new", 503},
			{time.Second, acme + "/new", 200},
			{0, acme, 401},
		} {
			time.Sleep(tt.after)
			if current = acme + "/new"; tt.status == 200 {
				current = tt.iss
			}
			if g := sendToken(t, v, tenantToken(tt.iss)); g.status != tt.status {
				t.Errorf("%s after %v: %d %s, want %d", tt.iss, tt.after, g.status, g.reason, tt.status)
			}
		}
	})
}

// TestRevokeForATenant: Revoke reaches the Denylist of an issuer that TrustFunc found.
func TestRevokeForATenant(t *testing.T) {
	list := guard.Must(jwtauth.NewMemory(nil))
	v := tenants(func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
		tr := tenant(iss, "t:")
		tr.Denylist = list
		return tr, true, nil
	})
	tok := sendToken(t, v, tenantToken(acme)).token
	if err := v.Revoke(t.Context(), tok); err != nil {
		t.Error(err)
	}
	if g := sendToken(t, v, tenantToken(acme)); g.message != "Token revoked" {
		t.Errorf("%d %q", g.status, g.message)
	}
	if err := v.Revoke(t.Context(), &jwtauth.Token[profile]{Issuer: acme, ID: "j"}); err == nil {
		t.Error("revoked a token that was not verified")
	}
}

// TestCookieOfATenantWithANewKey: the refusal of a token of the new key, until
// TrustFunc is called again, cleared the cookie.
func TestCookieOfATenantWithANewKey(t *testing.T) {
	now, key := harness.NewClock(), otherSecret
	v := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{
		Sources: headerOrCookie, Now: now.Now,
		TrustFunc: func(_ context.Context, iss string) (jwtauth.Trust, bool, error) {
			tr := tenant(iss, "t:")
			tr.Keys = jwtauth.HMAC("HS256", key)
			return tr, true, nil
		},
	}))
	serve := func(name string, key []byte, want int) {
		t.Helper()
		token := forge(jwtHeader, payload(`iss="`+acme+`"`, "exp=9999999999"), hs256(key))
		w, reached := harness.Serve(t, v.Wrap, nil, inCookie(token))
		if set := w.Header()["Set-Cookie"]; w.Code != want || reached != (want == 200) || set != nil {
			t.Errorf("%s: %d %s, reached %t, Set-Cookie %q; want %d", name, w.Code, w.Body, reached, set, want)
		}
	}
	serve("the old key", key, 200)
	key = secret
	serve("the new key", key, 401)
	now.Advance(time.Minute)
	serve("the new key, found", key, 200)
}
