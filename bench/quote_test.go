package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestQuotesAreOfTheResults: no figure between the comments was typed.
func TestQuotesAreOfTheResults(t *testing.T) {
	report, err := readReport("results.json")
	if err != nil {
		t.Fatal(err)
	}
	if report.Quick {
		t.Error("results.json is of a quick run")
	}
	files, err := report.published("..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !bytes.Equal(text, want) {
			t.Errorf("%s is not what go run ./bench -from bench/results.json -write . writes: %v", name, err)
		}
	}
	text, err := os.ReadFile("results.json")
	if again, errJSON := report.json(); err != nil || errJSON != nil || !bytes.Equal(again, text) {
		t.Errorf("results.json is not what -json writes: %v, %v", err, errJSON)
	}
}

func TestJSON(t *testing.T) {
	report := Report{Go: "go1.26", Tables: []TableResult{
		{Name: "a", Rows: []Row{{Name: "row", Kind: ours, NS: 123456, Bytes: 416.04, Allocs: 2.00001, Rounds: []float64{123456, 0.123456}}},
			Facts: []Fact{{"fact", 277.8349, "B"}}, Bars: []BarResult{{"bar", 0.123456, 1, true}}},
		{Name: "b", Skipped: "needs a server"},
	}}
	text, err := report.json()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"date":"","go":"go1.26","os":"","arch":"","cpus":0,"rounds":0,"slice":"","tables":[
{"name":"a","rows":[{"name":"row","kind":"guard","ns":123500,"bytes":416,"allocs":2,"rounds":[123500,0.1235]}],` +
		`"facts":[{"name":"fact","value":277.8,"unit":"B"}],"bars":[{"text":"bar","value":0.1235,"max":1,"holds":true}]},
{"name":"b","skipped":"needs a server"}
]}
`
	if string(text) != want {
		t.Errorf("%s", text)
	}
	if report.Tables[0].Rows[0].Rounds[0] != 123456 {
		t.Error("the report has changed")
	}
	file := filepath.Join(t.TempDir(), "results.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := readReport(file)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := read.json(); err != nil || !bytes.Equal(again, text) {
		t.Errorf("%s, %v", again, err)
	}
}

func TestQuotedTablesExist(t *testing.T) {
	var names []string
	for _, table := range tables() {
		names = append(names, table.name)
	}
	quoted := quotedTables()
	for name := range quoted {
		if !slices.Contains(names, name) {
			t.Errorf("no table is named %q", name)
		}
	}
	if len(quoted) < 10 {
		t.Errorf("%d tables are quoted", len(quoted))
	}
}

// TestRenamedRow: a figure that a run does not have is an error, and nothing is written.
func TestRenamedRow(t *testing.T) {
	folder := t.TempDir()
	pages := map[string]string{}
	for _, q := range quotes {
		pages[q.file] += beginning(q.name) + "old\n" + ending
	}
	for file, text := range pages {
		name := filepath.Join(folder, file)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	report, err := readReport("results.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := report.published(folder); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	rows := report.table("session").Rows
	rows[0].Name = "renamed"
	err = report.publish(folder, &out)
	if err == nil || out.Len() > 0 || !strings.Contains(err.Error(), `"guard: GET with a session"`) {
		t.Errorf("%v, %q", err, out.String())
	}
	for file, before := range pages {
		if after, err := os.ReadFile(filepath.Join(folder, file)); err != nil || string(after) != before {
			t.Errorf("%s: %v, %q", file, err, after)
		}
	}
}

func TestBetween(t *testing.T) {
	part := beginning("a") + "text\n" + ending
	tests := []struct {
		name, page, want string // "" is an error
	}{
		{"a part", "# Page\n" + beginning("b") + ending + "\n" + part + "\nrest", "text\n"},
		{"none", "# Page\n" + beginning("b") + ending, ""},
		{"two", part + part, ""},
		{"no end", beginning("a") + "text\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			begin, end, err := between([]byte(tt.page), "a")
			if got := tt.page[begin:end]; got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestProportion(t *testing.T) {
	for v, want := range map[float64]string{
		0.0001234: "1/8100 of it", 0.0372: "1/27 of it", 0.09949: "1/10 of it", 0.0996: "0.10 × it", 0.3666: "0.37 × it",
		0.9949: "0.99 × it", 0.996: "1.0 × it", 1.249: "1.2 × it", 9.94: "9.9 × it", 12.4: "12 × it", 12345: "12000 × it",
	} {
		if got := proportion(v, "it"); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
	for n, want := range map[float64]string{0: "no allocation", 0.001: "no allocation", 1: "1 allocation", 6.02: "6 allocations", 2.5: "2.5 allocations"} {
		if got := count(n, "allocation"); got != want {
			t.Errorf("%v is %q, want %q", n, got, want)
		}
	}
}
