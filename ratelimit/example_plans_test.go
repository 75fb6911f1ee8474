package ratelimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

// An Account is the principal of the examples. An authentication step finds it.
type Account struct{ ID, Org, Plan string }

func (a Account) id() string  { return a.ID }
func (a Account) org() string { return a.Org }

// request returns a request that an authentication step has passed on.
func request(a Account) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	return r.WithContext(guard.WithPrincipal(r.Context(), a))
}

// get serves a request and prints the status and some fields.
func get(h http.Handler, r *http.Request, fields ...string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	line := strconv.Itoa(w.Code)
	for _, name := range fields {
		line += " " + w.Header().Get(name)
	}
	fmt.Println(strings.TrimSpace(line))
}

// Plans: a customer has a quota, none (suspended), or no limit.
func ExampleOptions_plans() {
	plans := map[string]int{"free": 2, "pro": 1000, "suspended": 0, "partner": ratelimit.Unlimited} // of a database
	api := guard.Must(ratelimit.New(
		ratelimit.Limit{Name: "api", Quota: 1, Window: time.Hour}, // of a plan that does not exist
		ratelimit.ByPrincipal(Account.id),
		&ratelimit.Options{
			Headers: ratelimit.RateLimit,
			LimitsOf: func(ctx context.Context) ([]ratelimit.Limit, error) {
				a, _ := guard.PrincipalFrom[Account](ctx)
				quota, found := plans[a.Plan]
				if !found {
					return nil, nil
				}
				return []ratelimit.Limit{{Name: "api", Quota: quota, Window: time.Hour}}, nil
			},
		}))
	h := api.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))

	get(h, request(Account{ID: "1", Plan: "free"}), "RateLimit")
	get(h, request(Account{ID: "2", Plan: "pro"}), "RateLimit")
	get(h, request(Account{ID: "3", Plan: "suspended"}), "RateLimit", "Retry-After")
	get(h, request(Account{ID: "4", Plan: "partner"}), "RateLimit")
	plans["free"] = 5 // what was taken still counts
	get(h, request(Account{ID: "1", Plan: "free"}), "RateLimit")

	// Output:
	// 200 "api";r=1;t=3600
	// 200 "api";r=999;t=3600
	// 403
	// 200
	// 200 "api";r=3;t=3600
}

// Only answers that failed count: here, three wrong codes an hour.
func ExampleOptions_settle() {
	codes := guard.Must(ratelimit.New(
		ratelimit.Limit{Name: "codes", Quota: 3, Window: time.Hour}, ratelimit.ByIP(clientip.Direct()),
		&ratelimit.Options{Settle: func(status int) int {
			if status < 400 {
				return 0
			}
			return 1
		}}))
	h := codes.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("code") != "right" {
			guard.Refuse(w, r, guard.NotFound("Unknown code"))
		}
	}))

	for _, code := range []string{"right", "wrong", "right", "wrong", "wrong", "right"} {
		get(h, httptest.NewRequest("GET", "/?code="+code, nil))
	}

	// Output:
	// 200
	// 404
	// 200
	// 404
	// 404
	// 429
}

// Tokens of a language model: the request reserves the most that it can use, and
// settles what it used.
func ExampleLimiter_Reserve() {
	tokens := guard.Must(ratelimit.New(
		ratelimit.Limit{Name: "tokens", Quota: 1000, Window: time.Hour}, ratelimit.ByPrincipal(Account.id), nil))
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most, err := strconv.Atoi(r.FormValue("max_tokens"))
		if err != nil {
			guard.Refuse(w, r, &guard.Error{Status: http.StatusBadRequest, Err: err})
			return
		}
		reservation, err := tokens.Reserve(r, most)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		used := most / 4 // a program would call the model, and send its answer
		if err := reservation.Settle(r.Context(), used); err != nil {
			fmt.Println(err) // the store failed: the request costs what it reserved
		}
	})

	for _, most := range []string{"800", "800", "800", "800"} {
		r := request(Account{ID: "1"})
		r.URL.RawQuery = "max_tokens=" + most
		get(h, r)
	}
	left, err := tokens.Peek(context.Background(), "1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(left.Remaining, "left")

	// Output:
	// 200
	// 200
	// 429
	// 429
	// 600 left
}

// A user and the organisation: both limits are taken, or none.
func ExampleOptions_alsoBy() {
	api := guard.Must(ratelimit.New(
		ratelimit.Limit{Name: "user", Quota: 2, Window: time.Minute}, ratelimit.ByPrincipal(Account.id),
		&ratelimit.Options{
			Headers: ratelimit.RateLimit,
			AlsoBy: []ratelimit.By{{
				Key:    ratelimit.ByPrincipal(Account.org),
				Limits: []ratelimit.Limit{{Name: "org", Quota: 3, Window: time.Minute}},
			}},
		}))
	h := api.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))

	for _, id := range []string{"ann", "ann", "ann", "bob", "eve"} {
		get(h, request(Account{ID: id, Org: "acme"}), "RateLimit")
	}
	if err := api.Reset(context.Background(), "", "acme"); err != nil { // by an operator; Ann's count stays
		fmt.Println(err)
	}
	get(h, request(Account{ID: "eve", Org: "acme"}), "RateLimit")

	// Output:
	// 200 "user";r=1;t=60, "org";r=2;t=60
	// 200 "user";r=0;t=60, "org";r=1;t=60
	// 429 "user";r=0;t=60, "org";r=1;t=60
	// 200 "user";r=1;t=60, "org";r=0;t=60
	// 429 "user";r=2;t=0, "org";r=0;t=60
	// 200 "user";r=1;t=60, "org";r=2;t=60
}

// Two exports of a customer at a time.
func ExampleConcurrent() {
	exports := guard.Must(ratelimit.New(ratelimit.Concurrent(2), ratelimit.ByPrincipal(Account.id),
		&ratelimit.Options{Headers: ratelimit.RateLimit}))
	started, done := make(chan bool, 3), make(chan bool)
	h := exports.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started <- true
		<-done
	}))

	var slow sync.WaitGroup
	for range 2 {
		slow.Go(func() { h.ServeHTTP(httptest.NewRecorder(), request(Account{ID: "1"})) })
		<-started
	}
	get(h, request(Account{ID: "1"}), "RateLimit", "Retry-After")
	close(done)
	slow.Wait()
	get(h, request(Account{ID: "1"}), "RateLimit", "Retry-After")

	// Output:
	// 429 "concurrent";r=0 1
	// 200 "concurrent";r=1
}

// A quota that is sold by the month counts from the customer's billing day.
func ExampleMonthly() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 2, 27, 12, 0, 0, 0, time.UTC)
	api := guard.Must(ratelimit.New(
		ratelimit.Limit{Name: "month", Quota: 10_000, Calendar: ratelimit.Monthly(31, berlin)}, ratelimit.ByPrincipal(Account.id),
		&ratelimit.Options{Headers: ratelimit.RateLimit, Now: func() time.Time { return now }}))
	h := api.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))

	get(h, request(Account{ID: "1"}), "RateLimit") // until the last day of February begins
	get(h, request(Account{ID: "1"}), "RateLimit")
	now = now.Add(11 * time.Hour)
	get(h, request(Account{ID: "1"}), "RateLimit")

	// Output:
	// 200 "month";r=9999;t=39600
	// 200 "month";r=9998;t=39600
	// 200 "month";r=9999;t=2674800
}
