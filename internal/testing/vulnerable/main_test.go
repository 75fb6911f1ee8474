package main

import (
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	const (
		called   = `{"finding":{"osv":"GO-1","fixed_version":"v1.26.9","trace":[{"module":"stdlib","version":"v1.26.8","function":"Get"}]}}`
		imported = `{"finding":{"osv":"GO-2","fixed_version":"v1.26.9","trace":[{"module":"stdlib","version":"v1.26.8","package":"net/http"}]}}`
		module   = `{"finding":{"osv":"GO-3","fixed_version":"v1.0.1","trace":[{"module":"example.com/m","version":"v1.0.0","function":"F"}]}}`
	)
	for _, tt := range []struct {
		name, in, out string
		inModules     int
	}{
		{"nothing", `{"config":{}} {"progress":{}}`, "", 0},
		{"not called", imported, "", 0},
		{"the standard library", called + called, "GO-1: stdlib v1.26.8, fixed in v1.26.9\n", 0},
		{"a module", module + called + module, "GO-1: stdlib v1.26.8, fixed in v1.26.9\nGO-3: example.com/m v1.0.0, fixed in v1.0.1\n", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			n, err := list(strings.NewReader(tt.in), &out)
			if err != nil || n != tt.inModules || out.String() != tt.out {
				t.Errorf("%d, %v:\n%s\nwant %d:\n%s", n, err, out.String(), tt.inModules, tt.out)
			}
		})
	}
	if _, err := list(strings.NewReader(`{"finding":`), &strings.Builder{}); err == nil {
		t.Error("output that breaks off is no error")
	}
}
