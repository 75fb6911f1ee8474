package interop_test

import (
	"strings"
	"testing"
)

// TestDocsExtending: docs/extending.md shows extend.go as it is compiled and tested here.
func TestDocsExtending(t *testing.T) {
	imports, code, found := strings.Cut(read(t, "extend.go"), "\n)\n\n")
	if !found || strings.Contains(imports, "/internal/") {
		t.Fatalf("extend.go imports what no other module can:\n%s", imports)
	}
	if program := programs(t, "../docs/extending.md")[0]["main.go"]; !strings.Contains(program, code) {
		t.Error("the first program of docs/extending.md lacks what interop/extend.go has below its imports: copy it, or change both")
	}
}
