package arch_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestThreats: every attack of docs/threats.md names tests that exist, with the cases
// that it names.
func TestThreats(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/threats.md")
	if err != nil {
		t.Fatal(err)
	}
	test := regexp.MustCompile("`([\\w/]+)\\.((?:Test|Fuzz)\\w+)(?:/([^`]+))?`")
	attacks, tests := 0, map[string]string{}
	for _, table := range strings.Split(string(text), "\n| attack | what stops it | tests |\n|---|---|---|\n")[1:] {
		table, _, _ = strings.Cut(table, "\n\n")
		for row := range strings.Lines(table) {
			attacks++
			cells := strings.Split(strings.ReplaceAll(row, `\|`, ""), "|")
			if len(cells) != 5 {
				t.Errorf("docs/threats.md: want 3 cells, attack, what stops it, tests, and this row has %d: %s", len(cells)-2, row)
				continue
			}
			named := test.FindAllStringSubmatch(cells[3], -1)
			if len(named) == 0 || strings.Count(cells[3], "`") != 2*len(named) {
				t.Errorf("docs/threats.md: the last cell has tests alone, each as `folder.TestName` or `folder.TestName/case`: %s", row)
			}
			for _, m := range named {
				if _, read := tests[m[1]]; !read {
					tests[m[1]] = testsOf(t, m[1])
				}
				if !strings.Contains(tests[m[1]], "\nfunc "+m[2]+"(") {
					t.Errorf("docs/threats.md names %s.%s, and no *_test.go of the folder %s has it", m[1], m[2], m[1])
				} else if m[3] != "" && !strings.Contains(tests[m[1]], `"`+m[3]+`"`) {
					t.Errorf("docs/threats.md names the case %q, and no *_test.go of the folder %s has a string that is exactly this", m[3], m[1])
				}
			}
		}
	}
	if attacks < 90 {
		t.Errorf("%d attacks", attacks)
	}
}
