package sessiontest_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/session/sessiontest"
)

func TestRun(t *testing.T) {
	sessiontest.Run(t, func(*testing.T) session.Store { return guard.Must(session.NewMemory(nil)) })
}

// TestBroken is run by TestFinds and fails.
func TestBroken(t *testing.T) {
	how := os.Getenv("SESSIONTEST_BROKEN")
	if how == "" {
		t.Skip("run by TestFinds")
	}
	sessiontest.Run(t, func(*testing.T) session.Store {
		if slices.Contains(deviceFaults, how) {
			return newBrokenDevices(how)
		}
		return newBroken(how)
	})
}

// TestFinds checks that the suite finds every fault, and none in a Memory.
func TestFinds(t *testing.T) {
	for _, how := range slices.Concat(faults, deviceFaults, []string{"nothing"}) {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$")
			cmd.Env = append(os.Environ(), "SESSIONTEST_BROKEN="+how)
			out, err := cmd.CombinedOutput()
			failed := err != nil && strings.Contains(string(out), "--- FAIL: TestBroken/")
			if failed != (how != "nothing") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
