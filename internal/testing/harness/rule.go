package harness

import "testing"

// Rule logs the rule that a case of a conformance suite tests, if the case fails.
func Rule(t testing.TB, rule string) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the rule: %s", rule)
		}
	})
}
