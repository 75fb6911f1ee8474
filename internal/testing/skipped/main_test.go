package main

import (
	"strings"
	"testing"
)

// lines are events of go test -json, as it prints them.
func lines(events ...string) string { return strings.Join(events, "\n") + "\n" }

func testOf(pkg, test, action string, output ...string) string {
	var all []string
	for _, text := range output {
		all = append(all, `{"Action":"output","Package":"`+pkg+`","Test":"`+test+`","Output":"`+text+`\n"}`)
	}
	return strings.Join(append(all, `{"Action":"`+action+`","Package":"`+pkg+`","Test":"`+test+`"}`), "\n")
}

func packageOf(pkg, action string, output ...string) string {
	return testOf(pkg, "", action, output...)
}

func TestRun(t *testing.T) {
	const (
		a        = "github.com/go-guard/guard/a"
		okA      = `ok  \t` + a + `\t0.1s`
		header   = "\nSkipped:\n"
		elsewise = "\nSkipped in one run, but not in another:\n"
	)
	skip := testOf(a, "TestBudget", "skip", "=== RUN   TestBudget", "    a_test.go:7: the race detector allocates", "--- SKIP: TestBudget (0.00s)")
	redis := testOf(a, "TestShared/Redis", "skip", "=== RUN   TestShared/Redis", "    a_test.go:9: an earlier log",
		"    a_test.go:9: needs Redis: dial tcp:", "        connection refused", "    --- SKIP: TestShared/Redis (0.00s)")
	tests := []struct {
		name           string
		events         string
		required       bool
		progress, list string
		err            string
	}{
		{"nothing skipped", lines(testOf(a, "TestA", "pass", "noise"), packageOf(a, "pass", "PASS", okA)), true,
			"ok  \t" + a + "\t0.1s\n", "\nNo test was skipped.\n", ""},
		{"a package without tests", lines(packageOf(a, "skip", `?   \t`+a+`\t[no test files]`)), true,
			"?   \t" + a + "\t[no test files]\n", "\nNo test was skipped.\n", ""},
		{"a skip and its reason", lines(skip, packageOf(a, "pass", okA)), true,
			"ok  \t" + a + "\t0.1s\n", header + "  the race detector allocates\n      guard/a TestBudget\n", ""},
		{"a service", lines(redis, packageOf(a, "pass", okA)), false,
			"ok  \t" + a + "\t0.1s\n", header + "  needs Redis: dial tcp: connection refused\n      guard/a TestShared/Redis\n", ""},
		{"several subtests", lines(redis, strings.ReplaceAll(redis, "Shared/Redis", "Shared/Redis_7"), packageOf(a, "pass", okA)), false,
			"ok  \t" + a + "\t0.1s\n", header + "  needs Redis: dial tcp: connection refused\n      guard/a TestShared (2 subtests)\n", ""},
		{"a service that is required", lines(redis, packageOf(a, "pass", okA)), true,
			"ok  \t" + a + "\t0.1s\n", header + "  needs Redis: dial tcp: connection refused\n      guard/a TestShared/Redis\n", "skipped for want of a service: 1"},
		{"no reason", lines(testOf(a, "TestA", "skip", "=== RUN   TestA", "--- SKIP: TestA (0.00s)"), packageOf(a, "pass", okA)), true,
			"ok  \t" + a + "\t0.1s\n", header + "  no reason given\n      guard/a TestA\n", ""},
		{"skipped in one run of two", lines(skip, packageOf(a, "pass", okA), testOf(a, "TestBudget", "pass"), packageOf(a, "pass", okA)), true,
			"ok  \t" + a + "\t0.1s\nok  \t" + a + "\t0.1s\n", elsewise + "  the race detector allocates\n      guard/a TestBudget\n", ""},
		{"a failure", lines(testOf(a, "TestA", "pass", "noise"), testOf(a, "TestB", "fail", "    b_test.go:1: wrong"), packageOf(a, "fail", "-test.shuffle 7", "FAIL")), false,
			"    b_test.go:1: wrong\n-test.shuffle 7\nFAIL\n", "\nNo test was skipped.\n", "packages that failed: 1"},
		{"a panic", lines(`{"Action":"output","Package":"`+a+`","Test":"TestA","Output":"panic: oh\n"}`, packageOf(a, "fail", "FAIL")), false,
			"panic: oh\nFAIL\n", "\nNo test was skipped.\n", "packages that failed: 1"},
		{"a build failure", lines(`{"ImportPath":"`+a+`","Action":"build-output","Output":"a.go:1: undefined: x\n"}`, packageOf(a, "fail", "FAIL [build failed]")), false,
			"a.go:1: undefined: x\nFAIL [build failed]\n", "\nNo test was skipped.\n", "packages that failed: 1"},
		{"plain go test", "ok  \t" + a + "\t0.1s\n", false, "ok  \t" + a + "\t0.1s\n", "\nNo test was skipped.\n", "no test results"},
		{"nothing", "", false, "", "\nNo test was skipped.\n", "no test results"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var progress, list strings.Builder
			err := run(strings.NewReader(tt.events), &progress, &list, tt.required)
			if got := progress.String(); got != tt.progress {
				t.Errorf("progress %q, want %q", got, tt.progress)
			}
			if got := list.String(); got != tt.list {
				t.Errorf("list %q, want %q", got, tt.list)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}
