package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

var start = time.Now()

// settings are what the flags set.
type settings struct {
	rounds int
	slice  time.Duration // minimum time of one measurement
	fill   int           // entries in the memory tables
	cpu    bool          // measure processor time instead of elapsed time
	tries  int           // repetitions of the password timing
	load   time.Duration // duration of the load over TCP
	quick  bool          // imprecise
}

// clock returns the clock of a table. computes is false if its rows wait for another
// process: their processor time is meaningless.
func (s settings) clock(computes bool) func() time.Duration {
	if s.cpu && computes {
		return cpuTime
	}
	return func() time.Duration { return time.Since(start) }
}

// kind is the kind of implementation that a row measures.
type kind string

const (
	ours       kind = "guard"
	peer       kind = "peer"
	lowerBound kind = "limit" // no implementation can be faster
)

// A benchmark produces one row. run performs n operations.
type benchmark struct {
	name string
	kind kind
	run  func(n int)
}

// A table is a named comparison. build prepares it; if it returns an error, the table
// is skipped.
type table struct {
	name  string
	build func(settings) (comparison, error)
	waits bool // the rows wait for another process
	cpu   bool // the rows are processor time, also without -cpu
	small bool // the rows need almost no heap: see ballast
}

// A comparison is the content of a table. close, which may be nil, cleans up.
type comparison struct {
	benchmarks []benchmark
	facts      []Fact // measured by build, such as bytes per session
	bars       []bar
	null       [2]string // rows that do the same: see void
	close      func()
}

// turns returns into how many turns a round is divided, and the time of each. With
// several turns, a temporary disturbance of the machine affects some turns of every
// row, and never the whole measurement of one row. If the rows wait for another
// process, a round is one turn of four times the length: in a short one, the start
// and the end of its goroutines would dominate.
func (t table) turns(set settings) (n int, slice time.Duration) {
	if t.waits {
		return 1, 4 * set.slice
	}
	return 4, set.slice / 4
}

// void returns why a measurement says nothing: two rows that do the same differ by more
// than the smallest difference that a bar of the table is about.
func (c comparison) void(result *TableResult) string {
	if c.null == [2]string{} {
		return ""
	}
	r := result.between(c.null[0], c.null[1], func(a, b float64) float64 { return a / b })
	if r >= 0.93 && r <= 1.07 {
		return ""
	}
	return fmt.Sprintf("%s is %s × %s, which is the same", c.null[0], number(r), c.null[1])
}

// run measures the rows in rounds and turns, each in random order, so that a
// disturbance of the machine affects all rows alike. While a bar is missed, it runs
// up to twice as many additional rounds; the medians are over all rounds. A void
// measurement is discarded and repeated, up to four times.
func (t table) run(set settings) TableResult {
	result := TableResult{Name: t.name}
	built, err := t.build(set)
	if err != nil {
		result.Skipped = err.Error()
		return result
	}
	if built.close != nil {
		defer built.close()
	}
	if t.small {
		defer runtime.KeepAlive(ballast())
	}
	clock := set.clock(!t.waits)
	if t.cpu {
		clock = cpuTime
	}
	turns, slice := t.turns(set)
	samples := make([][]sample, len(built.benchmarks))
	counts := make([]int, len(built.benchmarks))
	for i, w := range built.benchmarks {
		counts[i] = calibrate(w.run, slice, clock)
	}
	for again, voided := 0, 0; again < 3; again++ {
		for range set.rounds {
			sums := make([]sample, len(built.benchmarks))
			for range turns {
				for _, i := range rand.Perm(len(built.benchmarks)) {
					sums[i].add(measure(built.benchmarks[i].run, counts[i], clock))
				}
			}
			for i, sum := range sums {
				samples[i] = append(samples[i], sum.dividedBy(float64(turns)))
			}
		}
		result.Rows, result.Bars = nil, nil
		for i, w := range built.benchmarks {
			result.Rows = append(result.Rows, median(w, samples[i]))
		}
		result.Facts = built.facts
		for _, b := range built.bars {
			result.Bars = append(result.Bars, b(&result))
		}
		if result.Void = built.void(&result); result.Void != "" {
			if voided++; voided == 5 {
				break
			}
			clear(samples)
			again = -1
			continue
		}
		if result.holds() {
			break
		}
	}
	return result
}

// calibrate returns how many operations fill a slice. What a table before this one left to
// collect, and new connections, take processor time too: first they must be done.
func calibrate(run func(int), slice time.Duration, clock func() time.Duration) int {
	runtime.GC()
	n := 1
	for confirmed := false; ; {
		took := time.Duration(1 << 62)
		for range 2 { // the faster of two: one may have been interrupted
			before := clock()
			run(n)
			took = min(took, clock()-before)
		}
		if took >= slice/2 {
			n = max(1, int(float64(n)*float64(slice)/float64(took)))
			if confirmed {
				return n
			}
			confirmed = true
			continue
		}
		confirmed = false
		grow := 100.0
		if took > 0 {
			grow = min(grow, 1.2*float64(slice)/float64(took))
		}
		n = max(n+1, int(float64(n)*grow))
	}
}

// A sample is what one operation takes.
type sample struct{ ns, bytes, allocs float64 }

func (s *sample) add(o sample) {
	s.ns, s.bytes, s.allocs = s.ns+o.ns, s.bytes+o.bytes, s.allocs+o.allocs
}

func (s sample) dividedBy(n float64) sample { return sample{s.ns / n, s.bytes / n, s.allocs / n} }

// measure returns the mean of n operations.
func measure(run func(int), n int, clock func() time.Duration) sample {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := clock()
	run(n)
	took := clock() - begun
	runtime.ReadMemStats(&after)
	return sample{
		ns:     float64(took.Nanoseconds()) / float64(n),
		bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
		allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
	}
}

// median returns the row of a benchmark that was sampled in several rounds.
func median(b benchmark, samples []sample) Row {
	each := func(value func(sample) float64) []float64 {
		var all []float64
		for _, s := range samples {
			all = append(all, value(s))
		}
		return all
	}
	of := func(all []float64) float64 { return middle(slices.Sorted(slices.Values(all))) }
	ns := each(func(s sample) float64 { return s.ns })
	return Row{
		Name: b.name, Kind: b.kind, NS: of(ns), Rounds: ns,
		Bytes:  of(each(func(s sample) float64 { return s.bytes })),
		Allocs: of(each(func(s sample) float64 { return s.allocs })),
	}
}

// middle returns the median of sorted numbers.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// compareTimes runs two operations alternately, n times in each of so many tries. It
// returns the median time of each, in ns, and their relative difference: the median
// of the differences within each try, since the speed of the machine varies from one
// try to the next. Their order is random, because with a regular one the garbage
// collector could affect one more often than the other.
func compareTimes(set settings, tries, n int, first, second func(n int)) (a, b, difference float64) {
	clock := set.clock(n == 1)
	var took [2][]float64
	ratios := make([]float64, tries)
	for i := range ratios {
		for _, which := range rand.Perm(2) {
			before := clock()
			[2]func(int){first, second}[which](n)
			took[which] = append(took[which], float64(clock()-before)/float64(n))
		}
		ratios[i] = took[0][i] / took[1][i]
	}
	for _, all := range [][]float64{ratios, took[0], took[1]} {
		slices.Sort(all)
	}
	return middle(took[0]), middle(took[1]), math.Abs(middle(ratios) - 1)
}

// check panics unless a row does what it claims to measure: the time of a refusal,
// for example, says nothing about the time of a success.
func check(ok bool, what string) {
	if !ok {
		panic("bench: " + what)
	}
}
