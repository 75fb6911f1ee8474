package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestPractices: docs/jwt-security.md has a row for each section of the draft, and every
// test that it names exists: `jwtauth.TestHostileTokens/alg none` is a test of folder
// jwtauth and the name of one of its cases.
func TestPractices(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/jwt-security.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| 3\.(\d+) .*\|$`).FindAllStringSubmatch(string(page), -1)
	const sections = 15
	seen := map[string]bool{}
	name := regexp.MustCompile("`([\\w/]+)\\.((?:Test|Fuzz)\\w+)(?:/([^`]+))?`")
	for _, row := range rows {
		seen[row[1]] = true
		tests := name.FindAllStringSubmatch(row[0], -1)
		if len(tests) == 0 {
			t.Errorf("section 3.%s has no test", row[1])
		}
		for _, m := range tests {
			if text := testsOf(t, m[1]); !strings.Contains(text, "\nfunc "+m[2]+"(") {
				t.Errorf("%s is not a test of %s", m[2], m[1])
			} else if m[3] != "" && !strings.Contains(text, `"`+m[3]+`"`) {
				t.Errorf("%q is not a case in %s", m[3], m[1])
			}
		}
	}
	for n := range sections {
		if !seen[strconv.Itoa(n+1)] {
			t.Errorf("section 3.%d has no row", n+1)
		}
	}
}

// TestDocsNameTests: every test that README.md or a page of docs/ names exists.
func TestDocsNameTests(t *testing.T) {
	pages, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, root+"/README.md")
	name := regexp.MustCompile("`([\\w/]+)\\.((?:Test|Fuzz)\\w+)(?:/[^`]+)?`")
	named := 0
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllStringSubmatch(string(page), -1) {
			named++
			if !strings.Contains(testsOf(t, m[1]), "\nfunc "+m[2]+"(") {
				t.Errorf("%s names %s, which is not a test of %s", filepath.Base(path), m[2], m[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("the pages name %d tests", named)
	}
}

// TestGuaranteesNameTests: each guarantee of README.md names the tests that hold it.
func TestGuaranteesNameTests(t *testing.T) {
	text, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## What is guaranteed\n")
	section, _, _ = strings.Cut(section, "\n## ")
	guarantees := strings.Split(section, "\n- ")[1:]
	for _, g := range guarantees {
		if g, _, _ = strings.Cut(g, "\n\n"); !regexp.MustCompile("`[\\w/]+\\.Test\\w+`").MatchString(g) {
			t.Errorf("no test is named: %s", g)
		}
	}
	if len(guarantees) < 15 {
		t.Errorf("%d guarantees", len(guarantees))
	}
}

// TestDocsGroups: each page of docs/ has one place in the sidebar of the site.
func TestDocsGroups(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/.vitepress/groups.json")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(root + "/docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, path := range pages {
		name := strings.TrimSuffix(filepath.Base(path), ".md")
		if n := strings.Count(string(text), `"`+name+`"`); name != "README" && n != 1 {
			t.Errorf("docs/.vitepress/groups.json has docs/%s.md %d times, want 1: add it to a group", name, n)
		}
	}
}

// testsOf returns the text of the test files of a folder.
func testsOf(t *testing.T, folder string) string {
	t.Helper()
	if folder == "root" {
		folder = "."
	}
	paths, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
