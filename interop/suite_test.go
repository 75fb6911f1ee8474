// The same requests are sent to every router. The responses of the guards do not depend
// on the router.
package interop_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v3"

	"github.com/go-guard/guard/interop"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	code := m.Run()
	if exampleDir != "" {
		os.RemoveAll(exampleDir)
	}
	os.Exit(code)
}

var routers = []struct {
	name  string
	start func(*testing.T, *interop.Guards) string
}{
	{"net/http", std(interop.ServeMux)},
	{"chi", std(interop.Chi)},
	{"gorilla", std(interop.Gorilla)},
	{"echo", std(interop.Echo)},
	{"gin", std(interop.Gin)},
	{"httprouter", std(interop.HTTPRouter)},
	{"fiber", startFiber},
}

// std serves a router on loopback and returns its address.
func std(build func(*interop.Guards) http.Handler) func(*testing.T, *interop.Guards) string {
	return func(t *testing.T, g *interop.Guards) string {
		server := httptest.NewServer(build(g))
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	}
}

func startFiber(t *testing.T, g *interop.Guards) string {
	app := interop.Fiber(g)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		app.Shutdown()
		<-served
	})
	return l.Addr().String()
}

var requests = []struct {
	name, method, path string
	keys               []string
	status             int
	body               string
}{
	{"anonymous", "GET", "/posts/1", nil, 401, `{"error":"Unauthorized","message":"API key required"}`},
	{"anonymous, missing", "GET", "/posts/99", nil, 401, `{"error":"Unauthorized","message":"API key required"}`},
	{"anonymous writer", "PUT", "/posts/1", nil, 401, `{"error":"Unauthorized","message":"API key required"}`},
	{"unknown key", "GET", "/posts/1", []string{"key_eve"}, 401, `{"error":"Unauthorized","message":"Invalid API key"}`},
	{"two keys", "GET", "/posts/1", []string{"key_alice", "key_bob"}, 400, ""},
	{"no permission", "GET", "/posts/1", []string{"key_carol"}, 403, `{"error":"Forbidden","message":"Permission 'posts:read' required"}`},
	{"no permission, missing", "GET", "/posts/99", []string{"key_carol"}, 403, `{"error":"Forbidden","message":"Permission 'posts:read' required"}`},
	{"missing", "GET", "/posts/99", []string{"key_bob"}, 404, ""},
	{"admin reads", "GET", "/posts/2", []string{"key_alice"}, 200, `{"user":"Alice","may_write":true,"post":"Post 2"}`},
	{"user reads", "GET", "/posts/1", []string{"key_bob"}, 200, `{"user":"Bob","may_write":true,"post":"Post 1"}`},
	{"escaped path value", "GET", "/posts/%C3%A9", []string{"key_bob"}, 200, `{"user":"Bob","may_write":true,"post":"Post é"}`},
	{"owner writes", "PUT", "/posts/2", []string{"key_bob"}, 200, `{"user":"Bob","may_write":true,"post":"Post 2"}`},
	{"other's post", "PUT", "/posts/1", []string{"key_bob"}, 403, ""},
	{"other's post, missing", "PUT", "/posts/99", []string{"key_bob"}, 404, ""},
	{"not admin", "DELETE", "/posts/1", []string{"key_bob"}, 403, ""},
	{"not admin, missing", "DELETE", "/posts/99", []string{"key_bob"}, 403, ""},
	{"admin", "DELETE", "/posts/1", []string{"key_alice"}, 204, ""},
	{"admin, missing", "DELETE", "/posts/99", []string{"key_alice"}, 404, ""},
}

type answer struct {
	status int
	header http.Header
	body   string
}

func send(t *testing.T, method, url string, keys []string) answer {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["X-Api-Key"] = keys
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res.Header.Del("Date")
	return answer{res.StatusCode, res.Header, strings.TrimSpace(string(body))}
}

func TestSameAnswersThroughEveryRouter(t *testing.T) {
	wanted := map[string]answer{} // the responses of net/http, the first router
	for _, router := range routers {
		t.Run(router.name, func(t *testing.T) {
			addr := router.start(t, interop.NewGuards())
			for _, tt := range requests {
				got := send(t, tt.method, "http://"+addr+tt.path, tt.keys)
				if got.status != tt.status || tt.body != "" && got.body != tt.body {
					t.Errorf("%s: %d %s, want %d %s", tt.name, got.status, got.body, tt.status, tt.body)
				}
				if router.name == "net/http" {
					wanted[tt.name] = got
				}
				if got, want := got.header["Vary"], wanted[tt.name].header["Vary"]; !slices.Equal(got, want) {
					t.Errorf("%s: Vary %q, want %q", tt.name, got, want)
				}
				if tt.status >= 400 { // the guards alone write a refusal
					same(t, tt.name, got, wanted[tt.name])
				}
			}
		})
	}
}

func same(t *testing.T, name string, got, want answer) {
	t.Helper()
	if got.body != want.body {
		t.Errorf("%s: body %s, want %s", name, got.body, want.body)
	}
	if !maps.EqualFunc(got.header, want.header, slices.Equal) {
		t.Errorf("%s: header\n%v, want\n%v", name, got.header, want.header)
	}
}

func TestStreamingThroughEveryRouter(t *testing.T) {
	for _, router := range routers {
		t.Run(router.name, func(t *testing.T) {
			g := interop.NewGuards()
			addr := router.start(t, g)
			r, _ := http.NewRequest("GET", "http://"+addr+"/stream", nil)
			r.Header.Set("X-API-Key", "key_bob")
			go func() { g.Lines <- "one" }()
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			lines := bufio.NewReader(res.Body)
			for _, want := range []string{"one", "two", "three"} { // each is received before the next is sent
				if want != "one" {
					g.Lines <- want
				}
				if got, err := lines.ReadString('\n'); got != want+"\n" || err != nil {
					t.Fatalf("read %q, %v; want %q", got, err, want)
				}
			}
			close(g.Lines)
			if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
				t.Errorf("the end: %q, %v", rest, err)
			}
		})
	}
}

func TestHijackingThroughEveryRouter(t *testing.T) {
	for _, router := range routers {
		t.Run(router.name, func(t *testing.T) {
			addr := router.start(t, interop.NewGuards())
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET /hijack HTTP/1.1\r\nHost: x\r\nX-API-Key: key_bob\r\n\r\n")
			all, err := io.ReadAll(conn)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(all); !strings.HasPrefix(got, "HTTP/1.1 101 ") || !strings.HasSuffix(got, "\r\n\r\nhello Bob\n") {
				t.Errorf("got %q", got)
			}
			if got := send(t, "GET", "http://"+addr+"/hijack", nil); got.status != 401 {
				t.Errorf("anonymous: %d", got.status)
			}
		})
	}
}
