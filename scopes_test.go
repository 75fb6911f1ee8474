package guard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/rbac"
)

// TestScopedKeyIsNarrowByDefault: a policy without options does not give a key
// with scopes all that its owner may do.
func TestScopedKeyIsNarrowByDefault(t *testing.T) {
	type owner struct{ role string }
	ring := guard.Must(apikey.NewRing(nil))
	defer ring.Close(context.Background())
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
