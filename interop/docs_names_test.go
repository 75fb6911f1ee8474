package interop_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocsNames: each block of Go in README.md and docs/ that is no program has the names,
// fields, arguments and types that the packages have. What a reader brings, such as db or
// User, is not defined there, and may be anything.
func TestDocsNames(t *testing.T) {
	c := newBlockChecker(t)
	blocks := 0
	for _, page := range append(docsPages(t), "../README.md") {
		for _, code := range goBlocks(t, page) {
			if isProgram(code) {
				continue // TestDocs compiles it
			}
			blocks++
			for _, err := range c.check(code) {
				t.Errorf("%s: %v, in the block that begins with %.60q", filepath.Base(page), err, code)
			}
		}
	}
	if blocks < 50 {
		t.Errorf("the pages have %d blocks", blocks)
	}
}

// TestDocsNamesFinds: the check finds each kind of mistake.
func TestDocsNamesFinds(t *testing.T) {
	c := newBlockChecker(t)
	for code, want := range map[string]string{
		"ring := apikey.NewRings(nil)":                            "undefined: apikey.NewRings",
		"ring := apikey.NewRing(&apikey.RingOptions{Storage: s})": "unknown field Storage",
		"err := password.Verify(ctx, hash)":                       "not enough arguments",
		"limit := ratelimit.Limit{Quota: \"100\"}":                "cannot use",
		"a := guard.Must(session.New[Data](nil))\na.Ends(w)":      "a.Ends undefined",
		"limit :=": "expected",
	} {
		if got := fmt.Sprint(c.check(code)); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
	if errs := c.check("u, err := db.User(ctx, id)\n…\nkeys := guard.Must(apikey.New[User](u.Keys, &apikey.Options{}))"); len(errs) > 0 {
		t.Error(errs)
	}
}

// A blockChecker checks code that lacks its imports and surroundings.
type blockChecker struct {
	paths   map[string]string // of packages, by name
	imports types.Importer
	files   *token.FileSet
}

// private matches the paths that code outside of a module cannot import.
var private = regexp.MustCompile(`(^|/)(internal|vendor)/`)

func newBlockChecker(t *testing.T) *blockChecker {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.Export}} {{.Name}} {{.ImportPath}}", "./...", "./interop/...", "./example/...")
	cmd.Dir, cmd.Env, cmd.Stderr = "..", append(os.Environ(), "GOWORK=", "GOFLAGS="), os.Stderr // the workspace, whatever the test runs in
	list, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	c, exports := &blockChecker{paths: map[string]string{}, files: token.NewFileSet()}, map[string]string{}
	for line := range strings.Lines(string(list)) {
		export, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, path, _ := strings.Cut(name, " ")
		exports[path] = export
		if private.MatchString(path) {
			continue
		}
		if old := c.paths[name]; old == "" || rank(path) < rank(old) {
			c.paths[name] = path
		}
	}
	delete(c.paths, "mux") // is a variable
	c.imports = importer.ForCompiler(c.files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	return c
}

// rank is lower for the package that code means, if two have one name: first ours, then
// those of the standard library, where math/rand and text/template come last.
func rank(path string) int {
	switch {
	case strings.HasPrefix(path, "github.com/go-guard/"):
		return 0
	case strings.HasPrefix(path, "math/"), strings.HasPrefix(path, "text/"):
		return 2
	case !strings.Contains(path, "."):
		return 1
	}
	return 3
}

// literals are the types of options of which a page shows some fields.
var literals = map[string]string{
	"Sources":   "jwtauth.VerifierOptions",
	"Subject":   "jwtauth.VerifierOptions",
	"TrustFunc": "jwtauth.VerifierOptions",
	"Normalize": "ratelimit.LoginOptions",
}

// missing are the errors for what a reader brings, and for what a block shows but does not use.
var missing = regexp.MustCompile(`^(undefined: \w+$|declared and not used|no new variables|missing return|".*" imported and not used)` +
	`|type \*?\w+ has no field or method|in struct literal of type \w+$` + // of a reader's type
	`|have \((unknown type|.*\[[A-Z]\].*)\)`) // of a call that has something unknown

// check returns the mistakes of code: declarations, statements, or fields of options.
func (c *blockChecker) check(code string) []error {
	code = strings.ReplaceAll(code, "…\n", "\n")
	wrapped := "func _() {\n" + code + "\n}"
	if field, _, _ := strings.Cut(code, ":"); literals[field] != "" {
		wrapped = "var _ = " + literals[field] + "{\n" + code + "}"
	} else if _, err := c.parse(code); err == nil {
		wrapped = code
	}
	file, err := c.parse(wrapped)
	if err != nil {
		return []error{err}
	}
	imports := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && c.paths[x.Name] != "" {
				imports[x.Name] = fmt.Sprintf("import %s %q\n", x.Name, c.paths[x.Name])
			}
		}
		return true
	})
	wrapped = strings.Join(slices.Collect(maps.Values(imports)), "") + wrapped
	readers := map[string]string{} // types
	for _, mistake := range c.types(wrapped) {
		if name, found := strings.CutPrefix(mistake.Error(), "undefined: "); found && token.IsExported(name) {
			readers[name] = "\ntype " + name + " struct{}"
		}
	}
	wrapped += strings.Join(slices.Collect(maps.Values(readers)), "")
	return slices.DeleteFunc(c.types(wrapped), func(err error) bool { return missing.MatchString(err.Error()) })
}

// types returns the mistakes of declarations.
func (c *blockChecker) types(code string) (mistakes []error) {
	file, err := c.parse(code)
	if err != nil {
		return []error{err}
	}
	config := types.Config{Importer: c.imports, Error: func(err error) {
		if e, ok := errors.AsType[types.Error](err); ok {
			mistakes = append(mistakes, errors.New(e.Msg))
		}
	}}
	_, _ = config.Check("p", c.files, []*ast.File{file}, nil) // Error gets the errors
	return mistakes
}

func (c *blockChecker) parse(code string) (*ast.File, error) {
	return parser.ParseFile(c.files, "", "package p\n"+code, parser.SkipObjectResolution)
}
