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
	"github.com/go-guard/guard/internal/testing/harness"
)

func TestPanics(t *testing.T) {
	for name, wire := range map[string]func(){
		"XFF of no proxy":              func() { clientip.XFF() },
		"Forwarded of no proxy":        func() { clientip.Forwarded() },
		"Header of no proxy":           func() { clientip.Header("X-Real-IP") },
		"Header without a name":        func() { clientip.Header("", proxies...) },
		"XFF of an invalid prefix":     func() { clientip.XFF(netip.Prefix{}) },
		"XFF of all addresses":         func() { clientip.XFF(prefixes("0.0.0.0/0")...) },
		"XFF of all addresses, v6":     func() { clientip.XFF(prefixes("10.0.0.0/8", "::/0")...) },
		"XFF of all addresses, mapped": func() { clientip.XFF(prefixes("::ffff:0.0.0.0/96")...) },
		"XFFCount of 0":                func() { clientip.XFFCount(0) },
		"XFFCount of -1":               func() { clientip.XFFCount(-1) },
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

// TestPrefixesAreCopied: a change of the caller's slice has no effect, and a mapped
// prefix is IPv4.
func TestPrefixesAreCopied(t *testing.T) {
	list := prefixes("::ffff:10.0.0.0/104")
	ip := clientip.XFF(list...)
	list[0] = netip.MustParsePrefix("192.0.2.0/24")
	if got, err := ip(request(proxy, "X-Forwarded-For", "203.0.113.7")); err != nil || got != netip.MustParseAddr("203.0.113.7") {
		t.Errorf("%v, %v", got, err)
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

func TestDirect(t *testing.T) {
	runTable(t, clientip.Direct(), "X-Forwarded-For", []tableCase{
		{"IPv4", "203.0.113.9:1", l("1.2.3.4"), "203.0.113.9"},
		{"IPv6", "[2001:db8::9]:1", l("1.2.3.4"), "2001:db8::9"},
		{"mapped", "[::ffff:203.0.113.9]:1", nil, "203.0.113.9"},
		{"zoned", "[fe80::9%eth0]:1", nil, "fe80::9"},
		{"without port", "203.0.113.9", nil, "203.0.113.9"},
		{"junk", "pipe", nil, ""},
		{"none", "", nil, ""},
		{"a Unix socket", "@", l("1.2.3.4"), ""},
		{"a named Unix socket", "/run/app.sock", nil, ""},
	})
}

// TestUnnamedUnixPeer: some peers have no name. The address of the listener shows
// that they are on a Unix socket.
func TestUnnamedUnixPeer(t *testing.T) {
	ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, &net.UnixAddr{Name: "/run/app.sock", Net: "unix"})
	r := request("", "X-Forwarded-For", "203.0.113.7").WithContext(ctx)
	if got, err := clientip.XFF(proxies...)(r); err != nil || got != netip.MustParseAddr("203.0.113.7") {
		t.Errorf("XFF: %v, %v", got, err)
	}
	if got, err := clientip.Direct()(r); err == nil {
		t.Errorf("Direct: %v", got)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		harness.Needs(t, "Unix sockets: %v", err)
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
