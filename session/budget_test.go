package session_test

import (
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/session"
)

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func authenticated(b testing.TB) (http.Handler, *http.Request) {
	m := manager(b, nil)
	_, c := create(b, m, "alice")
	return m.Wrap(guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *login) {})),
		request("GET", "Cookie: theme=dark; "+c.Name+"="+c.Value+"; lang=en")
}

// A copy of the request and a context node: what the root's step takes.
func TestBudget(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	h, r := authenticated(t)
	w := discard{http.Header{}}
	get := func() { clear(w.h); h.ServeHTTP(w, r) }
	allocs := testing.AllocsPerRun(1000, get)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 1000 {
		get()
	}
	runtime.ReadMemStats(&after)
	if bytes := (after.TotalAlloc - before.TotalAlloc) / 1000; allocs > 2 || bytes > 400 {
		t.Errorf("%v allocs, %d bytes; want 2 and 400", allocs, bytes)
	}
}

func BenchmarkGet(b *testing.B) {
	h, r := authenticated(b)
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		w := discard{http.Header{}}
		for b.Loop() {
			clear(w.h)
			h.ServeHTTP(w, r)
		}
	})
	b.Run("eight", func(b *testing.B) {
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			w := discard{http.Header{}}
			for pb.Next() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	})
	b.Run("bare", func(b *testing.B) {
		w := discard{http.Header{}}
		h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		for b.Loop() {
			h.ServeHTTP(w, r)
		}
	})
}

func BenchmarkRefused(b *testing.B) {
	m := manager(b, nil)
	for name, r := range map[string]*http.Request{
		"none":      request("GET"),
		"malformed": request("GET", "Cookie: __Host-session=x"),
		"unknown":   request("GET", "Cookie: __Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			h := m.Wrap(http.NotFoundHandler())
			w := discard{http.Header{}}
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	m := manager(b, nil)
	r := request("POST")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Create(discard{http.Header{}}, r, "alice", profile{"alice@example.com", "user"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMillion fills a Memory, and says what a session takes and what the
// slowest insert took.
func BenchmarkMillion(b *testing.B) {
	for b.Loop() {
		bytes, slowest := fill(b, session.NewMemory(nil), 1_000_000)
		b.ReportMetric(bytes, "B/session")
		b.ReportMetric(float64(slowest)/float64(time.Microsecond), "µs-max")
	}
}
