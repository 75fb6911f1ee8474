// The skipped command reads the output of go test -json and ends with the tests
// that were skipped, by reason: go test prints no skips when it tests several
// packages.
//
//	go test -json work | go run ./internal/testing/skipped
//
// It prints one line for each package, the output of each test that failed, and
// the list. The input may hold several runs. A test that ran in one of them and
// was skipped in another, such as a budget of allocations under the race
// detector, is listed separately. With -list it prints the list only.
//
// The exit status is 1 if a test or a build failed or if the input holds no
// result. With GUARD_REQUIRE_SERVICES=1 it is also 1 if a test was skipped
// because it "needs" something: see harness.Needs.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	list := flag.Bool("list", false, "print the list only")
	flag.Parse()
	progress := io.Writer(os.Stdout)
	if *list {
		progress = io.Discard
	}
	if err := run(os.Stdin, progress, os.Stdout, os.Getenv("GUARD_REQUIRE_SERVICES") == "1"); err != nil {
		fmt.Fprintln(os.Stderr, "skipped:", err)
		os.Exit(1)
	}
}

// run reads the events of go test -json, and writes results as they come and
// then the list.
func run(events io.Reader, progress, list io.Writer, servicesRequired bool) error {
	rep := newReport(progress)
	if err := rep.read(events); err != nil {
		return err
	}
	needed := rep.writeList(list)
	switch {
	case rep.failures > 0:
		return fmt.Errorf("packages that failed: %d", rep.failures)
	case rep.packages == 0:
		return fmt.Errorf("no test results: the input is the output of go test -json")
	case servicesRequired && needed > 0:
		return fmt.Errorf("GUARD_REQUIRE_SERVICES is 1, and tests were skipped for want of a service: %d", needed)
	}
	return nil
}
