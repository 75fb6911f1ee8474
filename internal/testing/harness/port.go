package harness

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// Ports below firstPort may be those of services, and from lastPort on Linux chooses the
// ports of outgoing connections, one of which could take a port before its server does.
const firstPort, lastPort = 12000, 32000

var nextPort = func() *atomic.Int64 {
	var n atomic.Int64
	n.Store(rand.Int64N(lastPort - firstPort)) // tests of other packages run at the same time
	return &n
}()

// FreePort returns a port of this machine for a server of a test. It returns each a
// single time.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(firstPort + int(nextPort.Add(1)%(lastPort-firstPort)))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}
