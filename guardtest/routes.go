package guardtest

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

// A Matrix states the status of each route for each caller.
type Matrix struct {
	Callers Callers
	Want    Want
	// Request returns a new request for a route, such as one with a body. It may
	// also restore what an earlier request changed. If nil, requests have no body.
	Request func(method, target string) *http.Request
}

// Callers has a function for each caller's name, which authenticates a request as
// that caller: see [Caller] and [Header]. If it is nil, the request is anonymous.
type Callers map[string]func(*http.Request) *http.Request

// Want holds the status for each caller on each route. A route is a method
// and a target, such as "PUT /posts/1".
type Want map[string]map[string]int

// Caller returns a function that applies [As] to a request.
func Caller[P any](principal P, credential any) func(*http.Request) *http.Request {
	return func(r *http.Request) *http.Request { return As(r, principal, credential) }
}

// Header returns a function that sets a header field of a request, such as
// Authorization, X-API-Key or Cookie.
func Header(name, value string) func(*http.Request) *http.Request {
	return func(r *http.Request) *http.Request {
		r.Header.Set(name, value)
		return r
	}
}

// Routes sends a request of each caller on each route to h, and reports each
// status that differs from m.Want, with the decisions that led to it, and each panic.
//
// It also reports each route without a guard: no guard decided about a request on
// it. Neither a rate limit that lets the request pass nor a refusal by the handler
// itself counts. A route that is meant to have no guard does not belong in m.
//
// Every route needs a status for every caller. Requests are sent one after
// another, sorted by route and then by caller.
func Routes(t testing.TB, h http.Handler, m Matrix) {
	t.Helper()
	if len(m.Callers) == 0 || len(m.Want) == 0 {
		t.Errorf("guardtest: a matrix of %d callers and %d routes tests nothing", len(m.Callers), len(m.Want))
	}
	for _, route := range slices.Sorted(maps.Keys(m.Want)) {
		if err := m.check(route); err != nil {
			t.Errorf("guardtest: %v", err)
			continue
		}
		var unguarded []string
		for _, caller := range slices.Sorted(maps.Keys(m.Callers)) {
			var rec Recorder
			status, err := m.send(rec.Observe(h), route, caller)
			if err != nil {
				t.Errorf("%s as %s: %v", route, caller, err)
				continue
			}
			if want := m.Want[route][caller]; status != want {
				t.Errorf("%s as %s: status %d, want %d\n%v", route, caller, status, want, &rec)
			}
			if !slices.ContainsFunc(rec.Decisions(), byGuard) {
				unguarded = append(unguarded, caller)
			}
		}
		if unguarded != nil {
			t.Errorf("%s has no guard: none decided about the request as %s", route, strings.Join(unguarded, ", "))
		}
	}
}

// check returns the mistake in the row of a route.
func (m *Matrix) check(route string) error {
	method, target, _ := strings.Cut(route, " ")
	if method == "" || !strings.HasPrefix(target, "/") || strings.ContainsAny(target, " {}") {
		return fmt.Errorf(`route %q is not a method and a target without wildcards, such as "PUT /posts/1"`, route)
	}
	for _, caller := range slices.Sorted(maps.Keys(m.Callers)) {
		if _, ok := m.Want[route][caller]; !ok {
			return fmt.Errorf("route %q has no status for caller %q", route, caller)
		}
	}
	for _, caller := range slices.Sorted(maps.Keys(m.Want[route])) {
		if _, ok := m.Callers[caller]; !ok {
			return fmt.Errorf("route %q has a status for caller %q, which is not in Callers", route, caller)
		}
	}
	return nil
}

// send sends a request of a caller on a route to h. The error is a panic, such as of
// a handler that reads a session where the caller has none.
func (m *Matrix) send(h http.Handler, route, caller string) (status int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, m.request(route, caller))
	return w.Code, nil
}

// request returns a new request of a caller on a route.
func (m *Matrix) request(route, caller string) *http.Request {
	method, target, _ := strings.Cut(route, " ")
	var r *http.Request
	if m.Request != nil {
		r = m.Request(method, target)
	} else {
		r = httptest.NewRequest(method, target, nil)
	}
	if as := m.Callers[caller]; as != nil {
		r = as(r)
	}
	return r
}

// byGuard reports whether d is the decision of a guard about access.
func byGuard(d guard.Decision) bool {
	switch d.Package {
	case "handler":
		return false
	case "ratelimit":
		return d.Status != 0
	}
	return d.Action == ""
}
