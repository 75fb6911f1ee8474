package main_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestBrowserGuide drives a real browser over the program of docs/sessions.md.
func TestBrowserGuide(t *testing.T) {
	t.Parallel()
	browserNeeded(t)
	drive(t, "guide.mjs", map[string]string{"url": guide(t)})
}

// guide runs the first program of docs/sessions.md, over plain http, and returns its
// address.
func guide(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/sessions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(doc), "\n```go\n")
	program, _, found := strings.Cut(program, "\n```\n")
	address := "127.0.0.1:" + harness.FreePort(t)
	program = strings.Replace(program, "127.0.0.1:8080", address, 1)
	if !found || !strings.HasPrefix(program, "package main\n") || !strings.Contains(program, address) {
		t.Fatal("docs/sessions.md has no program at 127.0.0.1:8080")
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "guide")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := build(binary, source); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "DEV=1")
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	harness.Eventually(t, "the guide answers", func() bool {
		r, err := http.Get("http://" + address + "/login")
		if err == nil {
			r.Body.Close()
		}
		return err == nil
	})
	return "http://" + address
}
