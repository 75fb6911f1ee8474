package rbac_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

func TestSwap(t *testing.T) {
	p := newPolicy(t, nil)
	gate := p.RequireRole("moderator")
	read := p.WithMessage("No").RequireAll(usersRead) // derived copies swap too
	next := spec()
	next.Roles["guest"] = rbac.Role[perm]{Grants: []perm{usersRead}}
	if err := p.Swap(next); err != nil {
		t.Fatal(err)
	}
	if w, _, made := serve(read, as("guest")); w.Code != 200 || made[0].Generation != 2 || p.Generation() != 2 {
		t.Errorf("after the swap: %d, %+v", w.Code, made)
	}
	bad := map[string]rbac.Spec[perm]{
		"unknown permission": {Roles: map[string]rbac.Role[perm]{"moderator": {Grants: []perm{"users:raed"}}}},
		"without roles":      {},
		`role "moderator"`:   {Roles: map[string]rbac.Role[perm]{"admin": {}}},
		"is new":             {Permissions: []perm{usersRead, usersDelete, postsRead, postsWrite, "x"}, Roles: next.Roles},
		"is missing":         {Permissions: permissions[:3], Roles: next.Roles},
		"twice":              {Permissions: []perm{"x", "x"}, Roles: next.Roles},
	}
	for want, s := range bad {
		if err := p.Swap(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Swap: %v does not mention %s", err, want)
		}
	}
	if w, _, made := serve(read, as("guest")); w.Code != 200 || made[0].Generation != 2 {
		t.Errorf("after wrong swaps: %d, %+v", w.Code, made)
	}
	next.Permissions = nil // those of before
	if err := p.Swap(next); err != nil || p.Generation() != 3 {
		t.Errorf("Swap = %v, generation %d", err, p.Generation())
	}
	if w, _, _ := serve(gate, as("moderator")); w.Code != 200 {
		t.Errorf("the old gate: %d", w.Code)
	}
}

// One request is decided by one policy, even if it is swapped in between.
func TestSwapWithinARequest(t *testing.T) {
	p := newPolicy(t, nil)
	less := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"user": {}}}
	swap := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := p.Swap(less); err != nil {
				t.Error(err)
			}
			next.ServeHTTP(w, r)
		})
	}
	w, _, made := serve(guard.Chain(p.RequireAll(postsRead), swap, p.RequireAll(postsWrite)), as("user"))
	if w.Code != 200 || len(made) != 2 || made[1].Generation != 1 {
		t.Errorf("%d %+v", w.Code, made)
	}
	if w, _, _ := serve(p.RequireAll(postsRead), as("user")); w.Code != 403 {
		t.Errorf("the next request: %d", w.Code)
	}
}

// Under load each request sees one of two policies whole: the first grants
// users:read and posts:read, the second neither.
func TestSwapUnderLoad(t *testing.T) {
	p := newPolicy(t, nil)
	both := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"u": {Grants: []perm{usersRead, postsRead}}}}
	none := rbac.Spec[perm]{Roles: map[string]rbac.Role[perm]{"u": {}}}
	if err := p.Swap(both); err != nil {
		t.Fatal(err)
	}
	h := p.RequireAny(usersRead, usersDelete)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if !p.Has(postsRead)(r.Context()) || p.Check(r.Context(), usersRead) != nil {
			t.Error("a request saw two policies")
		}
	}))
	stop := make(chan struct{})
	var swaps, load sync.WaitGroup
	for range 2 {
		swaps.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				_ = p.Swap([]rbac.Spec[perm]{both, none, {}}[i%3])
			}
		})
	}
	for range 4 {
		load.Go(func() {
			for range 2000 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, as("u"))
				if w.Code != 200 && w.Code != 403 {
					t.Errorf("status %d", w.Code)
				}
			}
		})
	}
	load.Wait()
	close(stop)
	swaps.Wait()
}
