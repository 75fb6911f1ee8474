package harness_test

import (
	"fmt"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// aCase records what a test logs.
type aCase struct {
	testing.TB
	failed bool
	ended  func()
	logged string
}

func (c *aCase) Cleanup(f func())                { c.ended = f }
func (c *aCase) Failed() bool                    { return c.failed }
func (c *aCase) Logf(format string, args ...any) { c.logged = fmt.Sprintf(format, args...) }

func TestRule(t *testing.T) {
	for failed, want := range map[bool]string{false: "", true: "the rule: one is first"} {
		c := &aCase{}
		harness.Rule(c, "one is first")
		c.failed = failed
		c.ended()
		if c.logged != want {
			t.Errorf("failed %t: logs %q, want %q", failed, c.logged, want)
		}
	}
}
