package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
)

// clientEnv is the environment variable that makes this program the client of the
// tables e2e. The client is a process of its own, so that the processor time of this one
// is what a server pays for a request, and nothing else.
const clientEnv = "GUARD_BENCH_CLIENT"

// A burst is N requests, over persistent connections, each of which must be answered
// with the Status.
type burst struct {
	Addr, Request string
	Status, N     int
}

const clientConnections = 8 // to each server

// sendBursts sends the bursts that it reads from standard input, and answers each with a
// line: an error, or nothing. It exits when its standard input is closed.
func sendBursts() {
	in, connections := json.NewDecoder(os.Stdin), map[string][]*connection{}
	for {
		var b burst
		if in.Decode(&b) != nil {
			os.Exit(0)
		}
		text := ""
		if err := b.send(connections); err != nil {
			text = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Println(text)
	}
}

func (b burst) send(connections map[string][]*connection) error {
	for len(connections[b.Addr]) < clientConnections {
		c, err := dial(b.Addr)
		if err != nil {
			return err
		}
		connections[b.Addr] = append(connections[b.Addr], c)
	}
	errs := make([]error, clientConnections)
	var all sync.WaitGroup
	for i, c := range connections[b.Addr] {
		share := (b.N + i) / clientConnections
		all.Go(func() {
			for range share {
				res, body, err := c.send(b.Request)
				if err == nil && res.StatusCode != b.Status {
					err = fmt.Errorf("%.40q: %d %q", b.Request, res.StatusCode, body)
				}
				if err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// A connection sends requests, one after the other.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func dial(addr string) (*connection, error) {
	c, err := net.Dial("tcp", addr)
	return &connection{c, bufio.NewReader(c)}, err
}

func (c *connection) send(request string) (res *http.Response, body string, err error) {
	if _, err := io.WriteString(c, request); err != nil {
		return nil, "", err
	}
	if res, err = http.ReadResponse(c.in, nil); err != nil {
		return nil, "", err
	}
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}
