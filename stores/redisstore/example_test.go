package redisstore_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/session"
	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// Sessions and a limit that all processes share. It needs a Redis, so that its
// output is not tested.
func Example() {
	client := redis.NewClient(&redis.Options{
		Addr:                  "127.0.0.1:6379",
		ContextTimeoutEnabled: true,        // required: a command ends by its deadline
		MaxRetries:            -1,          // required: a command whose answer was lost would run twice
		DialTimeout:           time.Second, // after SYNs were lost, connections open again within a second
		DialerRetries:         1,
	})
	stores := guard.Must(redisstore.New(context.Background(), client, "myapp"))

	sessions := guard.Must(session.New[struct{}](&session.Options{Store: stores.Sessions()}))
	limit := guard.Must(ratelimit.New(
		ratelimit.Limit{Name: "requests", Quota: 100, Window: time.Minute},
		ratelimit.ByIP(clientip.Direct()),
		&ratelimit.Options{Store: stores.RateLimits()},
	))

	http.Handle("GET /", guard.Chain(limit.Wrap, sessions.Wrap)(
		guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[struct{}]) {
			fmt.Fprintf(w, "Hello, %s!\n", s.Sub())
		})))
	fmt.Println(http.ListenAndServe("127.0.0.1:8080", nil))
}
