package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// A pkg is a package that programs may import.
type pkg struct {
	rel  string // its folder in the repository, "." for the root
	fset *token.FileSet
	*doc.Package
}

// link is its page.
func (p *pkg) link() string {
	if p.rel == "." {
		return "/pkg/guard"
	}
	return "/pkg/" + p.rel
}

// title is how the site names it.
func (p *pkg) title() string { return strings.TrimPrefix(p.link(), "/pkg/") }

// load parses the packages of all modules of the workspace, with their examples.
func load(root string) (packages []*pkg, err error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,GoFiles,TestGoFiles,XTestGoFiles", "work")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOWORK=") // of each module, also where a test is run without the others
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, &stderr)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var listed struct {
			ImportPath, Dir, Name              string
			GoFiles, TestGoFiles, XTestGoFiles []string
		}
		if err := dec.Decode(&listed); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		rel := strings.TrimPrefix(strings.TrimPrefix(listed.ImportPath, module), "/")
		if listed.Name == "main" || !public(rel) {
			continue
		}
		p := &pkg{rel: path.Clean(rel), fset: token.NewFileSet()}
		var files []*ast.File
		for _, name := range append(append(listed.GoFiles, listed.TestGoFiles...), listed.XTestGoFiles...) {
			f, err := parser.ParseFile(p.fset, filepath.Join(listed.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
		if p.Package, err = doc.NewFromFiles(p.fset, files, listed.ImportPath); err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// public reports whether programs may import the package in the folder rel: it is not
// internal, and not of a module that is a program.
func public(rel string) bool {
	parts := strings.Split(rel, "/")
	for _, part := range parts {
		if part == "internal" {
			return false
		}
	}
	return parts[0] != "example" && parts[0] != "interop" && parts[0] != "bench"
}
