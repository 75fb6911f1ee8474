package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestAppDocs runs the commands of docs/web-application.md. The page shows what they print,
// with "…" where runs differ.
func TestAppDocs(t *testing.T) {
	t.Parallel()
	harness.Program(t, "bash")
	harness.Program(t, "curl")
	doc, err := os.ReadFile("../docs/web-application.md")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t)
	dir := t.TempDir()
	assignments, commands := "", 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(doc), -1) {
		for _, part := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(part, "\n")
			if strings.Contains(command, " log") {
				p.mails(t, "ada@example.com", 1)
			}
			if err := os.WriteFile(filepath.Join(dir, "log"), []byte(p.logs()), 0o600); err != nil {
				t.Fatal(err)
			}
			if regexp.MustCompile(`^[A-Z]+=`).MatchString(command) {
				assignments += command + "\n"
				continue
			}
			commands++
			c := exec.Command("bash", "-c", assignments+strings.ReplaceAll(command, "localhost:8080", "localhost:"+p.port()))
			c.Dir = dir
			out, err := c.CombinedOutput()
			got := strings.TrimSpace(strings.NewReplacer("localhost:"+p.port(), "localhost:8080", "\r", "").Replace(string(out)))
			pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(want)), "…", `\S+`)
			if err != nil || !regexp.MustCompile(`^`+pattern+`$`).MatchString(got) {
				t.Errorf("%s\n%v: %s\nwant %s", command, err, got, want)
			}
		}
	}
	if commands < 10 {
		t.Errorf("%d commands", commands)
	}
}
