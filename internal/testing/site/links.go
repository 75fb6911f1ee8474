package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// target finds where a link or a picture of Markdown points to.
var target = regexp.MustCompile(`(\]\(|\b(?:src|srcset|href)=")([^)"\s]+)`)

// rewrite changes the links of a page of the repository to those of the site: to other
// pages and packages, and to GitHub for the other files. Code stays as it is.
func (s *staging) rewrite(source, text string) string {
	lines := strings.SplitAfter(text, "\n")
	fenced := false
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			continue
		}
		parts := strings.Split(line, "`")
		for j := 0; j < len(parts); j += 2 { // every second one is code
			parts[j] = target.ReplaceAllStringFunc(parts[j], func(found string) string {
				m := target.FindStringSubmatch(found)
				return m[1] + s.resolve(source, m[2])
			})
		}
		lines[i] = strings.Join(parts, "`")
	}
	return strings.Join(lines, "")
}

// resolve returns the site's link for one in a page of the repository.
func (s *staging) resolve(source, link string) string {
	if strings.HasPrefix(link, "#") || strings.Contains(link, ":") {
		return link
	}
	file, fragment, _ := strings.Cut(link, "#")
	if fragment != "" {
		fragment = "#" + fragment
	}
	file = path.Join(path.Dir(source), file)
	if page, found := s.pages[file]; found {
		return page + fragment
	}
	at := filepath.Join(s.root, file)
	info, err := os.Stat(at)
	switch {
	case err != nil:
		s.errs = append(s.errs, fmt.Errorf("%s: the link %s leads nowhere", source, link))
		return link
	case info.IsDir():
		return repository + "/tree/main/" + file + fragment
	case strings.Contains(".svg.png.jpg", path.Ext(file)) && path.Ext(file) != "":
		text, err := os.ReadFile(at)
		s.errs = append(s.errs, err, writeFile(filepath.Join(s.folder, "public", file), text))
		return "/" + file
	default:
		return repository + "/blob/main/" + file + fragment
	}
}
