package redisstore_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	redisstore "github.com/go-guard/guard/stores/redisstore"
)

// helloServer returns the address of a server that answers HELLO with fields, in RESP2,
// and refuses other commands. Without fields it does not know HELLO.
func helloServer(t *testing.T, fields ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	hello := fmt.Sprintf("*%d\r\n", len(fields))
	for _, f := range fields {
		hello += fmt.Sprintf("$%d\r\n%s\r\n", len(f), f)
	}
	if len(fields) == 0 {
		hello = "-ERR unknown command\r\n"
	}
	answer := func(c net.Conn) {
		defer c.Close()
		for r := bufio.NewReader(c); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			switch strings.ToLower(strings.TrimSpace(line)) {
			case "hello":
				fmt.Fprint(c, hello)
			case "client", "evalsha":
				fmt.Fprint(c, "-ERR refused\r\n")
			}
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	return l.Addr().String()
}

// TestServers: New refuses a server by its answer to HELLO, or goes on to the scripts.
func TestServers(t *testing.T) {
	const scripts = "EVALSHA with keys"
	for _, tt := range []struct{ server, version, mode, role, want string }{
		{"redis", "7.0.0", "standalone", "master", scripts},
		{"redis", "8.2.1", "standalone", "master", scripts},
		{"redis", "255.255.255", "standalone", "master", scripts}, // unreleased
		{"redis", "6.2.14", "standalone", "master", `Redis "6.2.14"`},
		{"valkey", "7.2.5", "standalone", "master", scripts},
		{"valkey", "9.0.0-rc1", "standalone", "master", scripts},
		{"keydb", "6.3.4", "standalone", "master", `"keydb", version "6.3.4"`},
		{"other", "8.0.0", "standalone", "master", `"other", version "8.0.0"`},
		{"redis", "", "standalone", "master", `version ""`},
		{"redis", "seven", "standalone", "master", `version "seven"`},
		{"redis", "7.2.0", "sentinel", "", "NewFailoverClient"},
		{"redis", "7.2.0", "cluster", "master", "NewClusterClient"},
		{"redis", "7.2.0", "standalone", "replica", "is a replica"},
	} {
		c := newClient(t, helloServer(t, "server", tt.server, "version", tt.version, "proto", "2", "mode", tt.mode, "role", tt.role))
		if _, err := redisstore.New(t.Context(), c, "app"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if _, err := redisstore.New(t.Context(), newClient(t, helloServer(t)), "app"); err == nil || !strings.Contains(err.Error(), "HELLO: ERR unknown command") {
		t.Errorf("without HELLO: %v", err)
	}
}
