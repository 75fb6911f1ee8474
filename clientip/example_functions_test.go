package clientip_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/ratelimit"
)

// A server without a proxy: 100 requests of each address in a minute.
func ExampleDirect() {
	limit, err := ratelimit.New(
		ratelimit.Limit{Quota: 100, Window: time.Minute},
		ratelimit.ByIP(clientip.Direct()),
		nil,
	)
	if err != nil {
		log.Fatal(err)
	}
	h := limit.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code)
	// Output: 200
}

// Two proxies: a content delivery network, and a load balancer of this network.
func ExampleXFF() {
	ip := clientip.XFF(
		netip.MustParsePrefix("10.0.0.0/8"),    // the load balancer
		netip.MustParsePrefix("192.0.2.0/24"),  // the content delivery network
		netip.MustParsePrefix("2001:db8::/32"), // its IPv6
	)
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:5000"
	r.Header.Set("X-Forwarded-For", "203.0.113.7, 192.0.2.80")
	fmt.Println(ip(r))

	r.Header.Set("X-Forwarded-For", "203.0.113.7, somewhere") // no proxy writes this
	_, err := ip(r)
	fmt.Println(err)
	// Output:
	// 203.0.113.7 <nil>
	// clientip: X-Forwarded-For: "somewhere" is not an address
}

// A platform whose router appends one address, and whose own addresses change.
func ExampleXFFCount() {
	ip := clientip.XFFCount(1)

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Forwarded-For", "1.2.3.4, 203.0.113.7") // the client wrote the first, the router the second
	fmt.Println(ip(r))
	// Output: 203.0.113.7 <nil>
}

// nginx on this host, with proxy_set_header X-Real-IP $remote_addr.
func ExampleHeader() {
	ip := clientip.Header("X-Real-IP", netip.MustParsePrefix("127.0.0.0/8"))

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "127.0.0.1:5000"
	r.Header.Set("X-Real-IP", "203.0.113.7")
	fmt.Println(ip(r))
	// Output: 203.0.113.7 <nil>
}

// A proxy that writes the standard field, with IPv6 in brackets and quotes.
func ExampleForwarded() {
	ip := clientip.Forwarded(netip.MustParsePrefix("10.0.0.0/8"))

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:5000"
	r.Header.Set("Forwarded", `for="[2001:db8::7]:4711";proto=https;by=10.0.0.1`)
	fmt.Println(ip(r))
	// Output: 2001:db8::7 <nil>
}
