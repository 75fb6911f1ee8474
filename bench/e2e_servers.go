package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/go-guard/guard"
)

// An apiServer is one implementation of the API. labels are the first parts of its rows'
// names, by case: the libraries that answer it. A case without one is not measured.
type apiServer struct {
	kind    kind
	handler http.Handler
	labels  map[string]string
}

// nullRow and nullAgain are rows that do the same.
const nullRow, nullAgain = "bare mux", "bare mux, again"

// compare starts and verifies the servers, and returns a row for each case of each.
func compare(servers []*apiServer) (comparison, error) {
	c, err := startClient()
	if err != nil {
		return comparison{}, err
	}
	result, closers := comparison{null: [2]string{nullRow, nullAgain}}, []func(){c.close}
	result.close = func() {
		for _, f := range closers {
			f()
		}
	}
	serve := func(h http.Handler) (addr string) {
		l := guard.Must(net.Listen("tcp", "127.0.0.1:0"))
		s := &http.Server{Handler: h}
		go s.Serve(l)
		closers = append(closers, func() { s.Close() })
		return l.Addr().String()
	}
	for _, s := range servers {
		addr := serve(s.handler)
		cases, err := s.verify(addr)
		if err != nil {
			result.close()
			return comparison{}, err
		}
		for _, a := range cases {
			result.benchmarks = append(result.benchmarks, benchmark{s.labels[a.name] + ": " + a.name, s.kind, c.sending(addr, a.request, a.status)})
		}
	}
	for _, name := range result.null {
		result.benchmarks = append(result.benchmarks, benchmark{name, lowerBound, c.sending(serve(bareAPI()), apiRequest("GET /me", "", ""), 200)})
	}
	return result, nil
}

// verify signs in and sends every case of a server, and those that it must refuse. It
// returns its cases.
func (s *apiServer) verify(addr string) (measured []apiCase, err error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	cookie := ""
	if s.labels[bySession] != "" {
		res, _, err := c.send(loginRequest("/session", aliceHerself.Email, right))
		if err != nil {
			return nil, err
		}
		for _, set := range res.Cookies() {
			cookie += "Cookie: " + set.Name + "=" + set.Value + "\r\n"
		}
	}
	if s.labels["429"] != "" {
		if _, _, err := c.send(apiRequest("GET /exhausted", "", "")); err != nil { // takes its quota
			return nil, err
		}
	}
	for _, a := range apiCases(cookie) {
		if s.labels[a.name] != "" {
			measured = append(measured, a)
		}
	}
	all := measured
	if s.labels[tokenLogins] != "" {
		all = append(all[:len(all):len(all)], attacks()...)
	}
	for _, a := range all {
		res, body, err := c.send(a.request)
		if err != nil {
			return nil, err
		}
		if res.StatusCode != a.status || !strings.Contains(body, a.body) {
			return nil, fmt.Errorf("%s %v: %d %q", a.name, s.labels[a.name], res.StatusCode, body)
		}
	}
	return measured, nil
}

// A client is the process that runs sendBursts.
type client struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startClient() (*client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), clientEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &client{cmd, in, bufio.NewReader(out)}, cmd.Start()
}

// sending returns a benchmark that has the client send a request repeatedly.
func (c *client) sending(addr, request string, status int) func(n int) {
	return func(n int) {
		check(json.NewEncoder(c.in).Encode(burst{addr, request, status, n}) == nil, "the client")
		line, err := c.out.ReadString('\n')
		check(err == nil && line == "\n", "the client: "+line)
	}
}

func (c *client) close() {
	c.in.Close()
	c.cmd.Wait()
}
