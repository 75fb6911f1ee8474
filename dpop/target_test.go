package dpop_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/prover"
)

// confirms reports whether a proof with this htu is accepted for a request.
func confirms(t testing.TB, p *dpop.Proofs, r *http.Request, htu string) bool {
	t.Helper()
	r.Header.Set("DPoP", client.Proof(r.Method, htu, "token", "", time.Now()))
	err := p.Confirm(r, "DPoP", "token", `{"jkt":"`+client.Thumbprint()+`"}`)
	if err != nil && !strings.Contains(err.Error(), "htu is not") {
		t.Errorf("%s: %v", htu, err)
	}
	return err == nil
}

// TestURLs: what RFC 3986, sections 6.2.2 and 6.2.3, calls equivalent is, and nothing else.
func TestURLs(t *testing.T) {
	for _, tt := range []struct {
		origin, htu, path string
		want              bool
	}{
		{origin, origin + "/profile", "/profile", true},
		{origin, origin + "/profile?a=b#c", "/profile", true},
		{origin, origin + "/profile", "/profile?a=b&htu=c", true},
		{origin, origin + "/profile#c?d", "/profile", true},
		{origin, "HTTPS://API.Example.COM/profile", "/profile", true},
		{origin, "https://api.example.com:443/profile", "/profile", true},
		{origin, "https://api.example.com:/profile", "/profile", true},
		{origin, origin + "/a/./b/../profile", "/a/profile", true},
		{origin, origin + "/%70rofile", "/profile", true},
		{origin, origin + "/profile", "/%70rofile", true},
		{origin, origin + "/a%2fb", "/a%2Fb", true},
		{origin, origin + "/a%2fb", "/a/b", false},
		{origin, origin + "/%2e%2e/profile", "/profile", true},
		{origin, origin, "/", true},
		{origin, origin + "/", "/", true},
		{origin, origin + "?a=b", "/", true},
		{origin, origin + "/a|b", "/a%7Cb", true}, // as browsers and others write it
		{origin, origin + "/ä", "/%C3%A4", true},
		{origin, origin + "/a+b", "/a%2Bb", false},
		{origin, origin + "/a//b", "/a/b", false},
		{origin, origin + "/a/", "/a", false},
		{origin, origin + "/a/..", "/", true},
		{origin, origin + "/a/.", "/a/", true},
		{origin, origin + "/a/.", "/a", false},
		{origin, origin + "/..", "/", true},
		{"https://api.example.com:8443", "https://api.example.com:8443/a", "/a", true},
		{"https://api.example.com:8443", "https://api.example.com/a", "/a", false},
		{"https://API.example.com:443", origin + "/a", "/a", true},
		{"http://localhost:8080", "http://localhost:8080/a", "/a", true},
		{"http://localhost", "http://localhost:80/a", "/a", true},
		{"https://[2001:db8::1]", "https://[2001:DB8::1]:443/a", "/a", true},
		{"https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/a", "/a", true},
	} {
		p := guard.Must(dpop.New(tt.origin, nil))
		if got := confirms(t, p, httptest.NewRequest("GET", tt.path, nil), tt.htu); got != tt.want {
			t.Errorf("%s for %s at %s: %t", tt.htu, tt.path, tt.origin, got)
		}
	}
}

// The URL is that which the client sent, whatever handlers and clients made of it.
func TestURLOfTheClient(t *testing.T) {
	p := guard.Must(dpop.New(origin, nil))
	var got bool
	h := http.StripPrefix("/v1", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = confirms(t, p, r, origin+"/v1/profile") && !confirms(t, p, r, origin+"/profile")
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/profile", nil))
	if !got {
		t.Error("behind StripPrefix")
	}
	r := guard.Must(http.NewRequest("GET", "https://other.example.com/profile", nil)) // without RequestURI
	if !confirms(t, p, r, origin+"/profile") || confirms(t, p, r, "https://other.example.com/profile") {
		t.Error("a request without RequestURI")
	}
	r = httptest.NewRequest("GET", "https://other.example.com/profile", nil) // the absolute form, of a proxy's client
	r.RequestURI = "https://other.example.com/profile"
	if !confirms(t, p, r, origin+"/profile") || confirms(t, p, r, "https://other.example.com/profile") {
		t.Error("a request in absolute form")
	}
	// The absolute form, behind StripPrefix: the proof of a path is none for a longer one.
	r = httptest.NewRequest("GET", "/v1/profile", nil)
	r.RequestURI = "https://other.example.com/v1/profile?a=b"
	if h.ServeHTTP(httptest.NewRecorder(), r); !got {
		t.Error("a request in absolute form behind StripPrefix")
	}
	p = guard.Must(dpop.New(origin, &dpop.Options{Prefix: "/v1"}))
	r = httptest.NewRequest("GET", "/profile", nil)
	if !confirms(t, p, r, origin+"/v1/profile") || confirms(t, p, r, origin+"/profile") {
		t.Error("behind a proxy that removes /v1")
	}
}

// TestRequestTargets: each form that a request target has (RFC 9112, section 3.2) over
// TCP, with the one path that a proof for it names. Neither its host nor Host counts.
func TestRequestTargets(t *testing.T) {
	p := guard.Must(dpop.New(origin, nil))
	paths := []string{"/", "/profile", "/v1/profile", "//evil.example.com/profile", "/*"}
	accepted := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.URL.Path, r.URL.RawPath = "/profile", "" // a handler in between changed it
		var list []string
		for _, path := range paths {
			if confirms(t, p, r, origin+path) {
				list = append(list, path)
			}
		}
		accepted <- strings.Join(list, " ")
	}))
	defer server.Close()
	for line, want := range map[string]string{
		"GET /v1/profile?a=/profile":                       "/v1/profile",
		"GET http://evil.example.com/v1/profile?a=/":       "/v1/profile",
		"GET https://api.example.com:443/v1/profile":       "/v1/profile",
		"GET http://a:b@api.example.com/v1/%70rofile":      "/v1/profile",
		"GET http://evil.example.com":                      "/",
		"GET http://evil.example.com?https://x/v1/profile": "/",
		"GET //evil.example.com/profile":                   "//evil.example.com/profile",
		"GET /v1/../v1/./profile":                          "/v1/profile",
		"GET /v1%2Fprofile":                                "",
		"CONNECT api.example.com:443":                      "/",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n", line)
		if got := <-accepted; got != want {
			t.Errorf("%s: a proof for %q is accepted; want %q", line, got, want)
		}
		conn.Close()
	}
}

// twin is the normal form of a URL by net/url.
func twin(s string) (string, bool) {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i]
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.User != nil || !strings.EqualFold(u.Scheme, "https") || !strings.EqualFold(strings.TrimSuffix(strings.TrimSuffix(u.Host, ":443"), ":"), "api.example.com") {
		return "", false
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return path, true
}

// FuzzURL: a URL with our origin in its plain spelling is that of the request for its own
// path, and one that net/url reads as another host, or not at all, is that of none.
func FuzzURL(f *testing.F) {
	for _, s := range []string{origin + "/a/../b", origin + "/%7e", "https://api.example.com@evil/", "https://api.example.com:443/a?b#c", origin + "/a%2fb//c/./", "//x", origin + "/\xff"} {
		f.Add(s)
	}
	p := guard.Must(dpop.New(origin, &dpop.Options{MaxPerKey: 1 << 30}))
	f.Fuzz(func(t *testing.T, htu string) {
		payload := client.Payload("GET", htu, "token", "", time.Now())
		if len(htu) > 1000 || !strings.Contains(string(prover.JSON(payload)), "htu") {
			return
		}
		path, ok := twin(htu)
		if !ok {
			path = "/"
		}
		r := &http.Request{Method: "GET", URL: &url.URL{}, RequestURI: path, Header: http.Header{}}
		r.Header.Set("DPoP", client.Sign(prover.JSON(client.Header()), prover.JSON(payload)))
		err := p.Confirm(r, "DPoP", "token", `{"jkt":"`+client.Thumbprint()+`"}`)
		if err == nil && !ok {
			t.Errorf("%q is accepted", htu)
		}
		// net/url escapes anew what it must escape a part of.
		if err != nil && ok && strings.Contains(htu+"/", path) && !strings.ContainsFunc(htu, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			t.Errorf("%q is refused for %q: %v", htu, path, err)
		}
	})
}

// FuzzProof: no text panics, and none that is not signed by the key is accepted.
func FuzzProof(f *testing.F) {
	right := client.Proof("GET", origin+"/profile", "token", "", now)
	for _, s := range []string{right, right[:50], "..", "e30.e30.AA", strings.ReplaceAll(right, ".", ""), tokenProof, stranger.Proof("GET", origin+"/profile", "token", "", now)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, proof string) {
		p := guard.Must(dpop.New(origin, &dpop.Options{Now: func() time.Time { return now }}))
		r := &http.Request{Method: "GET", URL: &url.URL{}, RequestURI: "/profile", Header: http.Header{"Dpop": {proof}}}
		err := p.Confirm(r, "DPoP", "token", `{"jkt":"`+client.Thumbprint()+`"}`)
		// ECDSA: (r, n-s) is another spelling of a signature. The jti is the same.
		if err == nil && proof[:strings.LastIndex(proof, ".")] != right[:strings.LastIndex(right, ".")] {
			t.Errorf("%q is accepted", proof)
		}
	})
}
