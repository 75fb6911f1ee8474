// Vulnerable reads what govulncheck -json prints, and lists the vulnerabilities that the
// program calls. Its exit status is 1 where one of them is in a module: those of the
// standard library are in no go.mod, and a newer toolchain fixes them.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// standard is how govulncheck names the standard library.
const standard = "stdlib"

// A message is what this program reads of one.
type message struct {
	Finding *struct {
		OSV   string
		Fixed string `json:"fixed_version"`
		Trace []struct{ Module, Version, Function string }
	}
}

func main() {
	inModules, err := list(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vulnerable:", err)
	}
	if err != nil || inModules > 0 {
		os.Exit(1)
	}
}

// list prints one line for each vulnerability that is called, and counts those of modules.
func list(in io.Reader, out io.Writer) (inModules int, err error) {
	lines := map[string]bool{}
	for dec := json.NewDecoder(in); ; {
		var m message
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		if m.Finding == nil || len(m.Finding.Trace) == 0 || m.Finding.Trace[0].Function == "" { // it is not called
			continue
		}
		where := m.Finding.Trace[0]
		line := fmt.Sprintf("%s: %s %s, fixed in %s", m.Finding.OSV, where.Module, where.Version, m.Finding.Fixed)
		if !lines[line] && where.Module != standard {
			inModules++
		}
		lines[line] = true
	}
	for _, line := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintln(out, line)
	}
	return inModules, nil
}
