package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/format"
	"go/printer"
	"regexp"
	"strings"
)

// A page is the documentation of a package in Markdown, as VitePress reads it.
type page struct {
	bytes.Buffer
	*pkg
	links map[string]string // pages of packages, by import path
	errs  []error
}

func (p *pkg) markdown(packages []*pkg) (string, error) {
	w := &page{pkg: p, links: map[string]string{}}
	for _, other := range packages {
		w.links[other.ImportPath] = other.link()
	}
	fmt.Fprintf(w, "# %s\n\n", p.title())
	w.code("go", fmt.Sprintf("import %q", p.ImportPath))
	w.comment(p.Doc, 2)
	w.examples(p.Examples)
	w.values("Constants", p.Consts)
	w.values("Variables", p.Vars)
	if len(p.Funcs) > 0 {
		w.WriteString("## Functions\n\n")
		w.funcs(p.Funcs, 3)
	}
	if len(p.Types) > 0 {
		w.WriteString("## Types\n\n")
	}
	for _, t := range p.Types {
		fmt.Fprintf(w, "### type %s {#%[1]s}\n\n", t.Name)
		w.decl(t.Decl)
		w.comment(t.Doc, 4)
		w.examples(t.Examples)
		w.values("", t.Consts)
		w.values("", t.Vars)
		w.funcs(t.Funcs, 4)
		w.funcs(t.Methods, 4)
	}
	tree := repository
	if p.rel != "." {
		tree += "/tree/main/" + p.rel
	}
	fmt.Fprintf(w, "---\n\n[Source](%s) · [pkg.go.dev](https://pkg.go.dev/%s)\n", tree, p.ImportPath)
	return w.String(), errors.Join(w.errs...)
}

func (w *page) values(heading string, values []*doc.Value) {
	if len(values) > 0 && heading != "" {
		fmt.Fprintf(w, "## %s\n\n", heading)
	}
	for _, v := range values {
		w.decl(v.Decl)
		w.comment(v.Doc, 4)
	}
}

func (w *page) funcs(funcs []*doc.Func, level int) {
	for _, f := range funcs {
		heading, id := "func "+f.Name, f.Name
		if f.Recv != "" {
			receiver, _, _ := strings.Cut(strings.TrimPrefix(f.Recv, "*"), "[")
			id = receiver + "." + f.Name
			heading = id
		}
		fmt.Fprintf(w, "%s %s {#%s}\n\n", strings.Repeat("#", level), heading, id)
		w.decl(f.Decl)
		w.comment(f.Doc, level+1)
		w.examples(f.Examples)
	}
}

// decl writes a declaration. What has no heading in it gets an anchor: constants and
// variables, fields and methods of interfaces.
func (w *page) decl(d ast.Decl) {
	if gen, ok := d.(*ast.GenDecl); ok {
		gen.Doc = nil // it is written below
		for _, spec := range gen.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				w.anchors("", spec.Names)
			case *ast.TypeSpec:
				switch t := spec.Type.(type) {
				case *ast.StructType:
					w.fields(spec.Name.Name, t.Fields)
				case *ast.InterfaceType:
					w.fields(spec.Name.Name, t.Methods)
				}
			}
		}
		w.WriteString("\n\n")
	}
	if f, ok := d.(*ast.FuncDecl); ok {
		f.Doc = nil
	}
	w.code("go", w.source(d))
}

func (w *page) fields(owner string, list *ast.FieldList) {
	for _, field := range list.List {
		w.anchors(owner+".", field.Names)
	}
}

func (w *page) anchors(prefix string, names []*ast.Ident) {
	for _, name := range names {
		if name.IsExported() {
			fmt.Fprintf(w, `<a id="%s%s"></a>`, prefix, name.Name)
		}
	}
}

func (w *page) source(node any) string {
	var b bytes.Buffer
	if err := format.Node(&b, w.fset, node); err != nil {
		panic(err) // it was parsed
	}
	return b.String()
}

func (w *page) code(language, text string) {
	fmt.Fprintf(w, "```%s\n%s\n```\n\n", language, strings.Trim(text, "\n"))
}

// unresolved finds what looks like a doc link, and names nothing: its bracket is escaped.
var unresolved = regexp.MustCompile(`(?m)(^|[\s(])\\\[\*?[\w.]*[A-Z]\w*\]`)

// comment writes a doc comment whose first headings have the given level. Its code is
// fenced, so that it is in color and Vue reads nothing in it.
func (w *page) comment(text string, level int) {
	p := &comment.Printer{
		HeadingLevel: level,
		DocLinkURL: func(l *comment.DocLink) string {
			page, found := w.links[cmp.Or(l.ImportPath, w.ImportPath)]
			if !found {
				return l.DefaultURL("https://pkg.go.dev")
			}
			name := strings.Trim(l.Recv+"."+l.Name, ".")
			if name == "" {
				return page
			}
			return page + "#" + name
		},
	}
	if level > 2 { // of two comments on a page, both may have the heading
		p.HeadingID = func(*comment.Heading) string { return "" }
	}
	parsed := w.Parser().Parse(text)
	for _, block := range parsed.Content {
		if c, ok := block.(*comment.Code); ok {
			language := "text"
			if _, err := format.Source([]byte(c.Text)); err == nil {
				language = "go"
			}
			w.code(language, c.Text)
			continue
		}
		rendered := p.Markdown(&comment.Doc{Content: []comment.Block{block}, Links: parsed.Links})
		for _, dead := range unresolved.FindAll(rendered, -1) {
			w.errs = append(w.errs, fmt.Errorf("package %s: the doc link %s leads nowhere", w.title(), bytes.TrimSpace(dead)))
		}
		w.Write(append(rendered, '\n'))
	}
}

// output finds the comment that holds an example's output, which is shown by itself.
var output = regexp.MustCompile(`(?is)\n\s*//\s*(unordered )?output:.*`)

func (w *page) examples(examples []*doc.Example) {
	for _, ex := range examples {
		title := "Example"
		if ex.Suffix != "" {
			title += " (" + ex.Suffix + ")"
		}
		fmt.Fprintf(w, "::: details %s\n\n", title)
		w.comment(ex.Doc, 5)
		text := w.source(&printer.CommentedNode{Node: ex.Code, Comments: ex.Comments})
		if _, ok := ex.Code.(*ast.BlockStmt); ok {
			text = strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}")
			text = strings.ReplaceAll(text, "\n\t", "\n")
		}
		w.code("go", output.ReplaceAllString(text, ""))
		if ex.Output != "" {
			w.WriteString("Output:\n\n")
			w.code("text", ex.Output)
		}
		w.WriteString(":::\n\n")
	}
}

// indexOf is the page with all packages, packageItems their part of the sidebar.
func indexOf(packages []*pkg) string {
	var b strings.Builder
	b.WriteString("# Packages\n\n| package | |\n|---|---|\n")
	for _, p := range packages {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s |\n", p.title(), p.link(), strings.ReplaceAll(p.Synopsis(p.Doc), "|", `\|`))
	}
	return b.String()
}

func packageItems(packages []*pkg) []item {
	part := item{Text: "Packages", Link: "/pkg/"}
	for _, p := range packages {
		part.Items = append(part.Items, item{Text: p.title(), Link: p.link()})
	}
	return []item{part}
}
