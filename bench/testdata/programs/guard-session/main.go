// Command guard-session is a server with one guard: sessions.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

type profile struct {
	Role string `json:"role"`
}

func main() {
	sessions := guard.Must(session.New[profile](nil))
	http.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.Create(w, r, "1", profile{"editor"}); err != nil {
			guard.Refuse(w, r, err)
		}
	})
	http.Handle("GET /", sessions.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[profile]) {
		fmt.Fprintln(w, s.Sub(), s.Data().Role)
	})))
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
