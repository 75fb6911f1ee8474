package interop_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

const nodeDir = "testdata/node"

// needNode skips the test if Node.js or the locked packages are missing: see
// harness.Needs.
func needNode(t *testing.T) {
	t.Helper()
	if err := installNode(); err != nil {
		harness.Needs(t, "Node.js and npm: %v (Debian: apt-get install nodejs npm; then npm ci in interop/%s)", err, nodeDir)
	}
}

var installNode = sync.OnceValue(func() error { return installPackages(nodeDir) })

// installPackages installs what the lock file of a folder names.
func installPackages(dir string) error {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("no %s: %w", tool, err)
		}
	}
	installed, err := os.Stat(dir + "/node_modules/.package-lock.json")
	if locked, lockErr := os.Stat(dir + "/package-lock.json"); err == nil && lockErr == nil && !installed.ModTime().Before(locked.ModTime()) {
		return nil // already installed as locked
	}
	npm := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
}

// A node is a script of testdata/node that answers commands, in another process.
type node struct {
	in  io.Writer
	out *bufio.Scanner
}

// startNode starts a script, and decodes its first line into hello.
func startNode(t *testing.T, hello any, script string, args ...string) *node {
	t.Helper()
	needNode(t)
	cmd := exec.Command("node", append([]string{script}, args...)...)
	cmd.Dir = nodeDir
	var problems strings.Builder
	cmd.Stderr = &problems
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
		if t.Failed() {
			t.Log(problems.String())
		}
	})
	n := &node{in, bufio.NewScanner(out)}
	n.read(t, hello)
	return n
}

// An authServer is oidc-provider in another process: see server.mjs.
type authServer struct {
	*node
	issuer string
}

func startAuthServer(t *testing.T) *authServer {
	t.Helper()
	var hello struct{ Issuer string }
	n := startNode(t, &hello, "server.mjs")
	return &authServer{n, hello.Issuer}
}

// do sends a command and decodes the response into v, which may be nil.
func (s *node) do(t *testing.T, order map[string]any, v any) {
	t.Helper()
	line, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(s.in, "%s\n", line); err != nil {
		t.Fatal(err)
	}
	if v == nil {
		v = &struct{}{}
	}
	s.read(t, v)
}

func (s *node) order(t *testing.T, what string) {
	t.Helper()
	s.do(t, map[string]any{"do": what}, nil)
}

func (s *node) read(t *testing.T, v any) {
	t.Helper()
	if !s.out.Scan() {
		t.Fatalf("the script is gone: %v", s.out.Err())
	}
	if err := json.Unmarshal(s.out.Bytes(), v); err != nil {
		t.Fatalf("%v: %s", err, s.out.Bytes())
	}
}

// token requests an access token by client credentials. kind is an algorithm or
// "opaque".
func (s *authServer) token(t *testing.T, kind string) string {
	t.Helper()
	var answer struct {
		Token string `json:"access_token"`
	}
	s.post(t, "/token", "service", url.Values{
		"grant_type": {"client_credentials"}, "scope": {"posts:read"}, "resource": {audience + "/" + kind},
	}, &answer)
	return answer.Token
}

func (s *authServer) post(t *testing.T, path, client string, form url.Values, v any) {
	t.Helper()
	r, err := http.NewRequest("POST", s.issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(client, client+"-secret")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 {
		t.Fatalf("%s: %d %s", path, res.StatusCode, body)
	}
	if v != nil {
		if err := json.Unmarshal(body, v); err != nil {
			t.Fatalf("%s: %v: %s", path, err, body)
		}
	}
}
