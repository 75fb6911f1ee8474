package arch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// notPasted are the packages whose first example is no program of its own, each with the
// reason.
var notPasted = map[string]string{
	"dpop": "its client makes proofs with internal/testing/prover",
}

// TestExamplesPaste: the file of each package's first example is a program,
// once it is pasted into an empty main package.
func TestExamplesPaste(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program for each package")
	}
	for _, pkg := range publicPackages(t) {
		if notPasted[pkg] != "" {
			continue
		}
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(filepath.Join(root, pkg, "example_test.go"))
			if err != nil {
				t.Fatalf("the package needs a file example_test.go, whose first example pkg.go.dev shows: %v", err)
			}
			b = regexp.MustCompile(`(?m)^package \w+_test$`).ReplaceAll(b, []byte("package main"))
			first := regexp.MustCompile(`(?m)^func Example\w*\(\)`).FindIndex(b)
			if first == nil {
				t.Fatalf("%s/example_test.go has no func Example()", pkg)
			}
			b = append(b[:first[0]:first[0]], append([]byte("func main()"), b[first[1]:]...)...)
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := vet(pkg, file); err != nil {
				t.Errorf("%s/example_test.go is no program once its first example is main: it uses what another file or internal/ has: %v\n%s", pkg, err, out)
			}
		})
	}
}

// vet runs in the package, whose module requires what the program imports, also with
// GOWORK=off.
func vet(pkg, file string) ([]byte, error) {
	cmd := exec.Command("go", "vet", file)
	cmd.Dir = filepath.Join(root, pkg)
	return cmd.CombinedOutput()
}
