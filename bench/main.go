// Command bench compares guard with its peers, in one process and in interleaved
// rounds, and reports whether the project's bars hold. A bar is an upper bound of a
// measured value or of a ratio.
//
//	go run ./bench            every table
//	go run ./bench -quick     short and imprecise
//	go run ./bench -check     exit 1 if a bar is missed
//	go run ./bench -plot docs/bench.svg
//
// Only ratios can be compared between machines. Every table has a row for the
// lower bound: the bare cryptography, map, mux or Redis command.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/pprof"
	"time"
)

func main() {
	if os.Getenv(serveEnv) != "" {
		serveLoad()
	}
	var (
		asJSON = flag.Bool("json", false, "write JSON in place of tables")
		check  = flag.Bool("check", false, "exit 1 if a bar is missed")
		plot   = flag.String("plot", "", "write a chart (SVG) of guard and its peers to this file")
		quick  = flag.Bool("quick", false, "short slices and small fills: imprecise results")
		only   = flag.String("only", "", "run only the tables whose names match this regular expression")
		rounds = flag.Int("rounds", 6, "interleaved rounds")
		prof   = flag.String("cpuprofile", "", "write a CPU profile to this file")
		cpu    = flag.Bool("cpu", false, "measure processor time, for a machine with other load")
		load   = flag.Duration("load", 60*time.Second, "duration of the load over TCP, half of it without guards")
		slice  = flag.Duration("slice", 60*time.Millisecond, "minimum time of a row in a round; four times as much if the row waits for another process")
	)
	flag.Parse()
	pattern, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: -only:", err)
		os.Exit(2)
	}
	set := settings{rounds: *rounds, slice: *slice, fill: 1_000_000, tries: 200, load: *load}
	if *quick {
		set = settings{rounds: 3, slice: 4 * time.Millisecond, fill: 1_000_000 / 8, tries: 20, load: time.Second}
	}
	set.cpu = *cpu
	if *prof != "" {
		startProfile(*prof)
		defer pprof.StopCPUProfile()
	}

	report := Report{
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(),
		Rounds: set.rounds, Slice: set.slice.String(), Quick: *quick,
	}
	for _, t := range tables() {
		if !pattern.MatchString(t.name) {
			continue
		}
		result := t.run(set)
		report.Tables = append(report.Tables, result)
		if !*asJSON {
			result.write(os.Stdout)
		}
	}
	if *asJSON {
		report.writeJSON(os.Stdout)
	} else {
		report.summary(os.Stdout)
	}
	if *plot != "" {
		if err := os.WriteFile(*plot, report.svg(), 0o644); err != nil {
			fail(err)
		}
	}
	if *check && !report.holds() {
		pprof.StopCPUProfile()
		os.Exit(1)
	}
}

// startProfile starts a CPU profile, which is written to a file.
func startProfile(name string) {
	f, err := os.Create(name)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fail(err)
	}
}

// fail reports an error and ends the program.
func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}
