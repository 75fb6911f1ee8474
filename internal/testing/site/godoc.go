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

// decl writes a declaration, and below it the comments of its fields or methods: there
// lines wrap and links work. What has no heading gets an anchor.
func (w *page) decl(d ast.Decl) {
	var members []*ast.Field
	owner := ""
	switch d := d.(type) {
	case *ast.FuncDecl:
		d.Doc = nil // the caller writes it
	case *ast.GenDecl:
		d.Doc = nil
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				w.anchors("", spec.Names)
			case *ast.TypeSpec:
				owner, members = spec.Name.Name+".", membersOf(spec.Type)
			}
		}
	}
	comments := make([]string, len(members))
	for i, m := range members {
		comments[i] = m.Doc.Text()
		if m.Doc = nil; comments[i] == "" {
			w.anchors(owner, m.Names)
		}
	}
	text := w.source(d)
	if len(members) > 0 { // where comments were
		compact, err := format.Source(blank.ReplaceAll([]byte(text), []byte("\n")))
		w.errs = append(w.errs, err)
		text = string(compact)
	}
	w.WriteString("\n\n")
	w.code("go", text)
	for i, m := range members {
		if comments[i] == "" || len(m.Names) == 0 {
			continue
		}
		w.anchors(owner, m.Names)
		name, text := m.Names[0].Name, w.render(comments[i], 5)
		if rest, found := strings.CutPrefix(text, name); found {
			fmt.Fprintf(w, "**%s**%s", name, rest)
		} else {
			fmt.Fprintf(w, "**%s**: %s", name, text)
		}
	}
}

var blank = regexp.MustCompile(`\n\n+`)

// membersOf returns the fields of a struct, or the methods of an interface.
func membersOf(t ast.Expr) []*ast.Field {
	switch t := t.(type) {
	case *ast.StructType:
		return t.Fields.List
	case *ast.InterfaceType:
		return t.Methods.List
	}
	return nil
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

func (w *page) code(language, text string) { w.WriteString(fence(language, text)) }

func fence(language, text string) string {
	return fmt.Sprintf("```%s\n%s\n```\n\n", language, strings.Trim(text, "\n"))
}

// unresolved finds what looks like a doc link, and names nothing: its bracket is escaped.
var unresolved = regexp.MustCompile(`(?m)(^|[\s(])\\\[\*?[\w.]*[A-Z]\w*\]`)

func (w *page) comment(text string, level int) { w.WriteString(w.render(text, level)) }

// render returns a doc comment as Markdown, where headings have the given level. Its code
// is fenced, so that it is in color and Vue reads nothing in it.
func (w *page) render(text string, level int) string {
	var b strings.Builder
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
			b.WriteString(fence(language, c.Text))
			continue
		}
		rendered := p.Markdown(&comment.Doc{Content: []comment.Block{block}, Links: parsed.Links})
		for _, dead := range unresolved.FindAll(rendered, -1) {
			w.errs = append(w.errs, fmt.Errorf("package %s: the doc link %s leads nowhere", w.title(), bytes.TrimSpace(dead)))
		}
		b.Write(append(rendered, '\n'))
	}
	return b.String()
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
