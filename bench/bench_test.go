package main

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard/internal/testing/race"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		serveLoad()
	}
	os.Exit(m.Run())
}

// TestEveryTable runs every table briefly. It verifies that each row does what it
// claims to measure and that each bar names existing rows. It asserts no duration.
func TestEveryTable(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("runs all peers, which takes the race detector minutes")
	}
	set := settings{rounds: 1, slice: time.Microsecond, fill: 1000, tries: 2, load: 100 * time.Millisecond}
	var report Report
	for _, table := range tables() {
		t.Run(table.name, func(t *testing.T) {
			result := table.run(set)
			report.Tables = append(report.Tables, result)
			result.write(io.Discard)
			if result.Skipped != "" {
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
	if err := xml.Unmarshal(report.svg(), new(struct{})); err != nil {
		t.Error(err)
	}
}

func TestBars(t *testing.T) {
	table := &TableResult{
		Name: "t",
		Rows: []Row{
			{Name: "a", Allocs: 2.001, Bytes: 10.5, rounds: []sample{{ns: 50}, {ns: 500}, {ns: 40}}}, // 0.5, 0.5, 0.4 of b
			{Name: "b", rounds: []sample{{ns: 100}, {ns: 1000}, {ns: 100}}},
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

func TestMedianOfRounds(t *testing.T) {
	row := median(benchmark{name: "w"}, 1, []sample{{ns: 30}, {ns: 10}, {ns: 20}, {ns: 100}})
	if row.NS != 25 || row.Spread != 90.0/25 {
		t.Errorf("median %v, spread %v", row.NS, row.Spread)
	}
}
