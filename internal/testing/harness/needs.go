package harness

import (
	"fmt"
	"os"
	"testing"
)

// Needs skips a test that lacks a service or program; the reason is "needs" and
// the text. Where GUARD_REQUIRE_SERVICES is 1, as in .ci/run, the test fails.
func Needs(t testing.TB, format string, args ...any) {
	t.Helper()
	text := "needs " + fmt.Sprintf(format, args...)
	if os.Getenv("GUARD_REQUIRE_SERVICES") == "1" {
		t.Fatal(text)
		return
	}
	t.Skip(text)
}
