package interop_test

import (
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

var update = flag.Bool("update", false, "write what programs and libraries do into docs/observing.md and README.md")

// TestDocsAuditLog runs the first program of docs/observing.md and the commands below
// it. The page shows their output and the program's log as they are.
func TestDocsAuditLog(t *testing.T) {
	for _, command := range []string{"bash", "curl"} {
		harness.Program(t, command)
	}
	const page = "../docs/observing.md"
	text := read(t, page)
	console, log := fenced(t, text, "console"), fenced(t, text, "text")

	dir := copyOf(t, ".")
	address := freeAddress(t)
	write(t, filepath.Join(dir, "audit", "main.go"), strings.ReplaceAll(programs(t, page)[0]["main.go"], "127.0.0.1:8080", address))
	build := exec.Command("go", "build", "-o", "audit.exe", "./audit")
	build.Dir, build.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	stop := start(t, exec.Command(filepath.Join(dir, "audit.exe")), address)

	var gotConsole strings.Builder
	for line := range strings.Lines(console) {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		cmd := exec.Command("bash", "-c", strings.ReplaceAll(strings.ReplaceAll(command, "curl ", "curl -s "), "127.0.0.1:8080", address))
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v", command, err)
		}
		gotConsole.WriteString(line + endLine(string(out)))
	}
	gotLog := regexp.MustCompile(`(?m)^time=\S+ `).ReplaceAllString(stop(), "")

	if *update {
		text = strings.Replace(text, "```console\n"+console+"```", "```console\n"+gotConsole.String()+"```", 1)
		text = strings.Replace(text, "```text\n"+log+"```", "```text\n"+gotLog+"```", 1)
		if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := gotConsole.String(); got != console {
		t.Errorf("%s: the commands print\n%s\nand the page has\n%s", page, got, console)
	}
	if steady(gotLog) != steady(log) {
		t.Errorf("%s: the program logs\n%s\nand the page has\n%s", page, gotLog, log)
	}
}

// fenced returns the first fenced block of a language.
func fenced(t *testing.T, page, language string) string {
	t.Helper()
	_, block, found := strings.Cut(page, "\n```"+language+"\n")
	end := strings.Index("\n"+block, "\n```\n")
	if !found || end < 0 {
		t.Fatalf("no block of %s", language)
	}
	return block[:end]
}

// steady replaces the values that differ between two runs.
func steady(log string) string {
	return regexp.MustCompile(`retry_after=\S+`).ReplaceAllString(log, "retry_after=…")
}

func endLine(s string) string {
	if s == "" || strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}

func freeAddress(t *testing.T) string {
	t.Helper()
	return "127.0.0.1:" + harness.FreePort(t)
}

// start runs a program until it listens. stop ends it and returns its standard error.
func start(t *testing.T, cmd *exec.Cmd, address string) (stop func() string) {
	t.Helper()
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() string {
		if !ended {
			ended = true
			cmd.Process.Kill()
			cmd.Wait() // it was killed
		}
		return log.String()
	}
	t.Cleanup(func() { stop() })
	harness.Eventually(t, "the program listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return stop
}
