package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

type profile struct{ Email, Role string }

type (
	profiles = session.Manager[profile]
	login    = session.Session[profile]
)

// A clock is moved by the test.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

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

func cookieOf(t testing.TB, w *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	set := cookies(w)
	if len(set) != 1 || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Vary") != "Cookie" {
		t.Fatalf("not one cookie that is kept out of caches: %v", w.Header())
	}
	return set[0]
}

// cookies is what has been set so far, unlike w.Result().
func cookies(w *httptest.ResponseRecorder) []*http.Cookie {
	return (&http.Response{Header: w.Header()}).Cookies()
}

// request is a request with header fields written as "Name: value".
func request(method string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "https://example.com/", nil)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func with(c *http.Cookie) string { return "Cookie: " + c.Name + "=" + c.Value }

// serve sends r through h around a handler, and reports whether that ran.
func serve(step guard.Middleware, r *http.Request) (w *httptest.ResponseRecorder, reached bool) {
	w = httptest.NewRecorder()
	step(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached = true
		if s, ok := guard.PrincipalFrom[*login](r.Context()); ok {
			fmt.Fprint(w, s.Sub(), " ", s.Data().Email)
		}
	})).ServeHTTP(w, r)
	return w, reached
}

// alive checks what a GET with the cookie gets: the subject or a refusal.
func alive(t testing.TB, m *profiles, c *http.Cookie, want string) {
	t.Helper()
	w, reached := serve(m.Wrap, request("GET", with(c)))
	got := w.Body.String()
	if reached {
		got, _, _ = strings.Cut(got, " ")
	}
	if got != want || reached == strings.HasPrefix(want, "{") {
		t.Errorf("%d %s, want %s", w.Code, got, want)
	}
}

func e401(message string) string { return `{"error":"Unauthorized","message":"` + message + `"}` }

// refused checks an error of a verb by what Refuse makes of it.
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

var errDown = errors.New("dial tcp 10.0.0.7: refused")

// A faulty store runs before each of its methods.
type faulty struct {
	session.Store
	before func(ctx context.Context, method string) error
}

func (f *faulty) Insert(ctx context.Context, rec session.Record) error {
	if err := f.before(ctx, "Insert"); err != nil {
		return err
	}
	return f.Store.Insert(ctx, rec)
}

func (f *faulty) Load(ctx context.Context, key session.Key) (session.Record, bool, error) {
	if err := f.before(ctx, "Load"); err != nil {
		return session.Record{}, false, err
	}
	return f.Store.Load(ctx, key)
}

func (f *faulty) Touch(ctx context.Context, key session.Key, seen, deadline time.Time) error {
	if err := f.before(ctx, "Touch"); err != nil {
		return err
	}
	return f.Store.Touch(ctx, key, seen, deadline)
}

func (f *faulty) Update(ctx context.Context, key session.Key, revision int64, data string) (bool, error) {
	if err := f.before(ctx, "Update"); err != nil {
		return false, err
	}
	return f.Store.Update(ctx, key, revision, data)
}

func (f *faulty) Rotate(ctx context.Context, from, to session.Key) (bool, error) {
	if err := f.before(ctx, "Rotate"); err != nil {
		return false, err
	}
	return f.Store.Rotate(ctx, from, to)
}

func (f *faulty) Delete(ctx context.Context, key session.Key) (bool, error) {
	if err := f.before(ctx, "Delete"); err != nil {
		return false, err
	}
	return f.Store.Delete(ctx, key)
}

func (f *faulty) List(ctx context.Context, subject string) ([]session.Record, error) {
	if err := f.before(ctx, "List"); err != nil {
		return nil, err
	}
	return f.Store.List(ctx, subject)
}

func (f *faulty) DeleteAll(ctx context.Context, subject string, keep []session.ID) (int, error) {
	if err := f.before(ctx, "DeleteAll"); err != nil {
		return 0, err
	}
	return f.Store.DeleteAll(ctx, subject, keep)
}

// failing is a store whose methods fail while they are in *methods.
func failing(store session.Store, methods *string) *faulty {
	return &faulty{store, func(_ context.Context, method string) error {
		if strings.Contains(*methods, method) {
			return errDown
		}
		return nil
	}}
}
