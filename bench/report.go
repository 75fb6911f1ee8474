package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// A Report is what -json writes and -from reads.
type Report struct {
	Date   string        `json:"date"` // as 2026-11-29
	Go     string        `json:"go"`
	OS     string        `json:"os"`
	Arch   string        `json:"arch"`
	CPUs   int           `json:"cpus"`
	Rounds int           `json:"rounds"`
	Slice  string        `json:"slice"`
	CPU    bool          `json:"cpu,omitempty"` // processor time in place of elapsed time
	Quick  bool          `json:"quick,omitempty"`
	Tables []TableResult `json:"tables"`
}

// A TableResult is a measured table.
type TableResult struct {
	Name    string      `json:"name"`
	Skipped string      `json:"skipped,omitempty"`
	Void    string      `json:"void,omitempty"` // why the bars of the rows say nothing
	Rows    []Row       `json:"rows,omitempty"`
	Facts   []Fact      `json:"facts,omitempty"`
	Bars    []BarResult `json:"bars,omitempty"`
}

// A Row is the result of one benchmark: medians over the rounds, and the time of each
// round.
type Row struct {
	Name   string    `json:"name"`
	Kind   kind      `json:"kind"`
	NS     float64   `json:"ns"`
	Bytes  float64   `json:"bytes"`
	Allocs float64   `json:"allocs"`
	Rounds []float64 `json:"rounds"`
}

// spread is the difference between the slowest and the fastest round, divided by the
// median.
func (r Row) spread() float64 { return (slices.Max(r.Rounds) - slices.Min(r.Rounds)) / r.NS }

// A Fact is a number that is not a time per operation.
type Fact struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// A BarResult reports whether a bar holds: whether Value is at most Max.
type BarResult struct {
	Text  string  `json:"text"`
	Value float64 `json:"value"`
	Max   float64 `json:"max"`
	Holds bool    `json:"holds"`
}

// A bar computes its value from a measured table.
type bar func(*TableResult) BarResult

// row returns the row of a name, which must exist.
func (t *TableResult) row(name string) Row {
	for _, r := range t.Rows {
		if r.Name == name {
			return r
		}
	}
	panic(fmt.Sprintf("bench: table %s has no row %q", t.Name, name))
}

// between applies f to the times of a and b in each round, and returns the median. A
// disturbance of some rounds affects both rows, so that this is more robust than a
// comparison of the medians.
func (t *TableResult) between(a, b string, f func(a, b float64) float64) float64 {
	x, y := t.row(a).Rounds, t.row(b).Rounds
	all := make([]float64, len(x))
	for i := range x {
		all[i] = f(x[i], y[i])
	}
	slices.Sort(all)
	return middle(all)
}

// ratio returns the time of a divided by that of b.
func (t *TableResult) ratio(a, b string) float64 {
	return t.between(a, b, func(a, b float64) float64 { return a / b })
}

// fact returns the value of the fact of a name, which must exist.
func (t *TableResult) fact(name string) float64 {
	for _, f := range t.Facts {
		if f.Name == name {
			return f.Value
		}
	}
	panic(fmt.Sprintf("bench: table %s has no fact %q", t.Name, name))
}

// atMost is the bar value ≤ max.
func atMost(text string, max float64, value func(*TableResult) float64) bar {
	return func(t *TableResult) BarResult {
		v := value(t)
		return BarResult{Text: text, Value: v, Max: max, Holds: v <= max}
	}
}

// ratio is the bar time of a ≤ max × time of b.
func ratio(a, b string, max float64) bar {
	return atMost(fmt.Sprintf("%s ≤ %s × %s", a, number(max), b), max,
		func(t *TableResult) float64 { return t.ratio(a, b) })
}

// difference is the bar time of a ≤ time of b + max ns.
func difference(a, b string, max float64) bar {
	return atMost(fmt.Sprintf("%s ≤ %s + %s ns", a, b, number(max)), max,
		func(t *TableResult) float64 {
			return t.between(a, b, func(a, b float64) float64 { return a - b })
		})
}

// similar is the bar |time of a - time of b| ≤ max × time of b.
func similar(a, b string, max float64) bar {
	return atMost(fmt.Sprintf("%s = %s ± %s %%", a, b, number(100*max)), max,
		func(t *TableResult) float64 {
			return math.Abs(t.between(a, b, func(a, b float64) float64 { return a/b - 1 }))
		})
}

// allocs is the bar allocations of a ≤ max. Allocations and bytes are means over many
// operations; what a growing map or a pool occasionally adds is ignored.
func allocs(a string, max float64) bar {
	return atMost(fmt.Sprintf("%s ≤ %s allocs", a, number(max)), max,
		func(t *TableResult) float64 { return roundNearInteger(t.row(a).Allocs) })
}

// allocsDifference is the bar allocations of a ≤ allocations of b + max.
func allocsDifference(a, b string, max float64) bar {
	return atMost(fmt.Sprintf("%s ≤ %s + %s allocs", a, b, number(max)), max,
		func(t *TableResult) float64 { return roundNearInteger(t.row(a).Allocs - t.row(b).Allocs) })
}

// heapBytes is the bar bytes of a ≤ max.
func heapBytes(a string, max float64) bar {
	return atMost(fmt.Sprintf("%s ≤ %s B", a, number(max)), max,
		func(t *TableResult) float64 { return math.Floor(t.row(a).Bytes) })
}

// factAtMost is the bar value of a fact ≤ max.
func factAtMost(name string, max float64) bar {
	return atMost(fmt.Sprintf("%s ≤ %s", name, number(max)), max,
		func(t *TableResult) float64 { return t.fact(name) })
}

// table returns the table of a name, nil if it was not run.
func (r *Report) table(name string) *TableResult {
	for i := range r.Tables {
		if r.Tables[i].Name == name {
			return &r.Tables[i]
		}
	}
	return nil
}

func (r *Report) holds() bool {
	for i := range r.Tables {
		if !r.Tables[i].holds() {
			return false
		}
	}
	return len(r.Tables) > 0
}

func (t *TableResult) holds() bool {
	if t.Void != "" {
		return false
	}
	for _, b := range t.Bars {
		if !b.Holds {
			return false
		}
	}
	return true
}

// write prints the table. The ratio of a row is its time divided by that of guard's
// first row.
func (t *TableResult) write(out io.Writer) {
	fmt.Fprintf(out, "## %s\n\n", t.Name)
	if t.Skipped != "" {
		fmt.Fprintf(out, "skipped: %s\n\n", t.Skipped)
		return
	}
	base := 0.0
	for _, r := range t.Rows {
		if r.Kind == ours {
			base = r.NS
			break
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(t.Rows) > 0 {
		fmt.Fprintln(w, "kind\tns\tB\tallocs\tratio\tspread\t \trow")
	}
	for _, r := range t.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t±%.0f %%\t \t%s\n", r.Kind, number(r.NS), number(r.Bytes),
			number(roundNearInteger(r.Allocs)), number(r.NS/base), 50*r.spread(), r.Name)
	}
	w.Flush()
	for _, f := range t.Facts {
		fmt.Fprintf(out, "  %s: %s %s\n", f.Name, number(f.Value), f.Unit)
	}
	fmt.Fprintln(out)
	if t.Void != "" {
		fmt.Fprintf(out, "  VOID    %s\n", t.Void)
	}
	for _, b := range t.Bars {
		fmt.Fprintf(out, "  %s  %s: %s\n", verdict(b.Holds), b.Text, number(b.Value))
	}
	fmt.Fprintln(out)
}

// summary prints how many bars hold, and which are missed.
func (r *Report) summary(out io.Writer) {
	held, missed := 0, []string{}
	for _, t := range r.Tables {
		if t.Void != "" {
			missed = append(missed, fmt.Sprintf("%s: void: %s", t.Name, t.Void))
		}
		for _, b := range t.Bars {
			if b.Holds {
				held++
			} else {
				missed = append(missed, fmt.Sprintf("%s: %s (is %s)", t.Name, b.Text, number(b.Value)))
			}
		}
	}
	fmt.Fprintf(out, "%d bars hold, %d are missed\n", held, len(missed))
	for _, m := range missed {
		fmt.Fprintln(out, "  missed:", m)
	}
}

func verdict(holds bool) string {
	if holds {
		return "holds "
	}
	return "MISSED"
}
