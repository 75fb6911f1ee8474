package main

import (
	"encoding/binary"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// heap returns the size of the live heap in bytes.
func heap() float64 {
	runtime.GC()
	runtime.GC() // completes the finalizers and the sweep of the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// ballast returns memory that makes the heap as large as a server's, for rows that
// allocate small objects and retain none. With this program's small heap, the
// garbage collector would run every few thousand requests and dominate the
// differences.
func ballast() []byte { return make([]byte, 64<<20) }

// bareMapOf returns the lower bound of a store with n entries: the time of a lookup
// in a map from 32 bytes, the size of a digest, to pointers, and its size per entry.
func bareMapOf(n int) (row benchmark, size Fact) {
	type entry struct{ _ [16]byte }
	key := func(i int) (k [32]byte) {
		binary.LittleEndian.PutUint64(k[:], uint64(i)*0x9e3779b97f4a7c15)
		return k
	}
	before := heap()
	m := make(map[[32]byte]*entry)
	for i := range n {
		m[key(i)] = new(entry)
	}
	size = Fact{"bare map: bytes an entry of 16", (heap() - before) / float64(n), "B"}
	at := 0
	return benchmark{"bare map, one of " + strconv.Itoa(n), lowerBound, func(times int) {
		for range times {
			at = (at + 7919) % n
			check(m[key(at)] != nil, "map")
		}
	}}, size
}

// longestStall returns the time of the slowest of n steps, in milliseconds. A
// container that stalls while it grows does so in every fill, at the same steps;
// noise of the machine strikes elsewhere each time. So the n steps are divided into
// stretches, and the slowest step of a stretch counts as in its fastest fill.
func longestStall(fills int, start func() func(i int), n int) float64 {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // the collector's pauses are not the container's
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	stretches := min(n, 10_000)
	fastest := make([]time.Duration, stretches)
	for fill := range fills {
		step := start()
		worst := make([]time.Duration, stretches)
		for i := range n {
			at := time.Now()
			step(i)
			took := time.Since(at)
			if s := i * stretches / n; took > worst[s] {
				worst[s] = took
			}
		}
		for s, w := range worst {
			if fill == 0 || w < fastest[s] {
				fastest[s] = w
			}
		}
	}
	longest := time.Duration(0)
	for _, w := range fastest {
		longest = max(longest, w)
	}
	return float64(longest) / float64(time.Millisecond)
}
