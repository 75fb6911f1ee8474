// Package harness is what the tests of all packages share.
package harness

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Request returns a GET of target with header fields: names and values in turn.
func Request(target string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// Serve runs r through mw around h, which may be nil, and reports whether the
// innermost handler was reached.
func Serve(t testing.TB, mw func(http.Handler) http.Handler, h http.HandlerFunc, r *http.Request) (w *httptest.ResponseRecorder, reached bool) {
	t.Helper()
	w = httptest.NewRecorder()
	calls := 0
	mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if h != nil {
			h(w, r)
		}
	})).ServeHTTP(w, r)
	if calls > 1 {
		t.Errorf("the handler was called %d times", calls)
	}
	return w, calls == 1
}

// A Clock stands still unless it is moved. It is for options named Now, outside
// of testing/synctest. Other goroutines may call Now.
type Clock struct {
	mu sync.Mutex
	time.Time
}

// NewClock returns a Clock at noon of 24 November 2026, UTC.
func NewClock() *Clock { return &Clock{Time: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)} }

// Now returns the Clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Time
}

// Advance moves the Clock by d, which may be negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Time = c.Add(d)
}

// Discard is an http.ResponseWriter that allocates nothing, for budgets of
// allocations. Use NewDiscard.
type Discard struct {
	Fields http.Header
	Status int
}

// NewDiscard returns a Discard.
func NewDiscard() *Discard { return &Discard{Fields: http.Header{}} }

// Header implements http.ResponseWriter.
func (d *Discard) Header() http.Header { return d.Fields }

// Write implements http.ResponseWriter.
func (d *Discard) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (d *Discard) WriteHeader(status int) { d.Status = status }

// Allocs returns how many allocations h makes for r.
func (d *Discard) Allocs(h http.Handler, r *http.Request) float64 {
	w := http.ResponseWriter(d)
	return testing.AllocsPerRun(200, func() {
		clear(d.Fields)
		h.ServeHTTP(w, r)
	})
}
