package harness_test

import (
	"fmt"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// A spy records how a test ended.
type spy struct {
	testing.TB
	skipped, failed string
}

func (*spy) Helper()             {}
func (s *spy) Skip(args ...any)  { s.skipped = fmt.Sprint(args...) }
func (s *spy) Fatal(args ...any) { s.failed = fmt.Sprint(args...) }

func TestNeeds(t *testing.T) {
	const want = "needs Redis at :6379"
	t.Setenv("GUARD_REQUIRE_SERVICES", "")
	optional := &spy{}
	harness.Needs(optional, "Redis at %s", ":6379")
	if optional.skipped != want || optional.failed != "" {
		t.Errorf("skipped %q, failed %q; want a skip: %q", optional.skipped, optional.failed, want)
	}
	t.Setenv("GUARD_REQUIRE_SERVICES", "1")
	required := &spy{}
	harness.Needs(required, "Redis at %s", ":6379")
	if required.failed != want {
		t.Errorf("failed %q, want %q", required.failed, want)
	}
}
