package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// json returns the report as JSON, with a line for each table and four significant
// digits.
func (r *Report) json() ([]byte, error) {
	head := *r
	head.Tables = []TableResult{}
	out, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	out = bytes.TrimSuffix(out, []byte("]}"))
	for i, t := range r.Tables {
		line, err := json.Marshal(t.rounded())
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, '\n'), line...)
	}
	return append(out, "\n]}\n"...), nil
}

// readReport reads what json returned.
func readReport(file string) (*Report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

func (t TableResult) rounded() TableResult {
	r := func(v float64) float64 { return significant(v, 4) }
	t.Rows, t.Facts, t.Bars = slices.Clone(t.Rows), slices.Clone(t.Facts), slices.Clone(t.Bars)
	for i := range t.Rows {
		row := &t.Rows[i]
		row.NS, row.Bytes, row.Allocs, row.Rounds = r(row.NS), r(row.Bytes), r(row.Allocs), slices.Clone(row.Rounds)
		for j := range row.Rounds {
			row.Rounds[j] = r(row.Rounds[j])
		}
	}
	for i := range t.Facts {
		t.Facts[i].Value = r(t.Facts[i].Value)
	}
	for i := range t.Bars {
		t.Bars[i].Value = r(t.Bars[i].Value)
	}
	return t
}
