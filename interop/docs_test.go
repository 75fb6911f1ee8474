package interop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocs: every program in the documentation compiles and passes vet and its test.
// The programs are written into copies of modules that require what they import.
func TestDocs(t *testing.T) {
	byModule := map[string]map[string]string{".": {}, "../example": {}} // module, path, text
	for _, page := range append(docsPages(t), "../README.md") {
		for i, program := range programs(t, page) {
			module := moduleOf(program["main.go"])
			name := fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(page), ".md"), i+1)
			for file, text := range program {
				byModule[module][filepath.Join(name, file)] = text
			}
		}
	}
	for module, texts := range byModule {
		t.Run(filepath.Base(module), func(t *testing.T) {
			t.Parallel()
			dir := copyOf(t, module)
			for path, text := range texts {
				write(t, filepath.Join(dir, path), text)
			}
			commands := []string{"gofmt -s -d .", "go vet ./..."}
			if tests, _ := filepath.Glob(filepath.Join(dir, "*", "main_test.go")); len(tests) > 0 {
				commands = append(commands, "go test ./...")
			}
			for _, command := range commands {
				words := strings.Fields(command)
				cmd := exec.Command(words[0], words[1:]...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
				out, err := cmd.CombinedOutput()
				if err != nil || words[0] == "gofmt" && len(out) > 0 {
					t.Errorf("%s: %v: %s", command, err, out)
				}
			}
		})
	}
}

// moduleOf returns the module that requires what a program imports.
func moduleOf(program string) string {
	if strings.Contains(program, "go-guard/guard/stores/") || strings.Contains(program, "modernc.org/sqlite") {
		return "../example"
	}
	return "."
}

// copyOf returns a directory with the requirements of a module, without its code.
func copyOf(t *testing.T, module string) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), strings.ReplaceAll(read(t, filepath.Join(module, "go.mod")), "=> ..", "=> "+root))
	write(t, filepath.Join(dir, "go.sum"), read(t, filepath.Join(module, "go.sum"))+read(t, "../go.sum"))
	return dir
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// docsPages returns the paths of the pages of docs/.
func docsPages(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../docs/*.md")
	if err != nil || len(paths) == 0 {
		t.Fatal("no pages", err)
	}
	return paths
}

// goBlocks returns the Go blocks of a page.
func goBlocks(t *testing.T, page string) (blocks []string) {
	t.Helper()
	for _, block := range strings.Split(read(t, page), "\n```go\n")[1:] {
		block, _, closed := strings.Cut(block, "\n```\n")
		if !closed {
			t.Errorf("%s: a block without an end", page)
			continue
		}
		blocks = append(blocks, block+"\n")
	}
	return blocks
}

// isProgram reports whether a Go block is one of programs.
func isProgram(block string) bool { return strings.HasPrefix(block, "package main\n") }

// programs returns the Go blocks of a page that begin with package main. A block that
// imports testing is the test of the preceding program.
func programs(t *testing.T, page string) []map[string]string {
	t.Helper()
	var found []map[string]string
	for _, block := range goBlocks(t, page) {
		switch {
		case !isProgram(block):
		case strings.Contains(block, "\n\t\"testing\"\n") && len(found) > 0:
			found[len(found)-1]["main_test.go"] = block
		default:
			found = append(found, map[string]string{"main.go": block})
		}
	}
	return found
}
