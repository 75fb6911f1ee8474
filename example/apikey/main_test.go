package main

import (
	"strings"
	"testing"
)

// TestEmptyListsAreNoKeysForEverything: a flag that was given and names nothing,
// as an unset variable does, must not make a key without bounds.
func TestEmptyListsAreNoKeysForEverything(t *testing.T) {
	for args, want := range map[string]string{
		"-subject|1|-scopes|": "-scopes names none", "-subject|1|-scopes|, ,": "-scopes names none", "-subject|1|-nets|": "-nets names none",
		"-subject|1": "", "-subject|1|-scopes|read,write": "",
	} {
		_, err := parse("issue", strings.Split(args, "|"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v; want %q", args, err, want)
		}
	}
}
