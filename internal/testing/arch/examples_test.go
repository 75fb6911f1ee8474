package arch_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// noExample are exported functions and methods that need no example, beside those of
// calledByLibrary, each with the reason.
var noExample = map[string]string{
	"signin/passkey/passkeytest.Run": "the package comment shows it, as that of every conformance suite does",
}

// notRun are the examples that go test only compiles, as it does with those without an
// Output comment, or the package of such examples, each with the reason.
var notRun = map[string]string{
	"signin/oauth.Google":    "it reads the provider's keys from the network",
	"signin/oauth.Microsoft": "it reads the provider's keys from the network",
	"stores/redisstore":      "they need a Redis server",
}

// TestExamples: every exported function and method that users call has an example that
// pkg.go.dev shows beside it, and go test runs it.
func TestExamples(t *testing.T) {
	exceptions := map[string]bool{} // that are not met yet
	for _, list := range []map[string]string{noExample, notRun} {
		for name := range list {
			exceptions[name] = true
		}
	}
	for _, pkg := range publicPackages(t) {
		p, files := document(t, pkg)
		for _, m := range missingExamples(p, files, pkg, exceptions) {
			t.Error(m)
		}
	}
	for name := range exceptions {
		t.Errorf("noExample or notRun has %s, which does not exist or needs no exception", name)
	}
}

// missingExamples returns a sentence for each function and method of a package without an
// example, and for each example that is not shown or not run. It deletes what it excepts from exceptions.
func missingExamples(p *doc.Package, files []*ast.File, pkg string, exceptions map[string]bool) (missing []string) {
	check := func(name string, examples []*doc.Example) {
		name = pkg + "." + name
		switch {
		case slices.ContainsFunc(examples, func(e *doc.Example) bool { return mentions(e.Code, name[strings.LastIndex(name, ".")+1:]) }):
		case len(examples) > 0:
			missing = append(missing, "the example of "+name+" does not call it")
		case noExample[name] != "":
			delete(exceptions, name)
		default:
			missing = append(missing, name+" has no example: add func "+exampleOf(strings.TrimPrefix(name, pkg+"."))+" to a file example*_test.go of "+pkg+", which ends with // Output:")
		}
	}
	for _, f := range p.Funcs {
		check(f.Name, f.Examples)
	}
	for _, typ := range p.Types {
		for _, f := range typ.Funcs {
			check(f.Name, f.Examples)
		}
		for _, m := range typ.Methods {
			if !calledByLibrary(m) {
				check(typ.Name+"."+m.Name, m.Examples)
			}
		}
	}
	shown := examplesOf(p)
	for _, e := range doc.Examples(files...) {
		if !slices.ContainsFunc(shown, func(s *doc.Example) bool { return s.Name == e.Name }) {
			missing = append(missing, "pkg.go.dev shows Example"+e.Name+" of "+pkg+" nowhere: it is named after no function, type or method")
		}
	}
	for _, e := range shown {
		name := pkg + "." + e.Name
		switch {
		case e.Output != "" || e.EmptyOutput:
		case notRun[name] != "":
			delete(exceptions, name)
		case notRun[pkg] != "":
			delete(exceptions, pkg)
		default:
			missing = append(missing, "the example of "+name+" has no Output comment, so that go test does not run it: end it with // Output:, or add it to notRun of internal/testing/arch/examples_test.go with the reason")
		}
	}
	return missing
}

// mentions reports whether code has an identifier called name, or the name in a text,
// such as a template.
func mentions(code ast.Node, name string) (found bool) {
	ast.Inspect(code, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			found = found || n.Name == name
		case *ast.BasicLit:
			found = found || strings.Contains(n.Value, name)
		}
		return !found
	})
	return found
}

// exampleOf is the name of the example of a function, or of a method as "Type.Method".
func exampleOf(name string) string { return "Example" + strings.ReplaceAll(name, ".", "_") + "()" }

// libraryMethods are called by this module, by fmt, log/slog and encoders, and by stepup
// and rbac through an interface, hardly ever by an application.
var libraryMethods = regexp.MustCompile(`^(Authenticate|Scheme|Error|Unwrap|String|Format|GoString|LogValue|Marshal\w+|Unmarshal\w+|ServeHTTP|ScopeLimit|ACR|AMR|AuthTime)$`)

// calledByLibrary reports whether users have the method for others to call: it has a name
// of libraryMethods, or its comment says that it implements an interface, as "Load
// implements [Store]." does.
func calledByLibrary(m *doc.Func) bool {
	return libraryMethods.MatchString(m.Name) || strings.HasPrefix(m.Doc, m.Name+" implements ")
}

// examplesOf returns all examples of a package.
func examplesOf(p *doc.Package) []*doc.Example {
	all := p.Examples
	for _, f := range p.Funcs {
		all = append(all, f.Examples...)
	}
	for _, typ := range p.Types {
		all = append(all, typ.Examples...)
		for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
			all = append(all, f.Examples...)
		}
	}
	return all
}

// document returns the documentation of a package, and the files of its external tests.
func document(t *testing.T, pkg string) (p *doc.Package, tests []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if isTest := strings.HasSuffix(path, "_test.go"); !isTest || strings.HasSuffix(f.Name.Name, "_test") {
			files = append(files, f)
			if isTest {
				tests = append(tests, f)
			}
		}
	}
	p, err = doc.NewFromFiles(fset, files, pkg)
	if err != nil {
		t.Fatal(err)
	}
	return p, tests
}

// publicPackages are the packages of all modules that applications import, relative to
// root. Conformance suites are not among them: their package comments show the call.
func publicPackages(t *testing.T) (rel []string) {
	t.Helper()
	work, err := os.ReadFile(root + "/go.work")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range regexp.MustCompile(`(?m)^\t\./?(\S*)$`).FindAllStringSubmatch(string(work), -1) {
		switch dir[1] {
		case "bench", "example", "interop":
			continue
		}
		for _, p := range goListIn(t, dir[1], "./...") {
			if p = strings.TrimPrefix(strings.TrimPrefix(p, module), "/"); p == "" {
				p = "."
			}
			helpsTests := p == "guardtest" || p == "signin/passkey/passkeytest"
			if !within(p, "internal") && (!isSuite(p) || helpsTests) {
				rel = append(rel, p)
			}
		}
	}
	return rel
}
