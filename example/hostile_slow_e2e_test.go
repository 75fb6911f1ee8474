package main_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestHostileSlow: clients that begin a request and do not go on keep nobody
// else from being served. Half a request is refused when its sender hangs up,
// and nothing of it stays.
func TestHostileSlow(t *testing.T) {
	t.Parallel()
	p := start(t)
	before := p.usage(t)
	halves := map[string]string{
		"a method":      "PO",
		"a field":       "GET /apikey/protected HTTP/1.1\r\nHost: x\r\nX-API-Key: key_12345",
		"the last line": "GET /apikey/protected HTTP/1.1\r\nHost: x\r\nX-API-Key: key_12345\r\n",
	}
	for _, path := range []string{"/jwt/login", "/refresh/login", "/refresh/refresh", "/session/login", "/practices/login", "/complete/login"} {
		halves["a body to "+path] = strings.TrimSuffix(wire("POST "+path, nil, alice), `"}`)
		halves["chunks to "+path] = "POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\nff\r\n\"email\""
	}
	var open []*net.TCPConn
	for range 20 {
		for name, half := range halves {
			conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, half)
			open = append(open, conn.(*net.TCPConn))
		}
	}
	p.rows(t, []row{
		{"meanwhile", call{do: "GET /apikey/protected", header: []string{"X-API-Key: key_12345"}}, 200, "", nil},
		{"a login meanwhile", call{do: "POST /jwt/login", body: alice}, 200, "", nil},
	})
	for _, conn := range open {
		_ = conn.CloseWrite()
	}
	for _, conn := range open {
		_ = conn.SetDeadline(time.Now().Add(harness.Patience))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		switch {
		case err != nil: // it is closed without an answer
		case res.StatusCode < 400 || res.StatusCode >= 500:
			t.Errorf("half a request: status %d", res.StatusCode)
		}
		conn.Close()
	}
	if after := p.usage(t); after.files > before.files+4 {
		t.Errorf("open files grew from %v to %v", before, after)
	}
	p.stop(t)
}
