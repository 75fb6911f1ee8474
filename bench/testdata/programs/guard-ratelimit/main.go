// Command guard-ratelimit is a server with one guard: a limit.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

func main() {
	limit := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Minute}, ratelimit.ByIP(clientip.Direct()), nil))
	http.Handle("GET /", limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })))
	log.Fatal(http.ListenAndServe(os.Getenv("ADDR"), nil))
}
