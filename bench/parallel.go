package main

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// parallel returns a benchmark that g goroutines share. Each has its own state, from
// a call of newRun.
func parallel(g int, newRun func() func(n int)) func(n int) {
	runs := make([]func(int), g)
	for i := range runs {
		isolateCacheLines()
		runs[i] = newRun()
	}
	isolateCacheLines()
	return func(n int) {
		var wg sync.WaitGroup
		var failed atomic.Value // what check panicked with, for the caller
		for i, run := range runs {
			share := (n + i) / g
			wg.Go(func() {
				defer func() {
					if p := recover(); p != nil {
						failed.Store(fmt.Sprint(p))
					}
				}()
				run(share)
			})
		}
		wg.Wait()
		if p := failed.Load(); p != nil {
			panic(p)
		}
	}
}

// isolateCacheLines allocates padding, so that objects allocated before and after it
// never share a cache line. Otherwise two goroutines could contend for one at every
// write: the same row took 250 ns in one run and 440 ns in another. The padding fills
// a line with objects of each small size, with and without pointers.
func isolateCacheLines() {
	for size := 8; size <= 512; size += 8 {
		for range 1 + 64/size {
			padding = append(padding, make([]byte, size), make([]*byte, size/8))
		}
	}
}

var padding []any // never freed, so that its place is not reused
