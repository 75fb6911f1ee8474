package main

import (
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	tag       = regexp.MustCompile(`<([a-z][\w-]*)(\s[^>]*)>`) // a text has &lt;, and an attribute &gt;
	attribute = regexp.MustCompile(`\s(id|href|src)="([^"]*)"`)
)

// A reference is a link or a resource of a page.
type reference struct{ page, element, url string }

// check reports what is wrong with the built pages in folder: links and anchors that lead
// nowhere, also into the repository, anchors that are there twice, and what a browser
// would load from elsewhere.
func check(root, folder string) (report string, err error) {
	ids := map[string]map[string]bool{}
	var refs []reference
	var errs []error
	err = fs.WalkDir(os.DirFS(folder), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".html" {
			return err
		}
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		ids[name] = map[string]bool{}
		for _, element := range tag.FindAllStringSubmatch(string(text), -1) {
			for _, a := range attribute.FindAllStringSubmatch(element[2], -1) {
				value := html.UnescapeString(a[2])
				if a[1] != "id" {
					refs = append(refs, reference{name, element[1], value})
					continue
				}
				if ids[name][value] {
					errs = append(errs, fmt.Errorf("%s has the anchor %q twice", name, value))
				}
				ids[name][value] = true
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	anchors := 0
	for _, r := range refs {
		fragment, err := r.follow(root, folder, ids)
		errs = append(errs, err)
		if fragment {
			anchors++
		}
	}
	if len(ids) == 0 || len(refs) == 0 {
		errs = append(errs, fmt.Errorf("%s has no pages or no links", folder))
	}
	return fmt.Sprintf("%d pages, %d links, %d of them to anchors", len(ids), len(refs), anchors), errors.Join(errs...)
}

// follow reports whether r leads to an anchor of the site, and where it leads nowhere.
func (r reference) follow(root, folder string, ids map[string]map[string]bool) (fragment bool, err error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return false, fmt.Errorf("%s: %w", r.page, err)
	}
	if u.Scheme != "" || u.Host != "" {
		return false, r.outside(root, u)
	}
	name := r.page
	if u.Path != "" {
		name = path.Join(path.Dir("/"+r.page), u.Path)
		if path.IsAbs(u.Path) {
			name = path.Clean(u.Path)
		}
		name = name[1:]
		if strings.HasSuffix(u.Path, "/") {
			name = path.Join(name, "index.html")
		}
	}
	if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
		return false, fmt.Errorf("%s: %s leads nowhere", r.page, r.url)
	}
	if u.Fragment == "" {
		return false, nil
	}
	if !ids[name][u.Fragment] {
		return true, fmt.Errorf("%s: %s leads to no anchor", r.page, r.url)
	}
	return true, nil
}

// outside checks a URL that is not the site's.
func (r reference) outside(root string, u *url.URL) error {
	if r.element != "a" && u.Scheme != "data" {
		return fmt.Errorf("%s loads %s", r.page, r.url)
	}
	file, found := strings.CutPrefix(r.url, repository+"/")
	if !found {
		return nil
	}
	file, _, _ = strings.Cut(file, "#")
	for _, kind := range []string{"blob/main/", "tree/main/"} {
		if name, ok := strings.CutPrefix(file, kind); ok {
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				return fmt.Errorf("%s: %s is not in the repository", r.page, r.url)
			}
		}
	}
	return nil
}
