package arch_test

import (
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCodes: docs/errors.md lists the code of every refusal, under its package, and no
// other.
func TestCodes(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[[2]string]bool{}
	_, section, _ := strings.Cut(string(page), "\n## Codes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range regexp.MustCompile("(?m)^\\| `?([^|`]+)`? \\| `(\\w+)` \\|").FindAllStringSubmatch(section, -1) {
		row := [2]string{m[1], m[2]}
		if listed[row] {
			t.Errorf("docs/errors.md lists %s of %s twice", row[1], row[0])
		}
		listed[row] = true
	}
	snake := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for row, position := range codes(t) {
		if !snake.MatchString(row[1]) {
			t.Errorf("%s: the code %q is not in snake_case", position, row[1])
		}
		if !listed[row] {
			t.Errorf("%s: under Codes, docs/errors.md lacks the row | `%s` | `%s` | status | what the request has or needs |", position, row[0], row[1])
		}
		delete(listed, row)
	}
	for row := range listed {
		t.Errorf("docs/errors.md lists the code %s of %s, which no constant in that package is: remove the row, or correct the package in it", row[1], row[0])
	}
}

// nested are the packages with codes that are modules of their own.
var nested = []string{"signin/passkey"}

// codes returns where each package has a constant code: the Code of a guard.Error, a
// field, parameter or variable named code, or a constant whose name starts with code.
func codes(t *testing.T) map[[2]string]string {
	t.Helper()
	exports := map[string]string{}
	for _, dir := range append(nested, ".") {
		for _, line := range goListIn(t, dir, "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", "./...") {
			path, file, _ := strings.Cut(line, "=")
			exports[path] = file
		}
	}
	files := token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	all := map[[2]string]string{}
	for _, pkg := range append(packages(t), nested...) {
		if within(pkg, "internal/testing") || isSuite(pkg) {
			continue
		}
		syntax := parse(t, files, filepath.Join(root, pkg))
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}}
		if _, err := (&types.Config{Importer: imports}).Check(strings.TrimSuffix(module+"/"+pkg, "/."), files, syntax, info); err != nil {
			t.Fatal(err)
		}
		add := func(e ast.Expr) {
			if v := info.Types[e].Value; v != nil && v.Kind() == constant.String && constant.StringVal(v) != "" {
				position := strings.TrimPrefix(files.Position(e.Pos()).String(), root+"/")
				all[[2]string{column(pkg), constant.StringVal(v)}] = position
			}
		}
		for _, f := range syntax {
			ast.Inspect(f, func(n ast.Node) bool {
				inspect(n, info, add)
				return true
			})
		}
	}
	return all
}

// column is how docs/errors.md names a package. What packages share is internal.
func column(pkg string) string {
	switch {
	case pkg == ".":
		return "guard"
	case within(pkg, "internal"):
		return "shared"
	}
	return pkg
}

// parse returns the non-test files of a folder that this version of Go builds.
func parse(t *testing.T, files *token.FileSet, dir string) (syntax []*ast.File) {
	t.Helper()
	paths, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if built, err := build.Default.MatchFile(dir, filepath.Base(path)); err != nil || !built || strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		syntax = append(syntax, f)
	}
	return syntax
}

// inspect calls add for the expressions of a node that are codes.
func inspect(n ast.Node, info *types.Info, add func(ast.Expr)) {
	switch n := n.(type) {
	case *ast.CompositeLit:
		s, ok := info.TypeOf(n).Underlying().(*types.Struct)
		if !ok {
			return
		}
		for i, e := range n.Elts {
			field := s.Field(i).Name()
			if kv, keyed := e.(*ast.KeyValueExpr); keyed {
				field, e = kv.Key.(*ast.Ident).Name, kv.Value
			}
			if isCode(field, info.TypeOf(n)) {
				add(e)
			}
		}
	case *ast.CallExpr:
		sig, ok := info.TypeOf(n.Fun).(*types.Signature)
		for i, arg := range n.Args {
			if ok && i < sig.Params().Len() && sig.Params().At(i).Name() == "code" {
				add(arg)
			}
		}
	case *ast.AssignStmt:
		for i, e := range n.Rhs { // of a call with several results only the first, which is no constant
			switch left := n.Lhs[i].(type) {
			case *ast.Ident:
				if left.Name == "code" {
					add(e)
				}
			case *ast.SelectorExpr:
				if isCode(left.Sel.Name, info.TypeOf(left.X)) {
					add(e)
				}
			}
		}
	case *ast.ValueSpec:
		for i, e := range n.Values {
			if strings.HasPrefix(n.Names[i].Name, "code") {
				add(e)
			}
		}
	}
}

// isCode reports whether a field of t holds the code of a refusal. t is nil where the
// field is a name of another package.
func isCode(field string, t types.Type) bool {
	return field == "code" || field == "Code" && t != nil && strings.TrimPrefix(t.String(), "*") == module+".Error"
}
