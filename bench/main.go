// Command bench compares guard with its peers, in one process and in interleaved
// rounds, and reports whether the project's bars hold. A bar is an upper bound of a
// measured value or of a ratio.
//
//	go run ./bench            every table
//	go run ./bench -quick     short and imprecise
//	go run ./bench -check     exit 1 if a bar is missed
//	go run ./bench -json > bench/results.json
//	go run ./bench -from bench/results.json -write .
//
// The last two store a run and write its figures into README.md and its chart.
//
// Only ratios can be compared between machines. Every table has a row for the
// lower bound: the bare cryptography, map, mux or Redis command.
//
// The tables e2e have whole requests over TCP to servers of one API, in processor time
// (see e2e.go), and the table program has the size and the build of a program with one
// guard. A run of e2e in which two rows that do the same differ by more than 7 % is void,
// and no bar of it holds.
package main

import (
	"flag"
	"fmt"
	"io"
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
	if os.Getenv(clientEnv) != "" {
		sendBursts()
	}
	var (
		asJSON = flag.Bool("json", false, "write JSON in place of tables")
		check  = flag.Bool("check", false, "exit 1 if a bar is missed")
		from   = flag.String("from", "", "measure nothing, and read this file that -json wrote")
		folder = flag.String("write", "", "write the figures that the pages in this folder quote, and their chart")
		quick  = flag.Bool("quick", false, "short slices and small fills: imprecise results")
		only   = flag.String("only", "", "run only the tables whose names match this regular expression")
		quoted = flag.Bool("quoted", false, "run only the tables that -write needs")
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
	set.cpu, set.quick = *cpu, *quick
	if *prof != "" {
		startProfile(*prof)
		defer pprof.StopCPUProfile()
	}

	out, wrote := io.Writer(os.Stdout), io.Writer(os.Stdout)
	if *asJSON {
		out, wrote = io.Discard, io.Discard
	}
	if *from != "" && *folder != "" && !*check {
		out = io.Discard // the run that wrote the file has printed its tables
	}
	report := new(Report)
	if *from != "" {
		if report, err = readReport(*from); err != nil {
			fail(err)
		}
		for _, t := range report.Tables {
			t.write(out)
		}
	} else {
		names := quotedTables()
		report = run(set, out, func(name string) bool {
			return pattern.MatchString(name) && (!*quoted || names[name])
		})
	}
	report.summary(out)
	if *asJSON {
		text, err := report.json()
		if err != nil {
			fail(err)
		}
		os.Stdout.Write(text)
	}
	if *folder != "" {
		if err := report.publish(*folder, wrote); err != nil {
			fail(err)
		}
	}
	if *check && !report.holds() {
		pprof.StopCPUProfile()
		os.Exit(1)
	}
}

// run measures the tables that are wanted, and prints each when it is complete.
func run(set settings, out io.Writer, wanted func(name string) bool) *Report {
	report := &Report{
		Date: time.Now().UTC().Format(time.DateOnly), Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPUs: runtime.NumCPU(), Rounds: set.rounds, Slice: set.slice.String(), CPU: set.cpu, Quick: set.quick,
	}
	for _, t := range tables() {
		if wanted(t.name) {
			result := t.run(set)
			report.Tables = append(report.Tables, result)
			result.write(out)
		}
	}
	return report
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
