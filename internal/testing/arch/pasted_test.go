package arch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestExamplesPaste: the file of each package's first example is a program,
// once it is pasted into an empty main package.
func TestExamplesPaste(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program for each package")
	}
	for _, pkg := range []string{".", "apikey", "bearer", "clientip", "guardtest", "jwtauth", "jwtauth/refresh", "owner", "owner/list", "signin/link", "signin/password", "signin/totp", "ratelimit", "rbac", "session", "source", "webhook"} {
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(filepath.Join(root, pkg, "example_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			b = regexp.MustCompile(`(?m)^package \w+_test$`).ReplaceAll(b, []byte("package main"))
			first := regexp.MustCompile(`(?m)^func Example\w*\(\)`).FindIndex(b)
			if first == nil {
				t.Fatal("no example")
			}
			b = append(b[:first[0]:first[0]], append([]byte("func main()"), b[first[1]:]...)...)
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := vet(file); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// vet runs in the module, whose packages the program imports.
func vet(file string) ([]byte, error) {
	cmd := exec.Command("go", "vet", file)
	cmd.Dir = root
	return cmd.CombinedOutput()
}
