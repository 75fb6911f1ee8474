package ratelimit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

// A Customer is the principal of the examples. An authentication step finds it.
type Customer struct{ ID, Org string }

func (c Customer) id() string { return c.ID }

// from returns a request of an address.
func from(addr string) *http.Request {
	r := httptest.NewRequest("GET", "/search", nil)
	r.RemoteAddr = addr + ":1234"
	return r
}

// by returns a request of a customer, as guard.Require passes it on.
func by(id string) *http.Request {
	r := httptest.NewRequest("GET", "/search", nil)
	return r.WithContext(guard.WithPrincipal(r.Context(), Customer{ID: id}))
}

// send sends requests through a limiter, and prints the statuses of the answers.
func send(m guard.Middleware, requests ...*http.Request) {
	h := m(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	var codes []int
	for _, r := range requests {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		codes = append(codes, w.Code)
	}
	fmt.Println(codes)
}

// Two requests a minute of each address. The error has every mistake.
func ExampleNew() {
	search, err := ratelimit.New(ratelimit.Limit{Quota: 2, Window: time.Minute}, ratelimit.ByIP(clientip.Direct()), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	send(search.Wrap, from("192.0.2.1"), from("192.0.2.1"), from("192.0.2.1"), from("192.0.2.2"))

	_, err = ratelimit.New(ratelimit.Limit{Quota: -1}, nil, nil)
	fmt.Println(err)
	// Output:
	// [200 200 429 200]
	// ratelimit: the key is nil
	// ratelimit: limit "default": quota -1 is not from 1 to 1073741824: only LimitsOf may return 0 and Unlimited
	// ratelimit: limit "default": window 0s is not from 1ms to 8784h0m0s
}

// Wrap is the middleware of a route. A refusal has a Retry-After.
func ExampleLimiter_Wrap() {
	search := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Minute}, ratelimit.ByIP(clientip.Direct()), nil))
	mux := http.NewServeMux()
	mux.Handle("GET /search", search.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "found") })))

	for range 2 {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", "/search", nil))
		fmt.Println(w.Code, w.Header()["Retry-After"], w.Body)
	}
	// Output:
	// 200 [] found
	// 429 [60] {"error":"Too Many Requests","message":"Too many requests. Try again later."}
}

// Behind a load balancer of the network 10.0.0.0/8, the client is the last address that it
// wrote. Without a proxy, the argument is clientip.Direct().
func ExampleByIP() {
	client := clientip.XFF(netip.MustParsePrefix("10.0.0.0/8"))
	search := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Minute}, ratelimit.ByIP(client), nil))

	first, second := from("10.0.0.7"), from("10.0.0.7")
	first.Header.Set("X-Forwarded-For", "192.0.2.1")
	second.Header.Set("X-Forwarded-For", "192.0.2.2")
	send(search.Wrap, first, second, first)
	// Output: [200 200 429]
}

// A customer has a whole network: of IPv4 the /24 and of IPv6 the /48 share a quota.
func ExampleByIPPrefix() {
	key := ratelimit.ByIPPrefix(clientip.Direct(), 24, 48)
	search := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Minute}, key, nil))
	send(search.Wrap, from("192.0.2.1"), from("192.0.2.99"), from("198.51.100.1"))
	send(search.Wrap, from("[2001:db8:1:1::1]"), from("[2001:db8:1:2::1]"), from("[2001:db8:2::1]"))
	// Output:
	// [200 429 200]
	// [200 429 200]
}

// A quota of each user, wherever they are. The limiter belongs inside authentication.
func ExampleByPrincipal() {
	key := ratelimit.ByPrincipal(func(c Customer) string { return c.ID })
	api := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Minute}, key, nil))
	send(api.Wrap, by("alice"), by("bob"), by("alice"))
	// Output: [200 200 429]
}

// A gateway authenticates the tenants, and sets the field in place of the client's.
func ExampleByHeader() {
	api := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Minute}, ratelimit.ByHeader("X-Tenant"), nil))
	acme := httptest.NewRequest("GET", "/", nil)
	acme.Header.Set("X-Tenant", "acme")
	send(api.Wrap, acme, acme, httptest.NewRequest("GET", "/", nil))
	// Output: [200 429 400]
}

// Each user has a quota for each country to which they send messages.
func ExampleJoin() {
	country := func(r *http.Request) (string, error) { return r.PathValue("country"), nil }
	sms := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 1, Window: time.Hour}, ratelimit.Join(ratelimit.ByPrincipal(Customer.id), country), nil))
	request := func(id, country string) *http.Request {
		r := by(id)
		r.SetPathValue("country", country) // the mux does: "POST /sms/{country}"
		return r
	}
	send(sms.Wrap, request("alice", "DE"), request("alice", "DE"), request("alice", "FR"), request("bob", "DE"))
	// Output: [200 429 200 200]
}

// A worker takes from the quota of a customer: there is no request.
func ExampleLimiter_Take() {
	mails := guard.Must(ratelimit.New(ratelimit.Limit{Name: "mails", Quota: 500, Window: 24 * time.Hour}, ratelimit.ByPrincipal(Customer.id), nil))

	for range 2 {
		res, err := mails.Take(context.Background(), "alice", 300) // the key is what ByPrincipal returns
		if err != nil {
			fmt.Println(err) // the store failed
			return
		}
		if !res.OK {
			fmt.Println("not yet") // try again in res.RetryAfter
			continue
		}
		fmt.Println("send 300 mails;", res.Remaining, "left")
	}
	// Output:
	// send 300 mails; 200 left
	// not yet
}

// A page shows a customer's quota, without a request of it.
func ExampleLimiter_Peek() {
	api := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 100, Window: time.Hour}, ratelimit.ByPrincipal(Customer.id), nil))
	send(api.Wrap, by("alice"), by("alice"))

	res, err := api.Peek(context.Background(), "alice")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Remaining, "of", res.Quota)
	// Output:
	// [200 200]
	// 98 of 100
}

// A handler writes the rest of the quota into its answer.
func ExampleLimiter_From() {
	api := guard.Must(ratelimit.New(ratelimit.Limit{Quota: 100, Window: time.Hour}, ratelimit.ByPrincipal(Customer.id),
		&ratelimit.Options{InContext: true}))
	h := api.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if res, found := api.From(r.Context()); found {
			fmt.Fprintf(w, `{"quotaLeft":%d}`, res.Remaining)
		}
	}))

	w := httptest.NewRecorder()
	h.ServeHTTP(w, by("alice"))
	fmt.Println(w.Body)
	// Output: {"quotaLeft":99}
}
