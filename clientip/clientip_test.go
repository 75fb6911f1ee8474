package clientip_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/race"
)

func TestPanics(t *testing.T) {
	for name, wire := range map[string]func(){
		"XFF of nobody":             func() { clientip.XFF() },
		"Forwarded of nobody":       func() { clientip.Forwarded() },
		"Header of nobody":          func() { clientip.Header("X-Real-IP") },
		"Header without a name":     func() { clientip.Header("", proxies...) },
		"XFF of a prefix that none": func() { clientip.XFF(netip.Prefix{}) },
		"XFF of everybody":          func() { clientip.XFF(prefixes("0.0.0.0/0")...) },
		"XFF of everybody, v6":      func() { clientip.XFF(prefixes("10.0.0.0/8", "::/0")...) },
		"XFF of everybody, mapped":  func() { clientip.XFF(prefixes("::ffff:0.0.0.0/96")...) },
		"XFFCount of 0":             func() { clientip.XFFCount(0) },
		"XFFCount of -1":            func() { clientip.XFFCount(-1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p, ok := recover().(string); !ok || !strings.HasPrefix(p, "clientip: ") {
					t.Errorf("panic %v", p)
				}
			}()
			wire()
		})
	}
}

// TestTrustIsCopied: the caller's slice is not ours, and a mapped prefix is
// IPv4.
func TestTrustIsCopied(t *testing.T) {
	list := prefixes("::ffff:10.0.0.0/104")
	ip := clientip.XFF(list...)
	list[0] = netip.MustParsePrefix("192.0.2.0/24")
	if got, err := ip(request(proxy, "X-Forwarded-For", "203.0.113.7")); err != nil || got != netip.MustParseAddr("203.0.113.7") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Skip(err)
	}
	ip, direct := clientip.XFF(proxies...), clientip.Direct()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addr, err := ip(r)
		_, err2 := direct(r)
		fmt.Fprint(w, addr, err, err2 != nil)
	}))
	srv.Listener.Close()
	srv.Listener = listener
	srv.Start()
	defer srv.Close()
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://unix/", nil)
	r.Header.Add("X-Forwarded-For", "1.2.3.4")
	r.Header.Add("X-Forwarded-For", "203.0.113.7")
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); string(body) != "203.0.113.7 <nil> true" {
		t.Errorf("%s", body)
	}
}

var costs = []struct {
	name, header, short, long string
	ip                        clientip.Func
}{
	{"XFF", "X-Forwarded-For", "1.2.3.4, 203.0.113.7", strings.Repeat("1.2.3.4, ", 8000) + "203.0.113.7", clientip.XFF(proxies...)},
	{"XFFCount", "X-Forwarded-For", "1.2.3.4, 203.0.113.7", strings.Repeat("1.2.3.4, ", 8000) + "203.0.113.7", clientip.XFFCount(1)},
	{"Forwarded", "Forwarded", "for=1.2.3.4, for=203.0.113.7", strings.Repeat("for=1.2.3.4, ", 5600) + "for=203.0.113.7", clientip.Forwarded(proxies...)},
	{"Forwarded quoted", "Forwarded", `for="[2001:db8::1]:80";proto=https`, strings.Repeat(`"`, 72<<10) + `, for="[2001:db8::1]:80";proto=https`, clientip.Forwarded(proxies...)},
	{"Header", "X-Real-IP", "203.0.113.7", "203.0.113.7", clientip.Header("X-Real-IP", proxies...)},
	{"Direct", "X-Real-IP", "203.0.113.7", longRaw, clientip.Direct()},
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, tt := range costs {
		for _, line := range []string{tt.short, tt.long} {
			r := request(proxy, tt.header, line)
			if n := testing.AllocsPerRun(100, func() {
				if _, err := tt.ip(r); err != nil {
					t.Fatal(err)
				}
			}); n > 0 {
				t.Errorf("%s of %d bytes: %v allocations", tt.name, len(line), n)
			}
		}
	}
}

func BenchmarkClient(b *testing.B) {
	for _, tt := range costs {
		for name, line := range map[string]string{"short": tt.short, "72KB": tt.long} {
			b.Run(tt.name+"/"+name, func(b *testing.B) {
				r := request(proxy, tt.header, line)
				b.ReportAllocs()
				for b.Loop() {
					_, _ = tt.ip(r)
				}
			})
		}
	}
}

// TestMappedPrefixes: /8 of a mapped address is no network of IPv4 addresses,
// nor meant as one of all others.
func TestMappedPrefixes(t *testing.T) {
	for prefix, fine := range map[string]bool{
		"::ffff:10.0.0.0/104": true, "::ffff:10.0.0.0/8": false, "::ffff:0.0.0.0/90": false, "::ffff:0.0.0.0/96": false, "::/8": true,
	} {
		func() {
			defer func() {
				if p := recover(); (p == nil) != fine {
					t.Errorf("%s: %v", prefix, p)
				}
			}()
			clientip.XFF(netip.MustParsePrefix(prefix))
		}()
	}
}
