package arch_test

import (
	"go/ast"
	"go/doc"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const compose = "internal/testing/compose/"

// TestConstructorsAreTested: compose's table of constructors has each New… of the core
// that returns an error.
func TestConstructorsAreTested(t *testing.T) {
	const file, test = compose + "constructors_test.go", "TestConstructorsReportAllMistakes"
	tested := casesOf(t, file, test)
	eachPackage(t, func(name string, p *doc.Package) {
		funcs := slices.Clone(p.Funcs)
		for _, typ := range p.Types {
			funcs = append(funcs, typ.Funcs...)
		}
		for _, f := range funcs {
			if c := name + "." + f.Name; strings.HasPrefix(f.Name, "New") && returnsError(f.Decl) && !tested[c] {
				t.Errorf("%s of %s has no case %q: call it with as many mistakes as it has kinds, and name a part of each", test, file, c)
			}
		}
	})
}

// TestZeroValuesAreTested: compose's table of zero values has each type of the core that
// authenticates or wraps a handler.
func TestZeroValuesAreTested(t *testing.T) {
	const file, test = compose + "wiring_test.go", "TestZeroValuesAreClosed"
	tested := casesOf(t, file, test)
	eachPackage(t, func(name string, p *doc.Package) {
		for _, typ := range p.Types {
			wraps := func(m *doc.Func) bool { return m.Name == "Authenticate" || m.Name == "Wrap" }
			if c := name + "." + typ.Name; slices.ContainsFunc(typ.Methods, wraps) && !tested[c] {
				t.Errorf("%s of %s has no case %q: the zero value must grant no access, and prove must send its credential", test, file, c)
			}
		}
	})
}

// TestReadmeNamesPackages: a table of README.md leads to each package that applications
// import.
func TestReadmeNamesPackages(t *testing.T) {
	text, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range publicPackages(t) {
		if link := "](" + pkg + ")"; pkg != "." && !isSuite(pkg) && !strings.Contains(string(text), link) {
			t.Errorf("README.md's tables of packages lack [`%s`](%s) and what it is for", pkg, pkg)
		}
	}
}

// eachPackage calls f with the documentation of each package that users import of the
// core, and the name by which they call it.
func eachPackage(t *testing.T, f func(name string, p *doc.Package)) {
	for _, pkg := range packages(t) {
		if within(pkg, "internal") || isSuite(pkg) {
			continue
		}
		p, _ := document(t, pkg)
		f(path.Base(strings.TrimSuffix(module+"/"+pkg, "/.")), p)
	}
}

func returnsError(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	results := f.Type.Results.List
	id, ok := results[len(results)-1].Type.(*ast.Ident)
	return ok && id.Name == "error"
}

// casesOf returns the keys of the maps in a test.
func casesOf(t *testing.T, file, test string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(root + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(text), "\nfunc "+test+"(")
	if !found {
		t.Fatalf("%s has no %s", file, test)
	}
	body, _, _ = strings.Cut(body, "\n}\n")
	cases := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t+"([^"]+)":`).FindAllStringSubmatch(body, -1) {
		cases[m[1]] = true
	}
	return cases
}
