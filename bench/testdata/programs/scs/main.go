// Command scs is a server with alexedwards/scs.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/alexedwards/scs/v2"
)

func main() {
	sessions := scs.New()
	http.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.RenewToken(r.Context()); err != nil {
			http.Error(w, http.StatusText(500), 500)
			return
		}
		sessions.Put(r.Context(), "subject", "1")
		sessions.Put(r.Context(), "role", "editor")
	})
	http.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		subject := sessions.GetString(r.Context(), "subject")
		if subject == "" {
			http.Error(w, http.StatusText(401), 401)
			return
		}
		fmt.Fprintln(w, subject, sessions.GetString(r.Context(), "role"))
	})
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), sessions.LoadAndSave(http.DefaultServeMux)))
}
