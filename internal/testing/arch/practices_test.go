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
			t.Errorf("docs/jwt-security.md: the row of section 3.%s names no test as `folder.TestName`", row[1])
		}
		for _, m := range tests {
			if text := testsOf(t, m[1]); !strings.Contains(text, "\nfunc "+m[2]+"(") {
				t.Errorf("docs/jwt-security.md names %s.%s, and no *_test.go of the folder %s has it", m[1], m[2], m[1])
			} else if m[3] != "" && !strings.Contains(text, `"`+m[3]+`"`) {
				t.Errorf("docs/jwt-security.md names the case %q, and no *_test.go of the folder %s has a string that is exactly this", m[3], m[1])
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
				t.Errorf("%s names %s.%s, and no *_test.go of the folder %s has it", filepath.Base(path), m[1], m[2], m[1])
			}
		}
	}
	if named < 20 {
		t.Errorf("the pages name %d tests", named)
	}
}

// TestGuaranteesNameTests: each sentence of README.md's guarantees names the tests that
// hold it, right after it.
func TestGuaranteesNameTests(t *testing.T) {
	text, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## What is guaranteed\n")
	section, _, _ = strings.Cut(section, "\n## ")
	guarantees := strings.Split(section, "\n- ")[1:]
	for _, g := range guarantees {
		g, _, _ = strings.Cut(g, "\n\n")
		for _, sentence := range unheld(g) {
			t.Errorf("README.md, \"What is guaranteed\": put the test that holds this sentence right after it, as `folder.TestName`: %s", sentence)
		}
	}
	if len(guarantees) < 15 {
		t.Errorf("%d guarantees", len(guarantees))
	}
}

// unheld returns the sentences of a guarantee that no name of a test follows.
func unheld(guarantee string) (sentences []string) {
	names := regexp.MustCompile("(?:`[\\w/]+\\.Test\\w+`\\s*)+")
	end := regexp.MustCompile(`[.!?](?:\s+|$)`)
	parts := names.Split(strings.TrimSpace(guarantee), -1)
	for i, part := range parts {
		var here []string
		for _, sentence := range end.Split(part, -1) {
			if sentence = strings.TrimSpace(sentence); sentence != "" {
				here = append(here, sentence)
			}
		}
		if i < len(parts)-1 && len(here) > 0 {
			here = here[:len(here)-1] // names follow the last one
		}
		sentences = append(sentences, here...)
	}
	return sentences
}

// TestUnheld: what the check of the guarantees finds.
func TestUnheld(t *testing.T) {
	for text, want := range map[string]int{
		"One. `a.TestOne`": 0,
		"One. `a.TestOne` `a/b.TestTwo`\n  Two, of `x.Y`. `root.TestTwo`": 0,
		"One.":                             1,
		"One. Two. `a.TestTwo`":            1,
		"One. `a.TestOne` Two.":            1,
		"One. Two. Three. `a.TestThree`":   2,
		"One. `a.NoTest`":                  2,
		"One `a.TestOne` goes on. No end.": 2,
	} {
		if got := unheld(text); len(got) != want {
			t.Errorf("%q: %q", text, got)
		}
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
