package interop_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsLinks: every relative link and picture of a page leads to a file, and every
// fragment to a heading of its page.
func TestDocsLinks(t *testing.T) {
	code := regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]*`")
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range append(docsPages(t), "../README.md", "../CONTRIBUTING.md", "../SECURITY.md") {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, page), ""), -1) {
			target, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %q: %v", page, m[1], err)
				continue
			}
			if target.IsAbs() {
				continue
			}
			path := page
			if target.Path != "" {
				path = filepath.Join(filepath.Dir(page), target.Path)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %q leads to no file", page, m[1])
			} else if target.Fragment != "" && strings.HasSuffix(path, ".md") && !anchors(read(t, path))[target.Fragment] {
				t.Errorf("%s: %q leads to no heading", page, m[1])
			}
		}
	}
}

// TestDocsIndex: docs/README.md leads to every page, and each page says what goes wrong and
// where to go next.
func TestDocsIndex(t *testing.T) {
	index := read(t, "../docs/README.md")
	for _, page := range docsPages(t) {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(index, "]("+name) {
			t.Errorf("docs/README.md has no row that links to %s", name)
		}
		if text := read(t, page); filepath.Base(page) != "README.md" && (!strings.Contains(text, "\n## What goes wrong\n") || !strings.Contains(text, "\n## Where next\n")) {
			t.Errorf("%s lacks the heading \"## What goes wrong\" or \"## Where next\": the first has a table of symptoms and causes, the second links to other pages", page)
		}
	}
}

// anchors returns the fragments of a page's headings, as GitHub makes them.
func anchors(page string) map[string]bool {
	page = regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(page, "")
	list := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#{1,6} (.+)$`).FindAllStringSubmatch(page, -1) {
		text := regexp.MustCompile(`[^\p{L}\p{N}_\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		list[strings.ReplaceAll(text, " ", "-")] = true
	}
	return list
}

// TestDocsWords refuses private words in the documentation: the field's words say it.
func TestDocsWords(t *testing.T) {
	words := regexp.MustCompile(`(?i)\b(nobody|whoever|mended|somebody|lets at|gets? on|hears of|may nothing|none of its own)\b`)
	for _, page := range append(docsPages(t), "../README.md", "../CONTRIBUTING.md", "../SECURITY.md") {
		for i, line := range strings.Split(read(t, page), "\n") {
			if m := words.FindString(line); m != "" {
				t.Errorf("%s:%d: %q is a word that this project avoids: see the glossary of CONTRIBUTING.md", page, i+1, m)
			}
		}
	}
}
