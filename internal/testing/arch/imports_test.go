package arch_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/go-guard/guard"

// root is the module's folder, as seen from this package.
const root = "../../.."

// allowed are the imports of each package besides the root, internal/ and the
// standard library. No guard imports another guard; a package of signin/ may import
// those that it builds on.
var allowed = map[string][]string{
	".":               nil,
	"apikey":          {module + "/clientip", module + "/source"},
	"bearer":          {module + "/source"},
	"clientip":        nil,
	"dpop":            {module + "/clientip", module + "/once", "github.com/golang-jwt/jwt/v5"}, // a proof is spent once, and proxies are trusted by their address
	"format":          nil,
	"guardtest":       {module + "/jwtauth", module + "/session", module + "/source", "github.com/golang-jwt/jwt/v5", module + "/webhook", module + "/once"}, // it makes tokens, sessions and deliveries
	"jwtauth":         {module + "/source", "github.com/golang-jwt/jwt/v5"},
	"jwtauth/refresh": {module + "/jwtauth", module + "/source", "github.com/golang-jwt/jwt/v5"}, // a refresh token leads to an access token
	"once":            nil,
	"owner":           nil,
	"ratelimit":       {module + "/clientip", "golang.org/x/time"},
	"rbac":            nil,
	"session":         nil,
	"source":          nil,
	"signin/link":     {module + "/once", module + "/ratelimit", module + "/clientip", "golang.org/x/time"}, // a state is redeemed once, and codes have limited attempts
	"stepup":          nil,
	"signin/oauth":    {module + "/jwtauth", module + "/once", module + "/source", "github.com/golang-jwt/jwt/v5"}, // it verifies ID tokens, and spends each sign-in once
	"signin/password": {module + "/ratelimit", module + "/clientip", "golang.org/x/time", // a login limits its failures
		"golang.org/x/crypto", "golang.org/x/sys"}, // the latter by the former
	"webhook":     {module + "/once"},                                                                   // a delivery is handled once
	"signin/totp": {module + "/once", module + "/ratelimit", module + "/clientip", "golang.org/x/time"}, // a code is good once, and wrong ones are limited

	"signin/credential": nil, // stores import it, and not go-webauthn
}

// TestImports holds the import rules of the module, over all dependencies.
func TestImports(t *testing.T) {
	for _, pkg := range packages(t) {
		if within(pkg, "internal/testing") {
			continue
		}
		row := rowOf(pkg)
		if row == "" {
			t.Errorf("package %s is new: add a row to allowed of internal/testing/arch/imports_test.go, with what it may import besides the root, "+
				"internal/ and the standard library, or nil. \"A new package\" of CONTRIBUTING.md lists what else it needs", pkg)
			continue
		}
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			for _, dep := range goList(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./"+pkg) {
				switch {
				case dep == module, within(dep, module+"/internal") && !within(dep, module+"/internal/testing"), within(dep, module+"/"+row):
				case within(pkg, "internal") && within(dep, "github.com/golang-jwt/jwt/v5"): // keyset
				case isSuite(pkg) && within(dep, module+"/internal/testing"):
				case slices.ContainsFunc(allowed[row], func(a string) bool { return dep == a || !within(a, module) && within(dep, a) }):
				case row == "jwtauth" || within(row, "jwtauth"):
					if !within(dep, module+"/jwtauth") || row == "jwtauth" {
						t.Error(tooMuch(pkg, row, dep))
					}
				default:
					t.Error(tooMuch(pkg, row, dep))
				}
			}
		})
	}
}

// tooMuch says what to do about an import that row does not allow.
func tooMuch(pkg, row, dep string) string {
	why := "a leaf that it needs goes into its row of allowed in internal/testing/arch/imports_test.go, with the reason"
	switch {
	case within(dep, module+"/internal/testing"):
		why = "only tests and conformance suites import internal/testing"
	case within(dep, module):
		why = "no guard imports another one; what both need goes into internal/, and " + why
	case row == "internal":
		why = "packages of internal/ use the standard library and each other"
	}
	return pkg + " imports " + dep + ", itself or through another package: " + why
}

// rowOf is the longest key of allowed that pkg is within: a conformance suite
// belongs to its package.
func rowOf(pkg string) (row string) {
	if within(pkg, "internal") {
		return "internal"
	}
	for key := range allowed {
		if within(pkg, key) && len(key) > len(row) {
			row = key
		}
	}
	return row
}

func isSuite(pkg string) bool { return strings.HasSuffix(pkg, "test") }

// TestRequirements: the core has three direct requirements.
func TestRequirements(t *testing.T) {
	b, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, m := range regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+/\S+) v\S+$`).FindAllStringSubmatch(string(b), -1) {
		direct = append(direct, m[1])
	}
	if want := []string{"github.com/golang-jwt/jwt/v5", "golang.org/x/crypto", "golang.org/x/time"}; !slices.Equal(direct, want) {
		t.Errorf("go.mod requires %q, want %q: what else needs a module is a module of its own, such as signin/passkey", direct, want)
	}
}

// TestSmallPrograms: a program with one guard does not link what that guard does
// not need.
func TestSmallPrograms(t *testing.T) {
	heavy := []string{"html/template", "text/template", "database/sql"}
	for _, pkg := range packages(t) {
		for _, dep := range goList(t, "-deps", "./"+pkg) {
			if slices.Contains(heavy, dep) && !within(pkg, "internal/testing") {
				t.Errorf("%s imports %s, itself or through another package: every program with it would grow, so it belongs into a module of its own or into example/", pkg, dep)
			}
		}
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
	return goListIn(t, ".", args...)
}

// goListIn is goList in a folder of the repository, whose module it is about.
func goListIn(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root + "/" + dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %q: %v", args, err)
	}
	return strings.Fields(string(out))
}

func within(pkg, tree string) bool { return pkg == tree || strings.HasPrefix(pkg, tree+"/") }
