//go:build !unix

package main

import "time"

// cpuTime returns the elapsed time, since the processor time is not available.
func cpuTime() time.Duration { return time.Since(start) }
