package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// An event is a line of go test -json: see go doc test2json. A build has an
// ImportPath in place of a Package.
type event struct {
	Action, Package, ImportPath, Test, Output string
}

// A testID names a test, or a package where Test is empty.
type testID struct{ Package, Test string }

func (id testID) String() string {
	return strings.TrimPrefix(id.Package, "github.com/go-guard/") + " " + id.Test
}

// topLevel returns the test that a subtest belongs to.
func (id testID) topLevel() testID {
	id.Test, _, _ = strings.Cut(id.Test, "/")
	return id
}

type report struct {
	progress           io.Writer
	packages, failures int
	output             map[testID]*strings.Builder // of what has not ended
	skips              map[testID]string           // the reasons
	ran                map[testID]bool             // in one run at least
}

func newReport(progress io.Writer) *report {
	return &report{progress: progress, output: map[testID]*strings.Builder{}, skips: map[testID]string{}, ran: map[testID]bool{}}
}

func (rep *report) read(events io.Reader) error {
	in := bufio.NewReader(events)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var e event
			if line[0] != '{' || json.Unmarshal(line, &e) != nil {
				_, _ = rep.progress.Write(line) // such as a message of the go command
			} else {
				rep.add(e)
			}
		}
		switch err {
		case nil:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

func (rep *report) add(e event) {
	id := testID{e.Package, e.Test}
	switch e.Action {
	case "output":
		if rep.output[id] == nil {
			rep.output[id] = &strings.Builder{}
		}
		rep.output[id].WriteString(e.Output)
		return
	case "build-output":
		fmt.Fprint(rep.progress, e.Output)
		return
	case "pass":
		rep.ran[id] = true
	case "fail":
		rep.ran[id] = true
		if e.Test != "" {
			rep.printOutput(id)
		}
	case "skip":
		if e.Test != "" {
			rep.skips[id] = reason(rep.output[id])
		}
	default:
		return
	}
	if e.Test == "" {
		rep.endPackage(id, e.Action)
	}
	delete(rep.output, id)
}

// endPackage prints the line of a package. If it failed, it prints all output of
// the package and of tests that have not ended, such as one that panicked.
func (rep *report) endPackage(id testID, action string) {
	rep.packages++
	if action != "fail" {
		for line := range strings.Lines(rep.text(id)) {
			if strings.HasPrefix(line, "ok") || strings.HasPrefix(line, "?") {
				fmt.Fprint(rep.progress, line)
			}
		}
		return
	}
	rep.failures++
	for test := range rep.output {
		if test.Package == id.Package && test.Test != "" {
			rep.printOutput(test)
			delete(rep.output, test)
		}
	}
	rep.printOutput(id)
}

func (rep *report) printOutput(id testID) { fmt.Fprint(rep.progress, rep.text(id)) }

func (rep *report) text(id testID) string {
	if rep.output[id] == nil {
		return ""
	}
	return rep.output[id].String()
}

// logged matches the first line of what a test logs.
var logged = regexp.MustCompile(`^\s+[^\s:]+\.go:\d+: ?(.*)`)

// reason returns what the test logged last.
func reason(output *strings.Builder) (text string) {
	const none = "no reason given"
	if output == nil {
		return none
	}
	for line := range strings.Lines(output.String()) {
		line = strings.TrimRight(line, "\n")
		if m := logged.FindStringSubmatch(line); m != nil {
			text = m[1]
		} else if more, indented := strings.CutPrefix(line, "        "); indented && text != "" {
			text += " " + strings.TrimSpace(more) // a reason of several lines
		}
	}
	if text == "" {
		return none
	}
	return text
}

// writeList writes the skipped tests by reason, and returns how many of them lack
// a service.
func (rep *report) writeList(w io.Writer) (needed int) {
	never, elsewhere := map[string][]testID{}, map[string][]testID{}
	for id, why := range rep.skips {
		if strings.HasPrefix(why, "needs ") {
			needed++
		}
		if rep.ran[id] {
			elsewhere[why] = append(elsewhere[why], id)
		} else {
			never[why] = append(never[why], id)
		}
	}
	if len(rep.skips) == 0 {
		fmt.Fprintln(w, "\nNo test was skipped.")
	}
	writeSection(w, "Skipped:", never)
	writeSection(w, "Skipped in one run, but not in another:", elsewhere)
	return needed
}

func writeSection(w io.Writer, title string, byReason map[string][]testID) {
	if len(byReason) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, why := range slices.Sorted(maps.Keys(byReason)) {
		fmt.Fprintf(w, "  %s\n", why)
		subtests := map[string][]string{} // by top-level test
		for _, id := range byReason[why] {
			top := id.topLevel().String()
			subtests[top] = append(subtests[top], id.String())
		}
		for _, top := range slices.Sorted(maps.Keys(subtests)) {
			if n := len(subtests[top]); n > 1 {
				fmt.Fprintf(w, "      %s (%d subtests)\n", top, n)
			} else {
				fmt.Fprintf(w, "      %s\n", subtests[top][0])
			}
		}
	}
}
