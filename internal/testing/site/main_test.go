package main

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files writes a folder of files, by name.
func files(t *testing.T, texts map[string]string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, text := range texts {
		if err := writeFile(filepath.Join(folder, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestStageRepository stages the pages and packages of this repository.
func TestStageRepository(t *testing.T) {
	const root = "../../.."
	packages, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := stage(root, folder, packages); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"sidebar.json":          {`"/docs/api-keys"`, `"/pkg/jwtauth/refresh"`},
		"pages/index.md":        {`"layout": "home"`, "## The first example", "```go\npackage main"},
		"pages/overview.md":     {"](/pkg/apikey)", "](/docs/", "](" + repository + "/tree/main/example)"},
		"pages/pkg/index.md":    {"[`stores/sqlstore`](/pkg/stores/sqlstore)"},
		"pages/pkg/jwtauth.md":  {"### type Verifier {#Verifier}", "#### Verifier.Authenticate {#Verifier.Authenticate}", `<a id="VerifierOptions.Audience"></a>`},
		"pages/pkg/guard.md":    {"::: details Example", "Output:\n\n```text\n"},
		"pages/docs/index.md":   {"](/docs/api-keys)", "](/overview#the-order-of-a-chain)"},
		"pages/docs/session.md": nil,
	} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if wants == nil {
			if err == nil {
				t.Errorf("%s exists", name)
			}
			continue
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s does not have %q: %v", name, want, err)
			}
		}
	}
}

// TestStageMistakes: a page in no group, a group's page that does not exist, and a link
// that leads nowhere are reported, all at once.
func TestStageMistakes(t *testing.T) {
	root := files(t, map[string]string{
		"README.md":                   "# p\n\nA sentence.\n\nAn example.\n\n## More\n",
		"docs/README.md":              "# Tasks\n",
		"docs/known.md":               "# Known\n\n[code](other.go#L1) and [nowhere](../missing.go), `[in code](missing.md)`\n\n```md\n[in code](missing.md)\n```\n",
		"docs/other.go":               "package other\n",
		"docs/stray.md":               "Text.\n",
		"docs/.vitepress/groups.json": `[{"text": "All", "pages": ["known", "known", "gone"]}]`,
	})
	folder := t.TempDir()
	err := stage(root, folder, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"docs/known.md: the link ../missing.go leads nowhere",
		"docs/stray.md: the first line is no title",
		"groups.json has gone,",
		"groups.json has known,",
		"docs/stray.md is in no group",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error has no %q:\n%v", want, err)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 5 {
		t.Errorf("%d mistakes, want 5:\n%v", got, err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "pages/docs/known.md"))
	if want := "[code](" + repository + "/blob/main/docs/other.go#L1)"; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%s\nwant %s: %v", text, want, err)
	}
}

// TestGodoc: links of comments lead to anchors, and those that name nothing are reported.
func TestGodoc(t *testing.T) {
	const source = `// Package p has [T.M], [T.F] and [io.EOF].
//
// # Heading
//
//	x := <-c // {{.}}
package p

import "io"

// T is <b>. See [Missing], but map[string]T and New[T] are Go.
type T struct {
	// F counts. See [T.M].
	F int

	// How many there are.
	G int
	H int // more
}

// M returns [io.EOF].
func (t *T) M() error { return io.EOF }
`
	p := &pkg{rel: "p", fset: token.NewFileSet()}
	f, err := parser.ParseFile(p.fset, "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if p.Package, err = doc.NewFromFiles(p.fset, []*ast.File{f}, module+"/p"); err != nil {
		t.Fatal(err)
	}
	text, err := p.markdown([]*pkg{p})
	if err == nil || strings.Count(err.Error(), "leads nowhere") != 1 || !strings.Contains(err.Error(), "Missing") {
		t.Errorf("error %v, want that of Missing", err)
	}
	for _, want := range []string{
		"[T.M](/pkg/p#T.M), [T.F](/pkg/p#T.F) and [io.EOF](https://pkg.go.dev/io#EOF)",
		"## Heading {#hdr-Heading}",
		"```go\nx := <-c // {{.}}\n```",
		`T is \<b>`,
		"### type T {#T}", `<a id="T.F"></a>**F** counts. See [T.M](/pkg/p#T.M).`, "**G**: How many",
		"struct {\n\tF int\n\tG int\n\tH int // more\n}", `<a id="T.H"></a>`, "#### T.M {#T.M}", "```go\nfunc (t *T) M() error\n```",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

// TestCheck: what leads nowhere in the built pages is reported.
func TestCheck(t *testing.T) {
	root := files(t, map[string]string{"go.mod": ""})
	for _, tt := range []struct{ name, body, want string }{
		{"all is there", `<h1 id="a.b"></h1><a href="#a.b">1</a> <a href="/docs/">2</a> <a href="docs/index.html#c%20d">3</a>`, ""},
		{"the repository", `<a href="` + repository + `/blob/main/go.mod#L1">1</a><a href="` + repository + `">2</a>`, ""},
		{"elsewhere", `<a href="https://pkg.go.dev/io#EOF">1</a><link rel="icon" href="data:,">`, ""},
		{"no link", `&lt;a href="/missing">`, "has no pages or no links"},
		{"a page", `<a href="/missing.html">1</a>`, "index.html: /missing.html leads nowhere"},
		{"a relative page", `<a class="x" href="missing.html">1</a>`, "index.html: missing.html leads nowhere"},
		{"an anchor", `<a href="#missing">1</a>`, "index.html: #missing leads to no anchor"},
		{"another page's anchor", `<a href="/docs/#a.b">1</a><h1 id="a.b">`, "index.html: /docs/#a.b leads to no anchor"},
		{"a file of the repository", `<a href="` + repository + `/blob/main/missing.go">1</a>`, "missing.go is not in the repository"},
		{"an anchor twice", `<h1 id="x"><h2 id="x"><a href="#x">1</a>`, `has the anchor "x" twice`},
		{"a script from elsewhere", `<script src="https://example.com/x.js"></script>`, "loads https://example.com/x.js"},
		{"a picture", `<img alt="" src="/missing.svg">`, "/missing.svg leads nowhere"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folder := files(t, map[string]string{"index.html": tt.body, "docs/index.html": `<h1 id="c d"></h1>`})
			report, err := check(root, folder)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want == "" && !strings.HasPrefix(report, "2 pages, "):
				t.Error(report)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}
