package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestExportedNames bounds the top-level exported names of a package: functions,
// types, constants and variables of non-test files.
func TestExportedNames(t *testing.T) {
	most := map[string]int{".": 48, "jwtauth": 32, "ratelimit": 49, "source": 8}
	for _, pkg := range packages(t) {
		if within(pkg, "internal") {
			continue
		}
		names := exported(t, filepath.Join(root, pkg))
		t.Logf("%-28s %d", pkg, len(names))
		if limit := most[pkg]; limit > 0 && len(names) > limit {
			t.Errorf("%s exports %d names, want at most %d: unexport one, or raise the bound in this test, with the reason in the commit: %s", pkg, len(names), limit, strings.Join(names, " "))
		}
	}
	files, err := filepath.Glob(root + "/jwtauth/*.go")
	if err != nil {
		t.Fatal(err)
	}
	code := 0
	for _, f := range files {
		if !strings.HasSuffix(f, "_test.go") {
			code++
		}
	}
	if code > 25 {
		t.Errorf("jwtauth has %d code files, want at most 25", code)
	}
}

// TestExperimentalNames: .ci/api lets the names change that CHANGELOG.md lists as
// experimental, so each is one.
func TestExperimentalNames(t *testing.T) {
	text, err := os.ReadFile(root + "/CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "\n- Experimental:")
	list, _, closed := strings.Cut(list, "\n- Neither")
	names := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(list, -1)
	if !closed || len(names) == 0 {
		t.Fatal("CHANGELOG.md has no list that begins with \"- Experimental:\" and ends before \"- Neither\"")
	}
	for _, name := range names {
		pkg, symbol, _ := strings.Cut(name[1], ".")
		cmd := exec.Command("go", "doc", "./"+pkg, symbol)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("CHANGELOG.md lists %s as experimental: want the path of a package, and a name that it has: %s", name[1], out)
		}
	}
}

func exported(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			for _, id := range declared(d) {
				if id.IsExported() {
					names = append(names, id.Name)
				}
			}
		}
	}
	return names
}

// declared are the names of a top-level declaration. Methods are not top-level.
func declared(d ast.Decl) (ids []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			ids = append(ids, d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				ids = append(ids, s.Name)
			case *ast.ValueSpec:
				ids = append(ids, s.Names...)
			}
		}
	}
	return ids
}

// TestWords refuses private words in the code of every module: the field's words
// say it.
func TestWords(t *testing.T) {
	words := regexp.MustCompile(`(?i)\b(nobody|whoever|mended|told|somebody|lets? (him|her|them|it|those|on)|lets at|gets? on|may nothing|hears of|none of its own|stands? in front|left alone|StepKey)\b|"unsafe"`)
	for _, path := range codeFiles(t) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(b), "\n") {
			if m := words.FindString(line); m != "" {
				t.Errorf("%s:%d: %q is a word that this project avoids, in comments too: say it in a word of the field, such as those of CONTRIBUTING.md's glossary",
					strings.TrimPrefix(path, root+"/"), i+1, m)
			}
		}
	}
}

// TestIdentifiers refuses names that say nothing.
func TestIdentifiers(t *testing.T) {
	list := "asked kept told room fate apart goes knows nobody once offered judge current work own buried tell trusted unhurried " +
		"Families Nets DropAt Global"
	banned := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		banned[name] = true
	}
	for _, path := range codeFiles(t) {
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		var pkg *ast.Ident // the package once
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok && id.Name == "once" {
					pkg = id
				}
			}
			if id, ok := n.(*ast.Ident); ok && banned[id.Name] && f.Name != id && pkg != id {
				t.Errorf("%s: the name %s does not say what it holds: use a noun for that, such as result or candidate", strings.TrimPrefix(files.Position(id.Pos()).String(), root+"/"), id.Name)
			}
			return true
		})
	}
}

// codeFiles are the non-test Go files of all modules.
func codeFiles(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
