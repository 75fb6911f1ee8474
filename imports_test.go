package guard_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/go-guard/guard"

// TestImports: a package takes from outside what its row names, from this
// module the root, internal/ and what its row names, and else the standard
// library. Above all, no middleware package imports another.
func TestImports(t *testing.T) {
	may := map[string][]string{
		".":         nil,
		"apikey":    {module + "/clientip"},
		"bearer":    nil,
		"clientip":  nil,
		"format":    nil,
		"jwtauth":   {"github.com/golang-jwt/jwt/v5"},
		"owner":     nil,
		"signin":    {"golang.org/x/crypto", "golang.org/x/sys"}, // the latter by the former
		"ratelimit": {module + "/clientip", "golang.org/x/time"},
		"rbac":      nil,
		"session":   nil,
	}
	for _, pkg := range packages(t) {
		dir, _, _ := strings.Cut(pkg, "/") // a conformance suite belongs to its package
		allowed, known := may[dir]
		if !known && dir != "internal" {
			t.Errorf("package %s has no row", pkg)
		}
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			for _, dep := range goList(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./"+pkg) {
				switch {
				case dep == module, within(dep, module+"/internal"), within(dep, module+"/"+dir):
				case slices.ContainsFunc(allowed, func(a string) bool { return within(dep, a) }):
				default:
					t.Errorf("%s imports %s", pkg, dep)
				}
			}
		})
	}
}

// TestRequirements: the core has three requirements of its own.
func TestRequirements(t *testing.T) {
	b, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, m := range regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+/\S+) v\S+$`).FindAllStringSubmatch(string(b), -1) {
		direct = append(direct, m[1])
	}
	if want := []string{"github.com/golang-jwt/jwt/v5", "golang.org/x/crypto", "golang.org/x/time"}; !slices.Equal(direct, want) {
		t.Errorf("direct requirements %q, want %q", direct, want)
	}
}

// packages are the module's packages, relative to its root.
func packages(t *testing.T) (rel []string) {
	t.Helper()
	for _, p := range goList(t, "./...") {
		if p = strings.TrimPrefix(strings.TrimPrefix(p, module), "/"); p == "" {
			p = "."
		}
		rel = append(rel, p)
	}
	return rel
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %q: %v", args, err)
	}
	return strings.Fields(string(out))
}

func within(pkg, tree string) bool { return pkg == tree || strings.HasPrefix(pkg, tree+"/") }
