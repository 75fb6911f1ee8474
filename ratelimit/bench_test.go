package ratelimit_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/ratelimit"
)

var nothing = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

const plenty = 1 << 29

func wired(limit ratelimit.Limit, opts *ratelimit.Options) http.Handler {
	return guard.Must(ratelimit.New(limit, ratelimit.ByIP(clientip.Direct()), opts)).Wrap(nothing)
}

// hot are the handlers of the benchmark. One allocation of each is the key of ByIP.
var hot = []struct {
	name   string
	h      http.Handler
	allocs float64
}{
	{"sliding", wired(ratelimit.Limit{Quota: plenty, Window: time.Minute}, nil), 1},
	{"GCRA", wired(ratelimit.Limit{Quota: 1_000_000, Window: time.Second, Algorithm: ratelimit.GCRA, Burst: plenty}, nil), 1},
	{"two limits", wired(ratelimit.Limit{Quota: plenty, Window: time.Minute},
		&ratelimit.Options{Also: []ratelimit.Limit{{Name: "hour", Quota: plenty, Window: time.Hour}}}), 1},
	{"headers", wired(ratelimit.Limit{Quota: plenty, Window: time.Minute}, &ratelimit.Options{Headers: ratelimit.RateLimit}), 3},
	{"two limits, headers", wired(ratelimit.Limit{Quota: plenty, Window: time.Minute},
		&ratelimit.Options{Also: []ratelimit.Limit{{Name: "hour", Quota: plenty, Window: time.Hour}}, Headers: ratelimit.RateLimit}), 3},
	// Its store, which is not a *Memory, gets HMACs of keys.
	{"secret", wired(ratelimit.Limit{Name: "minute", Quota: plenty, Window: time.Minute}, &ratelimit.Options{
		Store: struct{ ratelimit.Store }{guard.Must(ratelimit.NewMemory(nil))}, Secret: []byte(strings.Repeat("s", 32)),
	}), 20},
	{"refused", wired(ratelimit.Limit{Quota: 1, Window: time.Hour}, nil), 6},
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, tt := range hot {
		r := httptest.NewRequest("GET", "/", nil)
		w := harness.NewDiscard()
		tt.h.ServeHTTP(w, r)
		got := testing.AllocsPerRun(1000, func() {
			clear(w.Fields)
			tt.h.ServeHTTP(w, r)
		})
		if got > tt.allocs {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.allocs)
		}
	}
}

// TestReservationAllocations: a Reservation is one allocation, beside the key of ByIP.
func TestReservationAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	l := guard.Must(ratelimit.New(ratelimit.Limit{Quota: plenty, Window: time.Minute}, ratelimit.ByIP(clientip.Direct()), nil))
	r := httptest.NewRequest("GET", "/", nil)
	got := testing.AllocsPerRun(1000, func() {
		if err := guard.Must(l.Reserve(r, 2)).Settle(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	})
	if got > 2 {
		t.Errorf("%v allocations, want at most 2", got)
	}
}

func BenchmarkMiddleware(b *testing.B) {
	r := httptest.NewRequest("GET", "/", nil)
	b.Run("bare", func(b *testing.B) {
		w := harness.NewDiscard()
		for b.Loop() {
			nothing.ServeHTTP(w, r)
		}
	})
	for _, tt := range hot {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			w := harness.NewDiscard()
			for b.Loop() {
				clear(w.Fields)
				tt.h.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkManyKeys(b *testing.B) {
	l := guard.Must(ratelimit.New(ratelimit.Limit{Quota: plenty, Window: time.Minute}, ratelimit.ByHeader("K"), nil))
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i] = "key-" + strconv.Itoa(i)
	}
	var n atomic.Uint64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := n.Add(1) * 7919; pb.Next(); i++ {
			if _, err := l.Take(b.Context(), keys[i%uint64(len(keys))], 1); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkFull: a full store, every key new.
func BenchmarkFull(b *testing.B) {
	m := guard.Must(ratelimit.NewMemory(nil))
	takes := []ratelimit.Take{{Limit: loginLimit, Cost: 1}}
	key := make([]byte, 0, 16)
	next := func(i int) {
		key = strconv.AppendInt(key[:0], int64(i), 10)
		takes[0].Key = string(key)
		_, _ = m.Take(b.Context(), takes)
	}
	for i := range 1_300_000 {
		next(i)
	}
	for i := 2_000_000; b.Loop(); i++ {
		next(i)
	}
}
