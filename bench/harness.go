package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"
)

var start = time.Now()

type settings struct {
	rounds int
	slice  time.Duration // least time of one measurement
	fill   int           // entries of the memory tables
	cpu    bool          // processor time in place of the clock's
	tries  int           // of the password timing
	load   time.Duration // of the load over TCP
}

// clock is what times are taken by.
func (s settings) clock(computes bool) func() time.Duration {
	if s.cpu && computes {
		return cpuTime
	}
	return func() time.Duration { return time.Since(start) }
}

// kind tells whose work a row is.
type kind string

const (
	ours  kind = "guard"
	peer  kind = "peer"
	limit kind = "limit" // what no implementation can beat
)

// A work is one row: run does it n times.
type work struct {
	name string
	kind kind
	run  func(n int)
}

// A table is one comparison. build prepares it and returns its rows and bars;
// what it returns last, which may be nil, cleans up. An error skips the table.
type table struct {
	name  string
	build func(settings) (rows, error)
	waits bool // for another process: its processor time tells nothing
	small bool // its rows need next to no heap, and get a server's beside it
}

type rows struct {
	work  []work
	facts []Fact // measured while building, such as bytes a session
	bars  []bar
	close func()
}

// turns are the parts of a round, and slice is the time of each: what disturbs
// the machine for a while disturbs some turns of every row, and not one row's
// whole measurement. Where goroutines wait for another process, a part would be
// little more than its start and end; a round has one turn, as long as four.
func (t table) turns(set settings) (n int, slice time.Duration) {
	if t.waits {
		return 1, 4 * set.slice
	}
	return 4, set.slice / 4
}

// run measures the rows in rounds and turns, each in a random order, so that
// whatever the machine does meanwhile meets all of them alike.
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
		defer runtime.KeepAlive(serversHeap())
	}
	clock := set.clock(!t.waits)
	turns, slice := t.turns(set)
	samples := make([][]sample, len(built.work))
	counts := make([]int, len(built.work))
	for i, w := range built.work {
		counts[i] = calibrate(w.run, slice, clock)
	}
	// Where a bar is missed, up to twice as many rounds more have a say; the
	// medians are over all of them.
	for range 3 {
		for range set.rounds {
			sums := make([]sample, len(built.work))
			for range turns {
				for _, i := range rand.Perm(len(built.work)) {
					sums[i].add(measure(built.work[i].run, counts[i], clock))
				}
			}
			for i, sum := range sums {
				samples[i] = append(samples[i], sum.each(float64(turns)))
			}
		}
		result.Rows, result.Bars = nil, nil
		for i, w := range built.work {
			result.Rows = append(result.Rows, median(w, counts[i], samples[i]))
		}
		result.Facts = built.facts
		for _, b := range built.bars {
			result.Bars = append(result.Bars, b(&result))
		}
		if result.holds() {
			break
		}
	}
	return result
}

// calibrate finds how many operations fill a slice.
func calibrate(run func(int), slice time.Duration, clock func() time.Duration) int {
	n := 1
	for {
		took := time.Duration(1 << 62)
		for range 2 { // the better of two: the first may have been interrupted
			before := clock()
			run(n)
			took = min(took, clock()-before)
		}
		if took >= slice/2 {
			return max(1, int(float64(n)*float64(slice)/float64(took)))
		}
		grow := 100.0
		if took > 0 {
			grow = min(grow, 1.2*float64(slice)/float64(took))
		}
		n = max(n+1, int(float64(n)*grow))
	}
}

type sample struct{ ns, bytes, allocs float64 }

func (s *sample) add(o sample) {
	s.ns, s.bytes, s.allocs = s.ns+o.ns, s.bytes+o.bytes, s.allocs+o.allocs
}

func (s sample) each(n float64) sample { return sample{s.ns / n, s.bytes / n, s.allocs / n} }

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

func median(w work, n int, samples []sample) Row {
	pick := func(of func(sample) float64) []float64 {
		var all []float64
		for _, s := range samples {
			all = append(all, of(s))
		}
		slices.Sort(all)
		return all
	}
	ns := pick(func(s sample) float64 { return s.ns })
	row := Row{
		Name: w.name, Kind: w.kind, N: n,
		NS:     middle(ns),
		Bytes:  middle(pick(func(s sample) float64 { return s.bytes })),
		Allocs: middle(pick(func(s sample) float64 { return s.allocs })),
		rounds: samples,
	}
	row.Spread = (ns[len(ns)-1] - ns[0]) / row.NS
	return row
}

// middle is the median of sorted numbers.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// differ is the medians of what one and other take, in ns, over tries of so many
// of each, and how far apart they are, as the median of what tries that follow
// one another say of it: the machine is faster at one time than at another.
// Which of two comes first is chance: a collection of garbage every so many
// tries would meet one more often than the other in any order that returns.
func differ(set settings, tries, each int, one, other func(n int)) (a, b, gap float64) {
	clock := set.clock(each == 1)
	var took [2][]float64
	ratios := make([]float64, tries)
	for i := range ratios {
		for _, which := range rand.Perm(2) {
			before := clock()
			[2]func(int){one, other}[which](each)
			took[which] = append(took[which], float64(clock()-before)/float64(each))
		}
		ratios[i] = took[0][i] / took[1][i]
	}
	for _, of := range [][]float64{ratios, took[0], took[1]} {
		slices.Sort(of)
	}
	return middle(took[0]), middle(took[1]), math.Abs(middle(ratios) - 1)
}

// parallel is run by g goroutines at once, each with work of its own.
func parallel(g int, each func() func(n int)) func(n int) {
	runs := make([]func(int), g)
	for i := range runs {
		apart()
		runs[i] = each()
	}
	apart()
	return func(n int) {
		var wg sync.WaitGroup
		for i, run := range runs {
			share := (n + i) / g
			wg.Go(func() { run(share) })
		}
		wg.Wait()
	}
}

// apart keeps what is allocated before it and after it out of each other's cache
// lines, in which two goroutines would wait for one another at every write: a
// row took 250 ns or 440, as luck had it. Of each size of small objects, with
// pointers and without, it takes a line full.
func apart() {
	for size := 8; size <= 512; size += 8 {
		for range 1 + 64/size {
			spacers = append(spacers, make([]byte, size), make([]*byte, size/8))
		}
	}
}

var spacers []any // kept, as nothing is to come in between

// check stops the program where a row does not do the work that it claims: to
// measure a refusal in place of an answer is worth nothing.
func check(did bool, what string) {
	if !did {
		panic("bench: " + what)
	}
}
