package clientip_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/go-guard/guard/clientip"
)

func Example() {
	ip := clientip.XFF(netip.MustParsePrefix("10.0.0.0/8")) // our load balancers

	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addr, err := ip(r)
		fmt.Println(addr, err)
	})

	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:5000"
	r.Header.Set("X-Forwarded-For", "1.2.3.4, 203.0.113.7") // the client wrote the first, the load balancer the second
	h.ServeHTTP(httptest.NewRecorder(), r)

	r.RemoteAddr = "198.51.100.9:5000" // not a load balancer: the header is anybody's
	h.ServeHTTP(httptest.NewRecorder(), r)

	// Output:
	// 203.0.113.7 <nil>
	// 198.51.100.9 <nil>
}
