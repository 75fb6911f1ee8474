// Command guard-rbac is a server with one guard: roles. Everyone is a viewer.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/rbac"
)

func main() {
	roles := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"read", "write"},
		Roles:       map[string]rbac.Role[string]{"viewer": {Grants: []string{"read"}}, "editor": {Grants: []string{"read", "write"}}},
	}, func(role string) string { return role }, nil))
	write := roles.RequireAll("write")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") }))
	http.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		write.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), "viewer")))
	})
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
