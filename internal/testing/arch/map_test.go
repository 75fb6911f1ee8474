package arch_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMap: the map of CONTRIBUTING.md names each folder of the repository's root and each
// package of internal/ and internal/testing/, and none that does not exist.
func TestMap(t *testing.T) {
	text, err := os.ReadFile(root + "/CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Where a change goes\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, table, found := strings.Cut(section, "\n| folder | what it holds |\n|---|---|\n")
	if !found {
		t.Fatal("CONTRIBUTING.md has no map")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	listed := map[string][]string{".": nil, "internal": nil, "internal/testing": nil}
	quoted := regexp.MustCompile("`([^`]+)`")
	for row := range strings.Lines(table) {
		cells := strings.SplitN(row, "|", 3)
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			folder := strings.TrimSuffix(m[1], "/")
			if _, err := os.Stat(path.Join(root, folder)); err != nil {
				t.Errorf("CONTRIBUTING.md, \"Where a change goes\", names %s, which does not exist", m[1])
			}
			listed["."] = append(listed["."], strings.Split(folder, "/")[0])
			if _, of := listed[folder]; !of {
				continue
			}
			for _, m := range regexp.MustCompile("(?:: |, | and )`(\\w+)`").FindAllStringSubmatch(": "+strings.TrimSpace(cells[2]), -1) {
				listed[folder] = append(listed[folder], m[1])
			}
		}
	}
	for folder, names := range listed {
		entries, err := os.ReadDir(path.Join(root, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if hidden := strings.HasPrefix(e.Name(), ".") && e.Name() != ".ci" && e.Name() != ".github"; !e.IsDir() || hidden {
				continue
			}
			if !slices.Contains(names, e.Name()) && path.Join(folder, e.Name()) != "internal/testing" {
				t.Errorf("CONTRIBUTING.md, \"Where a change goes\", does not name the folder %s: add it, in backquotes, with what it holds", path.Join(folder, e.Name()))
			}
		}
	}
}

// TestMapPaths: every path in backquotes of CONTRIBUTING.md exists, and so does every
// test that it names.
func TestMapPaths(t *testing.T) {
	text, err := os.ReadFile(root + "/CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, tests := 0, allTests(t)
	for _, m := range regexp.MustCompile("`([^`\\n]+)`").FindAllStringSubmatch(string(text), -1) {
		name := m[1]
		switch {
		case strings.HasPrefix(name, "Test") && !strings.Contains(name, "("):
			if !tests[name] {
				t.Errorf("CONTRIBUTING.md names %s, and no *_test.go has it", name)
			}
		case strings.Contains(name, "/") && !strings.ContainsAny(name, " $*:,(") && !strings.Contains(name, "NAME") && name != "testing/synctest":
			paths++
			if _, err := os.Stat(path.Join(root, name)); err != nil {
				t.Errorf("CONTRIBUTING.md names %s, which does not exist", name)
			}
		}
	}
	if paths < 40 {
		t.Errorf("CONTRIBUTING.md names %d paths", paths)
	}
}

// allTests are the names of the tests of all modules.
func allTests(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case strings.HasSuffix(file, "_test.go"):
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
				tests[m[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
