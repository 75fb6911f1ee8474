package interop_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"
	"github.com/cedar-policy/cedar-go"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/interop"
	"github.com/go-guard/guard/rbac"
)

const casbinModel = `
[request_definition]
r = sub, perm
[policy_definition]
p = sub, perm
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.perm == p.perm
`

const cedarPolicies = `
permit(principal in Role::"admin", action, resource);
permit(principal in Role::"user", action == Action::"posts:read", resource);
forbid(principal == User::"1", action == Action::"posts:write", resource) when { principal.broken };
`

func TestCasbinDecides(t *testing.T) {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		t.Fatal(err)
	}
	e, err := casbin.NewSyncedEnforcer(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range [][]string{{"admin", "posts:read"}, {"admin", "posts:write"}, {"user", "posts:read"}} {
		if _, err := e.AddPolicy(rule); err != nil {
			t.Fatal(err)
		}
	}
	e.AddGroupingPolicy("1", "admin")
	e.AddGroupingPolicy("2", "user")
	decides(t, guard.Must(interop.ByCasbin(e)), 200)

	e.SetModel(guard.Must(model.NewModelFromString(strings.Replace(casbinModel, "g(r.sub", "noSuchFunction(r.sub", 1))))
	if got := ask(t, guard.Must(interop.ByCasbin(e)), "key_alice", interop.Read); got != 500 {
		t.Errorf("an enforcer that fails: %d, want 500", got)
	}
}

func TestCedarDecides(t *testing.T) {
	policies, err := cedar.NewPolicySetFromBytes("posts.cedar", []byte(cedarPolicies))
	if err != nil {
		t.Fatal(err)
	}
	decides(t, guard.Must(interop.ByCedar(policies)), 500) // a forbid policy that cannot be evaluated
}

// decides tests both permissions. aliceWrites is the status of the admin's write.
func decides(t *testing.T, p *rbac.Policy[interop.User, interop.Perm], aliceWrites int) {
	t.Helper()
	tests := []struct {
		key  string
		perm interop.Perm
		want int
	}{
		{"", interop.Read, 401},
		{"key_alice", interop.Read, 200},
		{"key_alice", interop.Write, aliceWrites},
		{"key_bob", interop.Read, 200},
		{"key_bob", interop.Write, 403},
		{"key_carol", interop.Read, 403},
	}
	for _, tt := range tests {
		if got := ask(t, p, tt.key, tt.perm); got != tt.want {
			t.Errorf("%q, %s: %d, want %d", tt.key, tt.perm, got, tt.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an undeclared permission did not panic at wiring")
		}
	}()
	p.RequireAll("posts:raed")
}

func ask(t *testing.T, p *rbac.Policy[interop.User, interop.Perm], key string, perm interop.Perm) int {
	t.Helper()
	reached := false
	h := guard.Chain(interop.NewGuards().Keys.Wrap, p.RequireAll(perm))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached = true
		err := p.Check(r.Context(), perm)
		if has, failed := p.Has(perm)(r.Context()); err != nil || !has || failed != nil {
			t.Errorf("behind the gate: Check %v; Has %t, %v", err, has, failed)
		}
	}))
	anonymous := guard.Optional(interop.NewGuards().Keys)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e *guard.Error
		if err := p.Check(r.Context(), perm); !errors.As(err, &e) || e.Status != 401 {
			t.Errorf("without a principal: %v, want 401", err)
		}
	}))
	anonymous.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	if key != "" {
		r.Header.Set("X-API-Key", key)
	}
	h.ServeHTTP(w, r)
	if reached != (w.Code == 200) {
		t.Errorf("%d, reached %t", w.Code, reached)
	}
	return w.Code
}
