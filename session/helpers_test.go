package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/session"
)

type profile struct{ Email, Role string }

type (
	profiles = session.Manager[profile]
	login    = session.Session[profile]
)

var (
	expired = e401("Session expired")
	invalid = e401("Invalid session")
)

func newMemory(t testing.TB, opts *session.MemoryOptions) *session.Memory {
	t.Helper()
	m, err := session.NewMemory(opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func manager(t testing.TB, opts *session.Options) *profiles {
	t.Helper()
	m, err := session.New[profile](opts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// create signs in and returns the session and its cookie.
func create(t testing.TB, m *profiles, subject string, header ...string) (*login, *http.Cookie) {
	t.Helper()
	w := httptest.NewRecorder()
	s, err := m.Create(w, request("POST", header...), subject, profile{subject + "@example.com", "user"})
	if err != nil {
		t.Fatal(err)
	}
	return s, cookieOf(t, w)
}

func recorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func cookieOf(t testing.TB, w *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	set := cookies(w)
	if len(set) != 1 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Vary") != "Cookie" {
		t.Fatalf("not one cookie in a response that is not cached: %v", w.Header())
	}
	return set[0]
}

// cookies returns the cookies set so far, which w.Result() does not.
func cookies(w *httptest.ResponseRecorder) []*http.Cookie {
	return (&http.Response{Header: w.Header()}).Cookies()
}

// request returns a request with header fields written as "Name: value".
func request(method string, header ...string) *http.Request {
	r := harness.Request("https://example.com/")
	r.Method = method
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func with(c *http.Cookie) string { return "Cookie: " + c.Name + "=" + c.Value }

// serve sends r through step to a handler that writes its session's subject and
// e-mail, and reports whether the handler ran.
func serve(t testing.TB, step guard.Middleware, r *http.Request) (w *httptest.ResponseRecorder, reached bool) {
	t.Helper()
	return harness.Serve(t, step, func(w http.ResponseWriter, r *http.Request) {
		if s, ok := guard.PrincipalFrom[*login](r.Context()); ok {
			fmt.Fprint(w, s.Sub(), " ", s.Data().Email)
		}
	}, r)
}

// alive checks the answer to a GET with the cookie: the subject, or a refusal.
func alive(t testing.TB, m *profiles, c *http.Cookie, want string) {
	t.Helper()
	w, reached := serve(t, m.Wrap, request("GET", with(c)))
	got := w.Body.String()
	if reached {
		got, _, _ = strings.Cut(got, " ")
	}
	if got != want || reached == strings.HasPrefix(want, "{") {
		t.Errorf("%d %s, want %s", w.Code, got, want)
	}
}

func e401(message string) string { return `{"error":"Unauthorized","message":"` + message + `"}` }

// refused checks how Refuse answers with err.
func refused(t testing.TB, err error, status int, message string) {
	t.Helper()
	w := httptest.NewRecorder()
	guard.Refuse(w, request("GET"), err)
	if err == nil || w.Code != status || !strings.Contains(w.Body.String(), message) {
		t.Errorf("%d %s (%v), want %d %q", w.Code, w.Body, err, status, message)
	}
	if got := w.Header().Get("Www-Authenticate"); status == 401 && got != "Session" {
		t.Errorf("challenge %q", got)
	}
}
