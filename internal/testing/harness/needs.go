package harness

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
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

// Program returns the path of the first of these programs that is installed, in order of
// preference. A test that finds none [Needs] the last one.
func Program(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	name := names[len(names)-1]
	Needs(t, "the program %s (Debian: apt-get install %s)", name, cmp.Or(debian[name], name))
	return ""
}

// debian has the packages whose names are not that of the program.
var debian = map[string]string{"certutil": "libnss3-tools", "node": "nodejs", "redis-cli": "redis-tools"}

// Browser returns the program that drives pages. Chromium's headless shell has the same
// engine and takes half as long, but neither keys of a session nor a user interface:
// GUARD_HARDEN=1 takes Chromium itself.
func Browser(t testing.TB) string {
	t.Helper()
	if os.Getenv("GUARD_HARDEN") == "1" {
		return Program(t, "chromium")
	}
	return Program(t, "chromium-headless-shell", "chromium")
}
