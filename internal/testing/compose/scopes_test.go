package compose_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/source"
)

// TestScopesAreACeiling: a key may do what its subject and its scopes may, in
// gates and in the owner's bypass; a ring shares "Bearer" with JWTs, which have
// no such bound.
func TestScopesAreACeiling(t *testing.T) {
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Sources: []source.Source{source.Authorization("Bearer")}}))
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", bytes.Repeat([]byte("k"), 32)), nil))
	policy := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"documents:write", "documents:any"},
		Roles:       map[string]rbac.Role[string]{"admin": {Grants: []string{"*"}}},
	}, func(m member) []string { return m.roles }, &rbac.Options{ScopeLimit: func(ctx context.Context) ([]string, bool) {
		rec, limited := guard.CredentialFrom[*apikey.Record](ctx)
		if !limited {
			return nil, false
		}
		return rec.Scopes, true
	}}))
	documents := guard.Must(owner.New(func(*http.Request, member) (document, bool, error) { return document{"bob"}, true, nil }, nil))
	own := documents.Bypass(policy.Has("documents:any")).Require(func(m member, d document) bool { return owner.Same(m.id, d.author) })
	step := guard.Require[member](guard.BySubject(ring, memberByID), guard.BySubject(issuer.Verifier(), memberByID))
	chain := guard.Chain(step, policy.RequireAll("documents:write"), own)
	h := &app{}
	ask := func(token string) *httptest.ResponseRecorder {
		rec, _ := h.get(chain, way{prove: func(r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer "+token) }}, "root", "1")
		return rec
	}
	for scopes, want := range map[string]int{"": 403, "documents:write": 403, "documents:any": 403, "documents:write documents:any": 200, "documents:*": 200, "*": 200} {
		grant := apikey.Grant{Subject: "root"}
		if scopes != "" {
			grant.Scopes = strings.Fields(scopes)
		}
		key, _, err := ring.Issue(t.Context(), grant)
		if err != nil {
			t.Fatal(err)
		}
		rec := ask(key.Reveal())
		if rec.Code != want {
			t.Errorf("a key for %q gets %d %s, want %d", scopes, rec.Code, rec.Body, want)
		}
		insufficient := `Bearer error="insufficient_scope", scope="documents:write"`
		if got := rec.Header().Get("WWW-Authenticate"); !strings.Contains(scopes, "documents:write") && want == 403 && got != insufficient {
			t.Errorf("a key for %q gets the challenge %q", scopes, got)
		}
	}
	tokens, err := issuer.Issue("root", struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if rec := ask(tokens.AccessToken); rec.Code != 200 {
		t.Errorf("a JWT gets %d %s", rec.Code, rec.Body)
	}
	if rec := ask("ak_live_x"); rec.Code != 401 || !strings.Contains(rec.Body.String(), "Invalid API key") {
		t.Errorf("a malformed key gets %d %s", rec.Code, rec.Body)
	}
}

// TestScopedKeyIsNarrowByDefault: a policy without options does not give a key
// with scopes all that its owner may do.
func TestScopedKeyIsNarrowByDefault(t *testing.T) {
	type owner struct{ role string }
	ring := guard.Must(apikey.NewRing(nil))
	policy := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"posts:read", "posts:write"},
		Roles:       map[string]rbac.Role[string]{"editor": {Grants: []string{"posts:*"}}},
	}, func(o owner) string { return o.role }, nil))
	load := func(context.Context, string) (owner, bool, error) { return owner{"editor"}, true, nil }
	for _, tt := range []struct {
		name   string
		scopes []string
		want   int
	}{
		{"no scopes", nil, 200},
		{"the scope", []string{"posts:write"}, 200},
		{"another scope", []string{"posts:read"}, 403},
		{"no permission's name", []string{"anything"}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, _, err := ring.Issue(t.Context(), apikey.Grant{Subject: "1", Scopes: tt.scopes})
			if err != nil {
				t.Fatal(err)
			}
			reached := false
			h := guard.Chain(guard.BySubject(ring, load).Wrap, policy.RequireAll("posts:write"))(
				http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
			r := httptest.NewRequest("POST", "/", nil)
			r.Header.Set("X-API-Key", key.Reveal())
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.want || reached != (tt.want == 200) {
				t.Errorf("%d, reached %t; want %d", w.Code, reached, tt.want)
			}
		})
	}
}
