// Command casbin is a server with casbin. Everyone is a viewer.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"
)

const rules = `
[request_definition]
r = sub, perm
[policy_definition]
p = sub, perm
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.perm == p.perm
`

func main() {
	m, err := model.NewModelFromString(rules)
	if err != nil {
		log.Fatal(err)
	}
	roles, err := casbin.NewEnforcer(m)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := roles.AddPolicies([][]string{{"viewer", "read"}, {"editor", "read"}, {"editor", "write"}}); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		allowed, err := roles.Enforce("viewer", "write")
		switch {
		case err != nil:
			http.Error(w, http.StatusText(500), 500)
		case !allowed:
			http.Error(w, http.StatusText(403), 403)
		default:
			fmt.Fprintln(w, "hello")
		}
	})
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
