package harness

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what is bound to happen, such as the start of
// another process, also on a machine that stalls.
const Patience = 2 * time.Minute

// Eventually waits until holds returns true, which another process or a real server brings
// about. The test fails if that takes longer than [Patience].
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	if !Within(Patience, holds) {
		t.Fatalf("after %v it is not so that %s", Patience, what)
	}
}

// Within waits until holds returns true, and reports whether it does within a time.
func Within(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
