package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

// Down is a store that fails, such as a Redis server that does not answer.
type Down struct{}

func (Down) Take(context.Context, []ratelimit.Take) ([]ratelimit.State, error) {
	return nil, errors.New("connection refused")
}

func (Down) GiveBack(context.Context, []ratelimit.Taken) error {
	return errors.New("connection refused")
}

// duringOutage returns the statuses of three requests while the store of a limit of 2 is down.
func duringOutage(f ratelimit.Failure) (statuses []int) {
	api := guard.Must(ratelimit.New(ratelimit.Limit{Name: "api", Quota: 2, Window: time.Hour}, ratelimit.ByIP(clientip.Direct()),
		&ratelimit.Options{Store: Down{}, OnFailure: f}))
	h := api.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	h = guard.Observe(func(*http.Request, guard.Decision) {})(h) // a program would log and count outages
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		statuses = append(statuses, w.Code)
	}
	return statuses
}

// Without a count, no request: the default.
func ExampleFailClosed() {
	fmt.Println(duringOutage(ratelimit.FailClosed()))
	// Output: [503 503 503]
}

// Requests matter more than the limit.
func ExampleFailOpen() {
	fmt.Println(duringOutage(ratelimit.FailOpen()))
	// Output: [200 200 200]
}

// The limit holds in each process while the shared store is down.
func ExampleFallback() {
	local := guard.Must(ratelimit.NewMemory(nil))
	fmt.Println(duringOutage(ratelimit.Fallback(local)))
	// Output: [200 200 429]
}

// A small store of one process, which refuses new clients where it is full rather than
// forget others.
func ExampleNewMemory() {
	small := guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Max: 1000, DenyNewWhenFull: true}))
	api, err := ratelimit.New(ratelimit.Limit{Name: "api", Quota: 10, Window: time.Minute}, ratelimit.ByIP(clientip.Direct()),
		&ratelimit.Options{Store: small})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	api.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code)
	// Output: 200
}

// Two limiters that share one bounded store have limits of different names.
func ExampleMemory() {
	shared := guard.Must(ratelimit.NewMemory(&ratelimit.MemoryOptions{Max: 100_000}))
	byTenant := ratelimit.ByHeader("X-Tenant")
	reads := guard.Must(ratelimit.New(ratelimit.Limit{Name: "reads", Quota: 100, Window: time.Minute}, byTenant, &ratelimit.Options{Store: shared}))
	writes := guard.Must(ratelimit.New(ratelimit.Limit{Name: "writes", Quota: 10, Window: time.Minute}, byTenant, &ratelimit.Options{Store: shared}))

	for _, limiter := range []*ratelimit.Limiter{reads, writes} {
		res, err := limiter.Take(context.Background(), "acme", 1)
		fmt.Println(res.Limit, res.Remaining, err)
	}
	// Output:
	// reads 99 <nil>
	// writes 9 <nil>
}

// Password hashing costs memory and time, for any client: 20 a second, and 2 at once.
func ExampleNewBucket() {
	hashing := guard.Must(ratelimit.NewBucket(20, 2))
	login := hashing.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))

	w := httptest.NewRecorder()
	login.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
	fmt.Println(w.Code)
	// Output: 200
}

// A webhook may start one build a minute, from all senders together.
func ExampleBucket_Wrap() {
	builds := guard.Must(ratelimit.NewBucket(1.0/60, 1))
	h := builds.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))

	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/build", nil))
		fmt.Println(w.Code, w.Header()["Retry-After"])
	}
	// Output:
	// 200 []
	// 429 [60]
}

// Only the requests that miss the cache are expensive.
func ExampleBucket_Take() {
	renders := guard.Must(ratelimit.NewBucket(1.0/60, 1))
	var cache sync.Map // of a path to its page
	h := func(w http.ResponseWriter, r *http.Request) {
		page, found := cache.Load(r.URL.Path)
		if !found {
			if err := renders.Take(); err != nil {
				guard.Refuse(w, r, err)
				return
			}
			page = "page " + r.URL.Path
			cache.Store(r.URL.Path, page)
		}
		fmt.Fprint(w, page)
	}

	for _, path := range []string{"/1", "/1", "/2"} {
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /1 200
	// /1 200
	// /2 429
}

// A quota of each day begins at midnight, here of UTC.
func ExampleDaily() {
	now := time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)
	exports := guard.Must(ratelimit.New(ratelimit.Limit{Name: "day", Quota: 1, Calendar: ratelimit.Daily(time.UTC)},
		ratelimit.ByIP(clientip.Direct()), &ratelimit.Options{Now: func() time.Time { return now }}))
	h := exports.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))

	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		fmt.Println(now.Format("15:04"), w.Code, w.Header()["Retry-After"])
		now = now.Add(30 * time.Minute)
	}
	// Output:
	// 23:00 200 []
	// 23:30 429 [1800]
	// 00:00 200 []
}

// A request that used less than it reserved gets the rest back.
func ExampleReservation_Settle() {
	tokens := guard.Must(ratelimit.New(ratelimit.Limit{Name: "tokens", Quota: 1000, Window: time.Hour}, ratelimit.ByIP(clientip.Direct()), nil))
	h := func(w http.ResponseWriter, r *http.Request) {
		reservation, err := tokens.Reserve(r, 800)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		used := 100 // the model says so
		if err := reservation.Settle(r.Context(), used); err != nil {
			fmt.Println(err) // the store failed: the request costs 800
		}
	}

	for range 4 {
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest("POST", "/complete", nil))
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 200
	// 200
	// 429
}
