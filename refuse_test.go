package guard_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

// An ErrorHandler that serves a page of the application, with middleware that
// wraps the ResponseWriter and a guard that refuses, does not call itself until
// the stack ends, which would end the process.
func TestErrorHandlerThatRefusesBehindAWrapper(t *testing.T) {
	depth := 0
	h := guard.OnError(func(w http.ResponseWriter, r *http.Request, _ *guard.Error) {
		if depth++; depth > 1 {
			t.Error("the handler is called for its own refusal")
			return
		}
		guard.Refuse(struct{ http.ResponseWriter }{w}, r, guard.NotFound("No such page"))
	})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, guard.Forbidden("")) }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if want := `{"error":"Not Found","message":"No such page"}`; w.Code != 403 || w.Body.String() != want {
		t.Errorf("%d %s; want 403 %s", w.Code, w.Body, want)
	}
}

// TestRefuse: the default format, and what every kind of error is answered.
func TestRefuse(t *testing.T) {
	var nilError *guard.Error
	_, missing := os.Open(filepath.Join(t.TempDir(), "hunter2"))
	_, noAddress := url.Parse(strings.Repeat("%", 2) + "hunter2")
	limited := http.Header{"retry-after": {"7"}, "X-Why": {"a", "b"}}
	tests := []struct {
		name    string
		err     error
		status  int
		message string
		header  http.Header // what else is expected
	}{
		{"unauthorized", guard.Unauthorized(""), 401, "Authentication required", http.Header{"Www-Authenticate": {"Bearer"}}},
		{"unauthorized, a message", guard.Unauthorized(`say "<no>"`), 401, `say \"\u003cno\u003e\"`, http.Header{"Www-Authenticate": {"Bearer"}}},
		{"forbidden", guard.Forbidden(""), 403, "Access denied", nil},
		{"insufficient scope", &guard.Error{Status: 403, Challenges: []string{"Bearer scope=x"}}, 403, "Access denied", http.Header{"Www-Authenticate": {"Bearer scope=x"}}},
		{"not found", guard.NotFound(""), 404, "Not found", nil},
		{"too many", &guard.Error{Status: 429}, 429, "Too many requests. Try again later.", http.Header{"Retry-After": {"1"}}},
		{"too many, a time", &guard.Error{Status: 429, Header: limited}, 429, "Too many requests. Try again later.", http.Header{"Retry-After": {"7"}, "X-Why": {"a", "b"}}},
		{"bad request", &guard.Error{Status: 400}, 400, "The request is malformed", nil},
		{"conflict", &guard.Error{Status: 409}, 409, "Conflict", nil},
		{"wrapped", fmt.Errorf("x: %w", guard.NotFound("no such post")), 404, "no such post", nil},
		{"no credentials", guard.ErrNoCredentials, 401, "Authentication required", http.Header{"Www-Authenticate": {"Bearer"}}},
		{"too large", fmt.Errorf("x: %w", &http.MaxBytesError{Limit: 1}), 413, "The request is too large", nil},
		{"network", &net.OpError{Op: "dial", Err: errors.New("hunter2")}, 503, "The service is unavailable. Try again later.", nil},
		{"a name", fmt.Errorf("x: %w", &net.DNSError{Err: "hunter2"}), 503, "The service is unavailable. Try again later.", nil},
		{"a request", &url.Error{Op: "Get", URL: "http://hunter2", Err: io.EOF}, 503, "The service is unavailable. Try again later.", nil},
		{"a timeout", os.ErrDeadlineExceeded, 503, "The service is unavailable. Try again later.", nil},
		{"a missing file", missing, 500, "The request could not be processed", nil},
		{"no address", noAddress, 500, "The request could not be processed", nil},
		{"foreign", errors.New("hunter2"), 500, "The request could not be processed", nil},
		{"nil", nil, 500, "The request could not be processed", nil},
		{"typed nil", nilError, 500, "The request could not be processed", nil},
		{"no status", &guard.Error{Message: "hunter2"}, 500, "The request could not be processed", nil},
		{"a success", &guard.Error{Status: 200, Message: "hunter2"}, 500, "The request could not be processed", nil},
		{"a redirect", &guard.Error{Status: 302}, 500, "The request could not be processed", nil},
		{"beyond", &guard.Error{Status: 600}, 500, "The request could not be processed", nil},
		{"an unknown status", &guard.Error{Status: 499}, 499, "The request was refused", nil},
		{"its cause", &guard.Error{Status: 401, Err: errors.New("hunter2")}, 401, "Authentication required", http.Header{"Www-Authenticate": {"Bearer"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := serve(t, pass, func(w http.ResponseWriter, r *http.Request) {
				for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Range", "Content-Disposition", "ETag", "Last-Modified", "Expires",
					"CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires", "X-Accel-Redirect", "X-Sendfile",
					"Edge-Control", "Refresh", "Location", "Content-Location", "Age"} {
					w.Header().Set(name, "of the handler's own answer")
				}
				w.Header().Set("Cache-Control", "public")
				guard.Refuse(w, r, tt.err)
			})
			want := http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"application/json"}}
			for name, values := range tt.header {
				want[name] = values
			}
			if w.Code != tt.status || fmt.Sprint(w.Header()) != fmt.Sprint(want) {
				t.Errorf("status %d, header %v; want %d, %v", w.Code, w.Header(), tt.status, want)
			}
			title := http.StatusText(tt.status)
			if title == "" {
				title = "Error"
			}
			if want := `{"error":"` + title + `","message":"` + tt.message + `"}`; w.Body.String() != want {
				t.Errorf("body %s, want %s", w.Body, want)
			}
			if strings.Contains(fmt.Sprint(w.Body, w.Header()), "hunter2") {
				t.Error("a cause reached the client")
			}
		})
	}
}

// TestErrorHandlerIsHeld: whatever an ErrorHandler does, the status is the
// refusal's, and it is told no cause.
// TestJSONInside: JSON as an inner ErrorHandler restores the default.
func TestJSONInside(t *testing.T) {
	plain := func(w http.ResponseWriter, _ *http.Request, e *guard.Error) { w.WriteHeader(e.Status) }
	w, _ := serve(t, guard.Chain(guard.OnError(plain), guard.OnError(guard.JSON)), refuse(guard.Forbidden(`no "<x>"`)))
	if w.Code != 403 || w.Header().Get("Content-Type") != "application/json" || w.Body.String() != `{"error":"Forbidden","message":"no \"\u003cx\u003e\""}` {
		t.Errorf("%d %q %s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
}

func TestErrorHandlerIsHeld(t *testing.T) {
	shared := &guard.Error{Status: 401, Code: "c", Challenges: []string{"A", "B"}, Header: http.Header{"X-Why": {"kept"}}, Err: errors.New("hunter2")}
	tests := []struct {
		name   string
		h      guard.ErrorHandler
		err    error
		status int
		body   string
	}{
		{"caches", func(w http.ResponseWriter, _ *http.Request, _ *guard.Error) {
			w.Header().Set("Cache-Control", "public")
			w.Header().Set("Edge-Control", "max-age=600")
			w.Header().Set("CDN-Cache-Control", "max-age=600")
		}, shared, 401, ""},
		{"writes nothing", func(http.ResponseWriter, *http.Request, *guard.Error) {}, shared, 401, ""},
		{"writes another status", func(w http.ResponseWriter, _ *http.Request, _ *guard.Error) { w.WriteHeader(200) }, shared, 401, ""},
		{"writes twice", func(w http.ResponseWriter, _ *http.Request, _ *guard.Error) { w.WriteHeader(500); w.WriteHeader(200) }, shared, 401, ""},
		{"writes a body alone", func(w http.ResponseWriter, _ *http.Request, _ *guard.Error) { _, _ = io.WriteString(w, "b") }, shared, 401, "b"},
		{"flushes", func(w http.ResponseWriter, _ *http.Request, _ *guard.Error) {
			_ = http.NewResponseController(w).Flush()
		}, shared, 401, ""},
		{"prints what it gets", func(w http.ResponseWriter, _ *http.Request, e *guard.Error) {
			_, _ = fmt.Fprintf(w, "%v|%v|%v", e, errors.Unwrap(e), e.Err)
		}, shared, 401, "guard: 401 Unauthorized: Authentication required|<nil>|<nil>"},
		{"a foreign error", func(w http.ResponseWriter, _ *http.Request, e *guard.Error) {
			_, _ = fmt.Fprint(w, e.Status, " ", e.Message)
		}, errors.New("hunter2"), 500, "500 The request could not be processed"},
		{"changes what it gets", func(_ http.ResponseWriter, _ *http.Request, e *guard.Error) {
			e.Header["X-Why"][0], e.Challenges[0], e.Code = "x", "x", "x"
		}, shared, 401, ""},
		{"takes the fields away", func(w http.ResponseWriter, _ *http.Request, _ *guard.Error) {
			w.Header().Set("Cache-Control", "public, max-age=60")
			w.Header().Del("WWW-Authenticate")
		}, shared, 401, ""},
		{"redirects a 401", func(w http.ResponseWriter, r *http.Request, _ *guard.Error) {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		}, &guard.Error{Status: 401}, 303, "<a href=\"/login\">See Other</a>.\n\n"},
		{"redirects it for good", func(w http.ResponseWriter, _ *http.Request, _ *guard.Error) { w.WriteHeader(301) }, shared, 401, ""},
		{"redirects a 403", func(w http.ResponseWriter, _ *http.Request, _ *guard.Error) { w.WriteHeader(303) }, guard.Forbidden(""), 403, ""},
		{"refuses again", func(w http.ResponseWriter, r *http.Request, _ *guard.Error) { guard.Refuse(w, r, guard.NotFound("")) }, shared, 401, `{"error":"Not Found","message":"Not found"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, _ := serve(t, guard.OnError(tt.h), refuse(tt.err))
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("status %d, body %q; want %d, %q", w.Code, w.Body, tt.status, tt.body)
			}
			if strings.Contains(w.Body.String(), "hunter2") {
				t.Error("the cause was printed")
			}
			h := w.Header()
			if h.Get("Cache-Control") != "no-store" || h.Get("Edge-Control")+h.Get("CDN-Cache-Control") != "" || (h["Www-Authenticate"] != nil) != (tt.status == 401 || tt.status == 303) {
				t.Errorf("header %v", h)
			}
		})
	}
	if shared.Header.Get("X-Why") != "kept" || shared.Challenges[0] != "A" || shared.Code != "c" {
		t.Errorf("an ErrorHandler changed the shared refusal: %+v", shared)
	}
}

// TestRefusalKeepsCookies: what an outer guard set, such as a cookie it
// cleared, is not lost to a refusal that sets one, too.
func TestRefusalKeepsCookies(t *testing.T) {
	w, _ := serve(t, pass, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Vary", "Cookie")
		guard.Refuse(w, r, &guard.Error{Status: 401, Header: http.Header{"Set-Cookie": {"b=2"}, "Vary": {"Accept"}}})
	})
	if got := w.Header()["Set-Cookie"]; !slices.Equal(got, []string{"a=1", "b=2"}) {
		t.Errorf("cookies %q", got)
	}
	if got := w.Header()["Vary"]; !slices.Equal(got, []string{"Cookie", "Accept"}) {
		t.Errorf("Vary %q", got)
	}
}
