package main

import (
	"encoding/binary"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// heap is the live heap in bytes.
func heap() float64 {
	runtime.GC()
	runtime.GC() // finalizers and sweeping of the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// serversHeap is a heap like a server's, for rows that make small objects and
// keep none: with the little else of this program's, the collector would run
// every few thousand requests and be what differs.
func serversHeap() []byte { return make([]byte, 64<<20) }

// crowdedMap is what a table of n can be measured against: a bare map of keys of
// 32 bytes, as digests are, to pointers, how many bytes each takes, and the
// finding of one after the other.
func crowdedMap(n int) (row work, size Fact) {
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
	return work{"bare map, one of " + strconv.Itoa(n), limit, func(times int) {
		for range times {
			at = (at + 7919) % n
			check(m[key(at)] != nil, "map")
		}
	}}, size
}

// longest is the longest that one of n steps takes, in milliseconds, at its
// best of several fills: a container that stops to grow stops in every fill,
// a scheduler that looks away does not.
func longest(fills int, start func() func(i int), n int) float64 {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // the collector's pauses are not the container's
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	// Per stretch of the fill the least of its longest steps: noise strikes
	// elsewhere each time.
	stretches := min(n, 10_000)
	least := make([]time.Duration, stretches)
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
			if fill == 0 || w < least[s] {
				least[s] = w
			}
		}
	}
	longest := time.Duration(0)
	for _, w := range least {
		longest = max(longest, w)
	}
	return float64(longest) / float64(time.Millisecond)
}
