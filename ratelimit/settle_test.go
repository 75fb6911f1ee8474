package ratelimit_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/ratelimit"
)

// onlyFailures counts answers from 400 on.
func onlyFailures(status int) int {
	if status < 400 {
		return 0
	}
	return 1
}

// through serves r behind l with a handler, and recovers its panic.
func through(l *ratelimit.Limiter, h http.HandlerFunc, r *http.Request) (w *httptest.ResponseRecorder, panicked any) {
	w = httptest.NewRecorder()
	defer func() { panicked = recover() }()
	l.Wrap(h).ServeHTTP(w, r)
	return w, nil
}

// TestSettleByStatus: what counts is known after the answer; a panic is a 500.
func TestSettleByStatus(t *testing.T) {
	status := func(codes ...int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for _, code := range codes {
				w.WriteHeader(code)
			}
		}
	}
	for name, tt := range map[string]struct {
		h    http.HandlerFunc
		want int
	}{
		"nothing written":    {func(http.ResponseWriter, *http.Request) {}, 200},
		"a body":             {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") }, 200},
		"404":                {status(404), 404},
		"the first counts":   {status(404, 200), 404},
		"103, then 404":      {status(103, 404), 404},
		"100 alone":          {status(100), 200},
		"101":                {status(101), 101},
		"a body, then 500":   {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "x"); w.WriteHeader(500) }, 200},
		"a flush":            {func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); w.WriteHeader(500) }, 200},
		"a refusal":          {func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, guard.NotFound("")) }, 404},
		"a panic":            {func(http.ResponseWriter, *http.Request) { panic("handler") }, 500},
		"a panic after 200":  {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200); panic("handler") }, 500},
		"ErrAbortHandler":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 500},
		"io.Copy":            {func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, onlyReader{strings.NewReader("x")}) }, 200},
		"ResponseController": {func(w http.ResponseWriter, r *http.Request) { _ = http.NewResponseController(w).Flush() }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			var got []int
			l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Settle: func(status int) int { got = append(got, status); return 1 }}))
			_, panicked := through(l, tt.h, of("a"))
			if len(got) != 1 || got[0] != tt.want || (panicked != nil) != (tt.want == 500) {
				t.Errorf("Settle(%d), panic %v; want %d", got, panicked, tt.want)
			}
		})
	}
}

type onlyReader struct{ io.Reader }

// TestCountByOutcome: successes do not count, and parallel requests cannot pass the
// quota by failing later.
func TestCountByOutcome(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Settle = onlyFailures
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &opts))
		answer := func(code int) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
		}
		for range 10 {
			through(l, answer(200), of("a"))
		}
		left(t, l, "a", 5)
		through(l, answer(404), of("a"))
		left(t, l, "a", 4)
		through(l, func(http.ResponseWriter, *http.Request) { left(t, l, "a", 3); panic("handler") }, of("a"))
		left(t, l, "a", 3)
		for range 5 {
			through(l, answer(500), of("a"))
		}
		if w, _ := through(l, answer(200), of("a")); w.Code != 429 {
			t.Errorf("after 5 failures: %d", w.Code)
		}
	})
}

// TestSettleMore: an outcome may cost more than was taken, in the same round trip.
func TestSettleMore(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Settle = func(status int) int { return status / 100 }
		opts.Also = []ratelimit.Limit{{Name: "more", Quota: 100, Window: time.Hour}}
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &opts))
		through(l, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }, of("a"))
		left(t, l, "a", 1)
		through(l, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }, of("a"))
		left(t, l, "a", 0)
	})
}

// TestSettleMistakes: a negative cost and a panic of Settle are failures of our own, and
// the request costs what it took.
func TestSettleMistakes(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Settle = func(int) int { return -1 }
		opts.Also = []ratelimit.Limit{ratelimit.Concurrent(1)}
		l := guard.Must(ratelimit.New(loginLimit, byHeader, &opts))
		a := serve(t, l.Wrap, of("a"))
		if len(a.decisions) != 2 || a.decisions[1].Outcome != guard.Failed || !strings.Contains(a.decisions[1].Reason, "Settle returned -1") {
			t.Errorf("%+v", a.decisions)
		}
		left(t, l, "a", 4)
		opts.Settle = func(int) int { panic("Settle") }
		l = guard.Must(ratelimit.New(loginLimit, byHeader, &opts))
		for range 2 { // the place of the first one is free
			if _, panicked := through(l, nothing, of("b")); panicked != "Settle" {
				t.Errorf("panic %v", panicked)
			}
		}
		left(t, l, "b", 3)
	})
}

// TestSettleOutage: a request that cannot be settled costs what it took, and an outage
// is reported once.
func TestSettleOutage(t *testing.T) {
	store := newLedger(time.Now)
	l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Store: store, Settle: onlyFailures, Timeout: longTimeout, Headers: ratelimit.RateLimit}))
	failed := 0
	for range 3 {
		store.setFail(nil)
		observed := guard.Observe(func(_ *http.Request, d guard.Decision) {
			if d.Outcome == guard.Failed && strings.Contains(d.Reason, "costs what it took") {
				failed++
			}
		})
		h := guard.Chain(observed, l.Wrap)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { store.setFail(errDown) }))
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, of("a")); w.Code != 200 {
			t.Errorf("%d", w.Code)
		}
	}
	if failed != 1 || store.total() != 3 {
		t.Errorf("reported %d times, %d units count", failed, store.total())
	}
}

// TestSettleInShadow: a trial counts as the limit would.
func TestSettleInShadow(t *testing.T) {
	inEachStore(t, func(t *testing.T, c *harness.Clock, opts ratelimit.Options) {
		opts.Shadow, opts.Settle = true, onlyFailures
		l := guard.Must(ratelimit.New(ratelimit.Limit{Name: "l", Quota: 1, Window: time.Hour}, byHeader, &opts))
		for i, want := range []struct{ code, left int }{{200, 1}, {404, 0}, {200, 0}} {
			w, _ := through(l, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(want.code) }, of("a"))
			if w.Code != want.code {
				t.Errorf("request %d: %d", i+1, w.Code)
			}
			left(t, l, "a", want.left)
		}
	})
}

// TestSettleWithAServer: the handler's ResponseWriter has what a server's has.
func TestSettleWithAServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.txt")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 1<<16)), 0o600); err != nil {
		t.Fatal(err)
	}
	statuses := make(chan int, 1)
	l := guard.Must(ratelimit.New(ratelimit.Limit{Quota: plenty, Window: time.Hour}, byHeader,
		&ratelimit.Options{Settle: func(status int) int { statuses <- status; return 1 }}))
	for name, tt := range map[string]struct {
		h    http.HandlerFunc
		want int
	}{
		"sendfile": {func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }, 200},
		"deadline": {func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Error(err)
			}
		}, 200},
		"flush": {func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		}, 200},
		"hijack, by an assertion": {func(w http.ResponseWriter, r *http.Request) { hijack(t, w.(http.Hijacker).Hijack) }, 101},
		"hijack, by a controller": {func(w http.ResponseWriter, r *http.Request) { hijack(t, http.NewResponseController(w).Hijack) }, 101},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(l.Wrap(tt.h))
			defer server.Close()
			r, _ := http.NewRequest("GET", server.URL, nil)
			r.Header.Set("K", "a")
			res, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if n, err := io.Copy(io.Discard, res.Body); name == "sendfile" && (n != 1<<16 || err != nil) {
				t.Errorf("%d bytes, %v", n, err)
			}
			if got := <-statuses; got != tt.want {
				t.Errorf("Settle(%d), want %d", got, tt.want)
			}
		})
	}
	w := &readFrom{ResponseRecorder: httptest.NewRecorder()}
	l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, onlyReader{strings.NewReader(strings.Repeat("x", 1000))})
		if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
	})).ServeHTTP(w, of("a"))
	if w.calls != 1 || w.Body.Len() != 1000 || <-statuses != 200 {
		t.Errorf("ReadFrom was called %d times, for %d bytes", w.calls, w.Body.Len())
	}
}

// TestSettleAfterNothingWritten: a copy that fails at its first byte and a Flush that is
// not supported write no header. A 502 after them counted as a 200, so not as a failure.
func TestSettleAfterNothingWritten(t *testing.T) {
	for name, tt := range map[string]struct {
		write func(http.ResponseWriter)
		want  int
	}{
		"a source fails":    {func(w http.ResponseWriter) { _, _ = io.Copy(w, iotest.ErrReader(errDown)) }, 502},
		"a source is empty": {func(w http.ResponseWriter) { _, _ = io.Copy(w, onlyReader{strings.NewReader("")}) }, 502},
		"a source fails later": {func(w http.ResponseWriter) {
			_, _ = io.Copy(w, io.MultiReader(strings.NewReader("x"), iotest.ErrReader(errDown)))
		}, 200},
		"no Flush is supported": {func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, 502},
	} {
		t.Run(name, func(t *testing.T) {
			got := 0
			l := guard.Must(ratelimit.New(loginLimit, byHeader, &ratelimit.Options{Settle: func(status int) int { got = status; return 1 }}))
			w := httptest.NewRecorder()
			inner := &noFlush{w, w}
			l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tt.write(w)
				w.WriteHeader(502)
			})).ServeHTTP(inner, of("a"))
			if got != tt.want || w.Code != tt.want {
				t.Errorf("Settle(%d) for an answer of %d, want %d", got, w.Code, tt.want)
			}
		})
	}
}

// noFlush is a ResponseWriter with ReadFrom, but without Flush.
type noFlush struct {
	http.ResponseWriter
	w *httptest.ResponseRecorder
}

func (w *noFlush) ReadFrom(r io.Reader) (int64, error) { return io.Copy(struct{ io.Writer }{w.w}, r) }

type readFrom struct {
	*httptest.ResponseRecorder
	calls int
}

func (w *readFrom) ReadFrom(r io.Reader) (int64, error) {
	w.calls++
	return io.Copy(w.ResponseRecorder, r)
}

func hijack[C io.Closer](t *testing.T, f func() (C, *bufio.ReadWriter, error)) {
	conn, rw, err := f()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	_ = rw.Flush()
	_ = conn.Close()
}
