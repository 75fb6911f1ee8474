package jwtauth_test

import (
	"strings"
	"testing"

	"github.com/go-guard/guard"
	gates "github.com/go-guard/guard/bearer" // bearer is a helper here
	"github.com/go-guard/guard/jwtauth"
)

const (
	resource     = "https://api.test/mcp"
	resourceHint = `resource_metadata="https://api.test/.well-known/oauth-protected-resource/mcp", scope="notes:read notes:write"`
)

func newResource(t *testing.T) *gates.Metadata {
	t.Helper()
	return guard.Must(gates.NewMetadata(gates.ResourceMetadata{Resource: resource, ScopesSupported: []string{"notes:read", "notes:write"}}))
}

// TestResource: the metadata of a resource is the audience and the challenge, where
// these are not set.
func TestResource(t *testing.T) {
	meta := newResource(t)
	keys := jwtauth.HMAC("HS256", secret)
	for _, tt := range []struct {
		name, aud string
		opts      jwtauth.VerifierOptions
		reason    string
		challenge string // of a request without a token
	}{
		{"its audience", `aud="` + resource + `"`, jwtauth.VerifierOptions{}, "", "Bearer " + resourceHint},
		{"one of several", `aud=["x","` + resource + `"]`, jwtauth.VerifierOptions{}, "", "Bearer " + resourceHint},
		{"another", `aud="https://api.test"`, jwtauth.VerifierOptions{}, audReason, "Bearer " + resourceHint},
		{"with a slash", `aud="` + resource + `/"`, jwtauth.VerifierOptions{}, audReason, "Bearer " + resourceHint},
		{"none", `aud=`, jwtauth.VerifierOptions{}, "jwtauth: aud is missing", "Bearer " + resourceHint},
		{"set", `aud="x"`, jwtauth.VerifierOptions{Audience: []string{"x"}, Realm: "r", ResourceMetadata: "https://api.test/m", ChallengeScopes: []string{"a"}},
			"", `Bearer realm="r", resource_metadata="https://api.test/m", scope="a"`},
		{"set, and its own", `aud="` + resource + `"`, jwtauth.VerifierOptions{Audience: []string{"x"}}, audReason, "Bearer " + resourceHint},
		{"any", `aud="x"`, jwtauth.VerifierOptions{InsecureAnyAudience: true}, "", "Bearer " + resourceHint},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := tt.opts
			opts.Issuer, opts.Now, opts.Resource = "me", atNoon, meta
			v := guard.Must(jwtauth.NewVerifier[profile](keys, &opts))
			g := sendToken(t, v, forge(jwtHeader, payload(tt.aud), hs256(secret)))
			if g.reason != tt.reason || (g.status == 401) != (tt.reason != "") {
				t.Errorf("%d %q, want %q", g.status, g.reason, tt.reason)
			}
			if got := v.Scheme().Challenge; got != tt.challenge {
				t.Errorf("challenge %q", got)
			}
		})
	}
	trusted := guard.Must(jwtauth.NewVerifier[profile](nil, &jwtauth.VerifierOptions{Now: atNoon, Resource: meta, Trust: []jwtauth.Trust{
		{Issuer: "me", Keys: keys}, {Issuer: "you", Keys: keys, Audience: []string{"y"}, Prefix: "you:"},
	}}))
	for aud, reason := range map[string]string{`aud="` + resource + `"`: "", `aud="y"`: audReason} {
		if g := sendToken(t, trusted, forge(jwtHeader, payload(aud), hs256(secret))); g.reason != reason {
			t.Errorf("several issuers, %s: %q, want %q", aud, g.reason, reason)
		}
	}
	if _, err := jwtauth.NewVerifier[profile](keys, &jwtauth.VerifierOptions{Issuer: "me", Resource: (*gates.Metadata)(nil)}); err == nil || !strings.Contains(err.Error(), "Resource") {
		t.Errorf("a nil metadata: %v", err)
	}
	if _, err := jwtauth.NewVerifier[profile](keys, &jwtauth.VerifierOptions{Issuer: "me", ChallengeScopes: []string{"a b"}}); err == nil {
		t.Error("a scope with a space was accepted")
	}
}

// TestRequiredScopesAreChallenged: a client learns what every token must grant.
func TestRequiredScopesAreChallenged(t *testing.T) {
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, Scopes: []string{"a", "b"},
	}))
	if got, want := v.Scheme().Challenge, `Bearer scope="a b"`; got != want {
		t.Errorf("challenge %q", got)
	}
	_, err := v.Verify(t.Context(), forge(jwtHeader, payload(`scope="a"`), hs256(secret)))
	if e, ok := err.(*guard.Error); !ok || e.Status != 403 || len(e.Challenges) != 1 || e.Challenges[0] != `Bearer error="insufficient_scope", scope="a b"` {
		t.Errorf("%v", err)
	}
}
