package harness

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports below firstPort may be those of services, and from lastPort on Linux chooses the
// ports of outgoing connections, one of which could take a port before its server does.
const firstPort, lastPort = 12000, 32000

// claimed has a UDP socket on each port that [Port] returned. Tests of other packages run
// at the same time, in other processes: there the socket says that the port is taken,
// although its server, which is one of TCP, does not listen yet.
var claimed struct {
	sync.Mutex
	sockets []net.PacketConn // kept, as one that is collected is closed
}

// Port returns a port of this machine for a server. Until this process ends, no other
// call returns it, in any process.
func Port() (string, error) {
	claimed.Lock()
	defer claimed.Unlock()
	for range 1000 {
		port := strconv.Itoa(firstPort + rand.IntN(lastPort-firstPort))
		claim, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			claim.Close()
			continue
		}
		l.Close()
		claimed.sockets = append(claimed.sockets, claim)
		return port, nil
	}
	return "", errors.New("no port is free")
}

// FreePort is [Port] for a test.
func FreePort(t testing.TB) string {
	t.Helper()
	port, err := Port()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
