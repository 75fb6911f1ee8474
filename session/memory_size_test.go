package session_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

// BenchmarkMillion fills a Memory. It reports the bytes of a session and the time
// of the slowest insert.
func BenchmarkMillion(b *testing.B) {
	for b.Loop() {
		bytes, slowest := fill(b, newMemory(b, nil), 1_000_000)
		b.ReportMetric(bytes, "B/session")
		b.ReportMetric(float64(slowest)/float64(time.Microsecond), "µs-max")
	}
}

// fill inserts n sessions of n subjects. It returns the heap bytes of each, and
// the time of the slowest insert without the 16 slowest, which the scheduler
// delayed.
func fill(b testing.TB, m *session.Memory, n int) (bytes float64, slowest time.Duration) {
	b.Helper()
	took := make([]time.Duration, n)
	before := heap()
	for i := range n {
		rec := sessiontest.Record(fmt.Sprintf("user-%07d", i))
		binary.BigEndian.PutUint32(rec.ID[:], uint32(i))
		rec.Data = fmt.Sprintf(`{"Email":"u%07d@example.com","Role":"user"}`, i)
		start := time.Now()
		err := m.Insert(b.Context(), rec, session.AnyEpoch)
		took[i] = time.Since(start)
		if err != nil {
			b.Fatal(err)
		}
	}
	bytes = float64(heap()-before) / float64(n)
	slices.Sort(took)
	runtime.KeepAlive(m)
	b.Logf("%.0f bytes each; p50 %v, p99.99 %v, 16 from the end %v, max %v", bytes, took[n/2], took[n-n/10000], took[n-17], took[n-1])
	return bytes, took[n-17]
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// BenchmarkSubject has 1,000 sessions of one subject, each with a reference.
func BenchmarkSubject(b *testing.B) {
	const n = 1000
	m := newMemory(b, &session.MemoryOptions{MaxPerSubject: n})
	var keep []session.ID
	add := func(ref string) {
		rec := sessiontest.Record("alice")
		rec.Ref = ref
		if err := m.Insert(b.Context(), rec, session.AnyEpoch); err != nil {
			b.Fatal(err)
		}
		if keep = append(keep, rec.ID); len(keep) > n {
			keep = keep[len(keep)-n:]
		}
	}
	fill := func() {
		for i := range n {
			add([]string{"even", "odd"}[i%2])
		}
	}
	fill()
	b.Run("insert", func(b *testing.B) {
		for b.Loop() {
			add("even")
		}
	})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if list, _ := m.List(b.Context(), "alice"); len(list) != n {
				b.Fatal(len(list))
			}
		}
	})
	b.Run("delete all, kept", func(b *testing.B) {
		for b.Loop() {
			if deleted, _ := m.DeleteAll(b.Context(), "alice", keep); deleted != 0 {
				b.Fatal(deleted)
			}
		}
	})
	b.Run("delete all", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			fill()
			b.StartTimer()
			if deleted, _ := m.DeleteAll(b.Context(), "alice", nil); deleted != n {
				b.Fatal(deleted)
			}
		}
	})
}
