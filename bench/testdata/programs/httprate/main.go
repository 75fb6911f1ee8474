// Command httprate is a server with go-chi/httprate.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/httprate"
)

func main() {
	limit := httprate.LimitBy(1, time.Minute, func(r *http.Request) (string, error) {
		ip, _, err := net.SplitHostPort(r.RemoteAddr)
		return httprate.CanonicalizeIP(ip), err
	})
	http.Handle("GET /", limit(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })))
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
