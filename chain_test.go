package guard_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
)

// TestPanicPassesThrough: a panic of the handler is the application's.
func TestPanicPassesThrough(t *testing.T) {
	mw := guard.Chain(guard.Observe(nil), guard.OnError(format.Problem), guard.Require(bearer()))
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	serve(t, mw, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "Authorization", "ok:1")
	t.Error("the panic was swallowed")
}

// TestWiringPanics: what could never work is refused where it is built.
func TestWiringPanics(t *testing.T) {
	h := http.NotFoundHandler()
	var none *guard.Mapped[*token, User]
	for name, wire := range map[string]func(){
		"Require of nothing":               func() { guard.Require[User]() },
		"Optional of nothing":              func() { guard.Optional[User]() },
		"Lenient of nothing":               func() { guard.Lenient[User]() },
		"Require of nil":                   func() { guard.Require[User](nil) },
		"Require of a nil pointer":         func() { guard.Require[User](none) },
		"Require of a nil function":        func() { guard.Require[User](funcAuthenticator(nil)) },
		"Require of no challenge":          func() { guard.Require(scheme{header: "X-Key"}) },
		"Require, no handler":              func() { guard.Require(bearer())(nil) },
		"Require, a nil HandlerFunc":       func() { guard.Require(bearer())(http.HandlerFunc(nil)) },
		"Map of nil":                       func() { guard.Map(nil, users2) },
		"Map of a nil function":            func() { guard.Map[User](funcAuthenticator(nil), users2) },
		"Map by nil":                       func() { guard.Map[*token, User](bearer(), nil) },
		"BySubject by nil":                 func() { guard.BySubject[*token, User](bearer(), nil) },
		"HandlerFunc of nil":               func() { guard.HandlerFunc[User](nil) },
		"Handler of nil":                   func() { guard.Handler[User](nil) },
		"Chain with nil":                   func() { guard.Chain(pass, nil) },
		"Chain, no handler":                func() { guard.Chain()(nil) },
		"Chain, a middleware makes it nil": func() { guard.Chain(func(http.Handler) http.Handler { return nil })(h) },
		"OnError of nil":                   func() { guard.OnError(nil) },
		"OnError, no handler":              func() { guard.OnError(guard.JSON)(nil) },
		"Observe, no handler":              func() { guard.Observe(nil)(nil) },
		"ByStatus of nil":                  func() { format.ByStatus(map[int]guard.ErrorHandler{404: nil}, nil) },
		"LogTo of nil":                     func() { guard.LogTo(nil, nil) },
		"Must":                             func() { guard.Must(0, guard.ErrNoCredentials) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			wire()
		})
	}
	if got := guard.Must(1, nil); got != 1 {
		t.Errorf("Must: %d", got)
	}
}

func TestChainOrder(t *testing.T) {
	var order string
	mark := func(s string) guard.Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order += s
				next.ServeHTTP(w, r)
			})
		}
	}
	list := []guard.Middleware{mark("a"), mark("b")}
	chain := guard.Chain(list...)
	list[0] = mark("changed later")
	serve(t, chain, func(http.ResponseWriter, *http.Request) { order += "h" })
	if order != "abh" {
		t.Errorf("order %q", order)
	}
}

// everything is each middleware of the root at once.
func everything() guard.Middleware {
	return guard.Chain(guard.Observe(nil), guard.OnError(format.Problem), guard.Optional(bearer()), guard.Lenient(bearer()), guard.Require(guard.BySubject(bearer(), users)))
}

// TestResponseWriterIsNotWrapped: what a server's ResponseWriter can do, it can
// do behind every middleware.
func TestResponseWriterIsNotWrapped(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/flush", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		w.(http.Flusher).Flush()
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done() // the client has read what was flushed, and leaves
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 299 Mine\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		_ = rw.Flush()
	})
	mux.HandleFunc("/controller", func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/max", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 8)
		_, err := io.ReadAll(r.Body)
		guard.Refuse(w, r, err)
	})
	srv := httptest.NewServer(everything()(mux))
	defer srv.Close()
	get := func(path string, body io.Reader) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "ok:1")
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	flushed := get("/flush", nil)
	if line, err := bufio.NewReader(flushed.Body).ReadString('\n'); line != "first\n" || err != nil {
		t.Errorf("flushed %q, %v", line, err)
	}
	_ = flushed.Body.Close()
	for path, want := range map[string]int{"/hijack": 299, "/controller": 200} {
		resp := get(path, nil)
		if resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
		}
		_ = resp.Body.Close()
	}
	// The server closes the connection of a body too large only where
	// MaxBytesReader finds its own ResponseWriter.
	resp := get("/max", strings.NewReader(strings.Repeat("x", 100)))
	if resp.StatusCode != 413 || !resp.Close {
		t.Errorf("too large: status %d, closed %t", resp.StatusCode, resp.Close)
	}
	_ = resp.Body.Close()
}
