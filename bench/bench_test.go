package main

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard/internal/testing/race"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		serveLoad()
	}
	if os.Getenv(clientEnv) != "" {
		sendBursts()
	}
	os.Exit(m.Run())
}

// TestEveryTable runs every table briefly. It verifies that each row does what it
// claims to measure, and that bars and quotes name existing rows. It asserts no duration.
func TestEveryTable(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("runs all peers, which takes the race detector minutes")
	}
	set := settings{rounds: 1, slice: time.Microsecond, fill: 1000, tries: 2, load: 100 * time.Millisecond}
	var report Report
	skipped := map[string]bool{}
	for _, table := range tables() {
		t.Run(table.name, func(t *testing.T) {
			result := runTable(t, table, set)
			result.write(io.Discard)
			result.Void = "" // so short, the rows that do the same differ
			report.Tables = append(report.Tables, result)
			if result.Skipped != "" {
				skipped[table.name] = true
				t.Skip(result.Skipped)
			}
			if len(result.Bars) == 0 {
				t.Error("no bars")
			}
		})
	}
	report.summary(io.Discard)
	if _, err := json.Marshal(report); err != nil {
		t.Error(err)
	}
	g := &reading{report: &report}
	if err := xml.Unmarshal(svg(g), new(struct{})); err != nil {
		t.Error(err)
	}
	for _, q := range quotes {
		q.text(g)
	}
	for _, m := range g.missing {
		if !skipped[m.table] {
			t.Error(m)
		}
	}
}

// runTable runs a table. Where a service stalls for as long as guard waits for it, a row
// rightly fails, and check panics: then the table of a service runs again.
func runTable(t *testing.T, table table, set settings) (result TableResult) {
	t.Helper()
	again := func() (again bool) {
		defer func() {
			if p := recover(); p != nil {
				t.Log("once more: ", p)
				again = true
			}
		}()
		result = table.run(set)
		return result.Skipped != ""
	}
	if strings.Contains(table.name, "redis") || strings.Contains(table.name, "postgresql") {
		for range 3 {
			if !again() {
				return result
			}
		}
	}
	return table.run(set)
}

// TestCalibrate: operations that are slow at first, as while a heap is collected, are
// counted as they are later. Else a slice had so few that its beginning was most of it.
func TestCalibrate(t *testing.T) {
	for _, slow := range []int{0, 1, 2, 3} {
		var now time.Duration
		calls := 0
		run := func(n int) {
			if calls++; calls <= slow {
				now += 20 * time.Millisecond
			}
			now += time.Duration(n) * time.Microsecond
		}
		if n := calibrate(run, 10*time.Millisecond, func() time.Duration { return now }); n < 9_000 || n > 11_000 {
			t.Errorf("%d slow calls: %d operations of a µs for 10 ms", slow, n)
		}
	}
}

func TestBars(t *testing.T) {
	table := &TableResult{
		Name: "t",
		Rows: []Row{
			{Name: "a", Allocs: 2.001, Bytes: 10.5, Rounds: []float64{50, 500, 40}}, // 0.5, 0.5, 0.4 of b
			{Name: "b", Rounds: []float64{100, 1000, 100}},
		},
		Facts: []Fact{{Name: "f", Value: 3}},
	}
	tests := []struct {
		bar  bar
		want bool
	}{
		{ratio("a", "b", 0.5), true},
		{ratio("a", "b", 0.49), false},
		{difference("b", "a", 60), true},
		{difference("b", "a", 59), false},
		{similar("a", "b", 0.5), true},
		{similar("a", "b", 0.4), false},
		{allocs("a", 2), true},
		{allocs("a", 1), false},
		{allocsDifference("a", "b", 2), true},
		{heapBytes("a", 10), true},
		{heapBytes("a", 9), false},
		{factAtMost("f", 3), true},
		{factAtMost("f", 2), false},
	}
	for _, tt := range tests {
		got := tt.bar(table)
		if got.Holds != tt.want {
			t.Errorf("%s: holds %t with %v", got.Text, got.Holds, got.Value)
		}
		table.Bars = append(table.Bars, got)
	}
	report := Report{Tables: []TableResult{*table}}
	var out strings.Builder
	report.summary(&out)
	if report.holds() || !strings.Contains(out.String(), "7 bars hold, 6 are missed") {
		t.Errorf("holds %t: %s", report.holds(), out.String())
	}
}

// TestVoid holds that a table without a measurement fails -check, whatever its bars are.
func TestVoid(t *testing.T) {
	c := comparison{null: [2]string{"a", "b"}}
	rows := func(ns float64) *TableResult {
		return &TableResult{Name: "t", Bars: []BarResult{{Holds: true}}, Rows: []Row{
			{Name: "a", Rounds: []float64{ns, 10 * ns, ns}},
			{Name: "b", Rounds: []float64{100, 1000, 700}},
		}}
	}
	for ns, want := range map[float64]bool{92: true, 93: false, 100: false, 107: false, 108: true} {
		if void := c.void(rows(ns)); (void != "") != want {
			t.Errorf("%v of 100 ns: %q", ns, void)
		}
	}
	if void := (comparison{}).void(rows(200)); void != "" {
		t.Errorf("without rows that do the same: %q", void)
	}
	table := rows(200)
	table.Void = c.void(table)
	report := Report{Tables: []TableResult{*table}}
	var out strings.Builder
	report.summary(&out)
	if report.holds() || !strings.Contains(out.String(), "t: void: a is 2 × b, which is the same") {
		t.Errorf("holds %t: %s", report.holds(), out.String())
	}
}

// TestRepetitions holds how often a table is measured: until its bars hold, at most three
// times, or five times if each measurement is void.
func TestRepetitions(t *testing.T) {
	for _, tt := range []struct {
		name       string
		a, b       time.Duration
		holds      bool
		void       bool
		repetition int
	}{
		{"the bar holds", 1, 1, true, false, 1},
		{"the bar is missed", 1, 1, false, false, 3},
		{"void", 2, 1, true, true, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sleeping := func(d time.Duration) func(n int) {
					return func(n int) { time.Sleep(time.Duration(n) * d * time.Millisecond) }
				}
				measured := 0
				count := func(*TableResult) BarResult { measured++; return BarResult{Holds: tt.holds} }
				result := table{name: "t", build: func(settings) (comparison, error) {
					return comparison{
						benchmarks: []benchmark{{"a", ours, sleeping(tt.a)}, {"b", ours, sleeping(tt.b)}},
						bars:       []bar{count},
						null:       [2]string{"a", "b"},
					}, nil
				}}.run(settings{rounds: 1, slice: 100 * time.Millisecond})
				if measured != tt.repetition || (result.Void != "") != tt.void {
					t.Errorf("%d times, void %q", measured, result.Void)
				}
			})
		})
	}
}

func TestMedianOfRounds(t *testing.T) {
	row := median(benchmark{name: "w"}, []sample{{ns: 30}, {ns: 10}, {ns: 20}, {ns: 100}})
	if row.NS != 25 || row.spread() != 90.0/25 {
		t.Errorf("median %v, spread %v", row.NS, row.spread())
	}
}
