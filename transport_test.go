package guard_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/race"
)

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

// TestAllocations are budgets: what a guard costs each request.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	known := &token{"1"}
	refusal := &guard.Error{Status: 403, Message: "Admin access required"}
	missing := &guard.Error{Status: 401, Message: "API key required", Err: guard.ErrNoCredentials}
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	ask := guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *token) {})
	tests := []struct {
		name   string
		h      http.Handler
		budget float64
		status int
	}{
		{"a gate that adds nothing", ask, 0, 0},
		{"Chain", guard.Chain(pass, pass)(nothing), 0, 0},
		{"Require", guard.Require(answers[*token]{p: known})(nothing), 2, 0},
		{"Require and ask", guard.Require(answers[*token]{p: known})(ask), 2, 0},
		{"Optional, known", guard.Optional(answers[*token]{p: known})(nothing), 2, 0},
		{"Optional, nobody", guard.Optional(answers[*token]{err: guard.ErrNoCredentials})(nothing), 2, 0},
		{"Map to a pointer", guard.Map(answers[*token]{p: known}, func(_ context.Context, tok *token) (*token, bool, error) { return tok, true, nil }).Wrap(ask), 2, 0},
		{"Require, missing", guard.Require(answers[*token]{err: missing})(nothing), 5, 401},
		{"a refusal", refuse(refusal), 5, 403},
		{"our failure", refuse(errors.New("x")), 5, 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newDiscard()
			rw := http.ResponseWriter(w)
			r := httptest.NewRequest("GET", "/", nil)
			r = r.WithContext(guard.WithPrincipal(r.Context(), known))
			got := testing.AllocsPerRun(200, func() {
				clear(w.h)
				tt.h.ServeHTTP(rw, r)
			})
			if got > tt.budget || *w.status != tt.status {
				t.Errorf("%v allocations, status %d; want %v, %d", got, *w.status, tt.budget, tt.status)
			}
		})
	}
}
