package harness

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The same port must not go to two packages whose tests run at the same time.
func TestPortIsClaimed(t *testing.T) {
	if want := os.Getenv("GUARD_TEST_CLAIMED"); want != "" { // the other process
		if claim, err := net.ListenPacket("udp", "127.0.0.1:"+want); err == nil {
			claim.Close()
			t.Fatal("the port is not claimed")
		}
		return
	}
	seen := map[string]bool{}
	for range 200 {
		port := FreePort(t)
		if seen[port] {
			t.Fatalf("port %s twice", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	port := FreePort(t)
	other := exec.Command(os.Args[0], "-test.run=^TestPortIsClaimed$")
	other.Env = append(os.Environ(), "GUARD_TEST_CLAIMED="+port)
	if out, err := other.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", port, err, strings.TrimSpace(string(out)))
	}
}
