package main

import (
	"context"
	"net/http"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/rbac"
)

type article struct{ ID, Author string }

// stack returns a whole protected route: the router, one of two authenticators, roles
// and the owner. connectrpc/authn, which is authentication alone, was not available
// from the module proxy.
func stack() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /articles/{id}", stackAround(ok))
	return mux
}

// stackAround returns the stack without the router, around a handler.
func stackAround(h http.Handler) http.Handler {
	members := map[string]member{"token_alice": {"1", "editor"}}
	articles := map[string]*article{"7": {"7", "1"}}
	find := func(_ context.Context, credential string) (member, bool, error) {
		m, found := members[credential]
		return m, found, nil
	}
	keys := guard.Must(apikey.New(find, nil))
	tokens := guard.Must(bearer.New(find, nil))
	roles := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"articles:write"},
		Roles:       map[string]rbac.Role[string]{"editor": {Grants: []string{"articles:write"}}},
	}, func(m member) string { return m.Role }, nil))
	owned := guard.Must(owner.New(func(r *http.Request, _ member) (*article, bool, error) {
		a, found := articles[r.PathValue("id")]
		return a, found, nil
	}, nil))
	author := func(m member, a *article) bool { return owner.Same(m.ID, a.Author) }

	return guard.Chain(
		guard.Require(keys, tokens), roles.RequireAll("articles:write"), owned.Require(author),
	)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		check(owned.From(r.Context()).ID == "7", "the article")
		h.ServeHTTP(w, r)
	}))
}

// bareMux returns the same route without guards.
func bareMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /articles/{id}", func(w http.ResponseWriter, r *http.Request) {
		check(r.PathValue("id") == "7", "the path value")
		w.WriteHeader(200)
	})
	return mux
}

func route(settings) (comparison, error) {
	r := request("/articles/7", "Authorization", "Bearer token_alice")
	return comparison{
		benchmarks: []benchmark{
			{"guard: mux, one of two authenticators, rbac, owner", ours, serving(stack(), r, 200)},
			{"guard: the same, anonymous", ours, serving(stack(), request("/articles/7"), 401)},
			{"bare ServeMux", lowerBound, serving(bareMux(), r, 200)},
		},
		bars: []bar{
			allocs("guard: mux, one of two authenticators, rbac, owner", 8),
			ratio("guard: mux, one of two authenticators, rbac, owner", "bare ServeMux", 9),
		},
	}, nil
}
