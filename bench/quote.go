package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A quote is a part of a page that has figures of a run. It is between two comments of
// its page: see beginning.
type quote struct {
	file, name string
	text       func(*reading) string
}

var quotes = []quote{
	{"README.md", "servers", servers},
	{"README.md", "requests", requests},
	{"README.md", "sizes", sizes},
	{"docs/many-processes.md", "capacity", capacity},
	{"docs/many-processes.md", "logins", logins},
	{"docs/many-processes.md", "ten million", tenMillion},
}

// chart is the file that svg is written to.
const chart = "bench/bench.svg"

// publish writes the quotes and the chart into the files below a folder, and the names of
// the files to out.
func (r *Report) publish(folder string, out io.Writer) error {
	if r.Quick {
		return errors.New("a quick run is imprecise: its figures are not published")
	}
	files, err := r.published(folder)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
		fmt.Fprintln(out, "wrote", path)
	}
	return nil
}

// published returns the content of the files below a folder that publish writes.
func (r *Report) published(folder string) (map[string][]byte, error) {
	g := &reading{report: r}
	files := map[string][]byte{chart: svg(g)}
	for _, q := range quotes {
		text, read := files[q.file]
		if !read {
			var err error
			if text, err = os.ReadFile(filepath.Join(folder, q.file)); err != nil {
				return nil, err
			}
		}
		begin, end, err := between(text, q.name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.file, err)
		}
		files[q.file] = bytes.Join([][]byte{text[:begin], []byte(q.text(g)), text[end:]}, nil)
	}
	for _, m := range g.missing {
		return nil, m
	}
	return files, nil
}

// A quote begins and ends with these.
func beginning(name string) string {
	return "<!-- bench: " + name + " (written by go run ./bench -from bench/results.json -write .) -->\n"
}

const ending = "<!-- /bench -->"

// between returns where the text of a quote begins and ends.
func between(page []byte, name string) (begin, end int, err error) {
	head := []byte(beginning(name))
	at := bytes.Index(page, head)
	if at < 0 || bytes.Count(page, head) > 1 {
		return 0, 0, fmt.Errorf("want one line %q", head)
	}
	begin = at + len(head)
	length := bytes.Index(page[begin:], []byte(ending))
	if length < 0 {
		return 0, 0, fmt.Errorf("nothing ends %q", head)
	}
	return begin, begin + length, nil
}

// A reading looks up what is quoted, and lists what the report does not have.
type reading struct {
	report  *Report
	tables  []string // all that were asked for
	missing []*missingError
}

// A missingError is about a table that was not run or is void, or a name that it does not have.
type missingError struct{ table, name string }

func (e *missingError) Error() string {
	return fmt.Sprintf("bench: table %q with %q is not in the results", e.table, e.name)
}

func (g *reading) table(name string) *TableResult {
	g.tables = append(g.tables, name)
	if t := g.report.table(name); t != nil && t.Void == "" {
		return t
	}
	return &TableResult{Name: name}
}

func (g *reading) row(table, name string) Row {
	for _, r := range g.table(table).Rows {
		if r.Name == name {
			return r
		}
	}
	g.missing = append(g.missing, &missingError{table, name})
	return Row{Name: name, NS: 1, Rounds: []float64{1}}
}

func (g *reading) fact(table, name string) float64 {
	for _, f := range g.table(table).Facts {
		if f.Name == name {
			return f.Value
		}
	}
	g.missing = append(g.missing, &missingError{table, name})
	return 1
}

func (g *reading) ratio(table, a, b string) float64 {
	pair := TableResult{Name: table, Rows: []Row{g.row(table, a), g.row(table, b)}}
	return pair.ratio(a, b)
}

// quotedTables returns the names of the tables that publish needs.
func quotedTables() map[string]bool {
	g := &reading{report: new(Report)}
	for _, q := range quotes {
		q.text(g)
	}
	svg(g)
	names := map[string]bool{}
	for _, name := range g.tables {
		names[name] = true
	}
	return names
}

// count returns a number with its unit in the singular or plural.
func count(n float64, unit string) string {
	if n = roundNearInteger(n); n > 10 {
		n = math.Round(n)
	}
	switch n {
	case 0:
		return "no " + unit
	case 1:
		return "1 " + unit
	default:
		return number(n) + " " + unit + "s"
	}
}

// proportion returns v of something, in two significant digits: "0.37 × it", "1/27 of it".
func proportion(v float64, of string) string {
	switch {
	case v >= 9.95:
		return strconv.FormatFloat(significant(v, 2), 'f', 0, 64) + " × " + of
	case v >= 0.995:
		return strconv.FormatFloat(v, 'f', 1, 64) + " × " + of
	case v >= 0.0995:
		return strconv.FormatFloat(v, 'f', 2, 64) + " × " + of
	default:
		return "1/" + strconv.FormatFloat(significant(1/v, 2), 'f', 0, 64) + " of " + of
	}
}

// sizes is what a million entries in memory take, and which run it was.
func sizes(g *reading) string {
	bytes := func(table, name string) string {
		return strconv.FormatFloat(math.Round(g.fact(table, name)), 'f', 0, 64)
	}
	r := g.report
	clock, date := "elapsed time", r.Date
	if r.CPU {
		clock = "processor time, or elapsed time with Redis,"
	}
	if at, err := time.Parse(time.DateOnly, date); err == nil {
		date = at.Format("2 January 2006")
	}
	var out strings.Builder
	fmt.Fprintf(&out, "A million sessions take %s bytes each (scs: %s, without an index by user), a million API keys %s, a million limited keys %s to %s.\n",
		bytes("session, memory", "guard: bytes a session, its subject's index included"),
		bytes("session, memory", "scs memstore: bytes a session, no index"),
		bytes("apikey, memory", "guard: bytes a key, its record and its subject's list included"),
		bytes("ratelimit, memory", "guard: bytes a key, GCRA"), bytes("ratelimit, memory", "guard: bytes a key, 100 in 1 min"))
	fmt.Fprintf(&out, "Ratios are of %s in one run: %s, %s on %s/%s, %d processors.\n", clock, date, r.Go, r.OS, r.Arch, r.CPUs)
	return out.String()
}
