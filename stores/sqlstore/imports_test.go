package sqlstore_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImports: the package imports no driver.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if !strings.HasPrefix(dep, "github.com/go-guard/guard") && !strings.HasPrefix(dep, "github.com/golang-jwt/jwt/") && dep != "golang.org/x/time/rate" {
			t.Errorf("the package imports %s", dep)
		}
	}
}
