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

type bound struct{ scopes []string }

func (b bound) ScopeLimit() ([]string, bool) { return b.scopes, true }

// byHand is one's own middleware that says who it is.
func byHand(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := guard.WithPrincipal(r.Context(), account{"3"})
		if a, ok := guard.CredentialFrom[account](ctx); !ok || a.id != "3" {
			panic("the principal is not its own credential")
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// TestCeilingIsOfThePrincipal: bounds are those of the credential behind the
// principal that is asked about, whatever other steps are in the chain.
func TestCeilingIsOfThePrincipal(t *testing.T) {
	toAccount := func(_ context.Context, b bound) (account, bool, error) { return account{"1"}, true, nil }
	key := authenticates[bound]{bound{[]string{"read"}}, true}
	free := guard.Require[account](authenticates[account]{account{"2"}, true})
	other := guard.Require[grant](authenticates[grant]{"x", true})
	mapped := guard.Require[account](guard.Map(key, toAccount))
	for _, tt := range []struct {
		name  string
		mw    guard.Middleware
		ask   func(context.Context) ([]string, bool)
		bound bool
	}{
		{"mapped", mapped, guard.ScopeLimit[account], true},
		{"the principal itself", guard.Require[bound](key), guard.ScopeLimit[bound], true},
		{"a pointer", guard.Require[*bound](authenticates[*bound]{&bound{[]string{"read"}}, true}), guard.ScopeLimit[*bound], true},
		{"another step inside", guard.Chain(mapped, other), guard.ScopeLimit[account], true},
		{"of another principal", guard.Chain(guard.Require[bound](key), free), guard.ScopeLimit[account], false},
		{"replaced inside", guard.Chain(mapped, free), guard.ScopeLimit[account], false},
		{"by one's own middleware", guard.Chain(guard.Require[bound](key), byHand), guard.ScopeLimit[account], true},
		{"by one's own middleware, mapped", guard.Chain(mapped, byHand), guard.ScopeLimit[account], true},
		{"by one's own middleware, without", guard.Chain(free, byHand), guard.ScopeLimit[account], false},
		{"no bounds", free, guard.ScopeLimit[account], false},
		{"nobody", guard.Optional[account](authenticates[account]{}), guard.ScopeLimit[account], false},
		{"no step", guard.Chain(), guard.ScopeLimit[account], false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.mw(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				scopes, limited := tt.ask(r.Context())
				if limited != tt.bound || limited && (len(scopes) != 1 || scopes[0] != "read") {
					t.Errorf("%q, %t; want bound %t", scopes, limited, tt.bound)
				}
			}))
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		})
	}
}
