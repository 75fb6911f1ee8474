package interop_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

var exampleDir string // removed by TestMain

// buildExample builds the reference server of ../example once.
var buildExample = sync.OnceValues(func() (_ string, err error) {
	if exampleDir, err = os.MkdirTemp("", "guard-interop-"); err != nil {
		return "", err
	}
	path := filepath.Join(exampleDir, "example")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = "../example"
	out, err := build.CombinedOutput()
	if err != nil {
		os.Stderr.Write(out)
	}
	return path, err
})

// runExample runs the reference server and returns its address.
func runExample(t *testing.T, env ...string) string {
	t.Helper()
	path, err := buildExample()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-addr", "127.0.0.1:0")
	cmd.Env = append(env, "JWT_SECRET_KEY=0123456789abcdef0123456789abcdef")
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the example: %v", err)
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	base, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !found {
		t.Fatalf("the example says %q, %v\n%s", line, err, log.String())
	}
	return base
}

func profile(t *testing.T, base, token string) (int, string) {
	t.Helper()
	r, _ := http.NewRequest("GET", base+"/oidc/profile", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

func TestExampleTrustsAnAuthorizationServer(t *testing.T) {
	s := startAuthServer(t)
	env := []string{"OIDC_ISSUER=" + s.issuer, "OIDC_AUDIENCE=" + audience, "OIDC_REFETCH=100ms"}
	base := runExample(t, env...)
	want := `{"subject":"service","issuer":"` + s.issuer + `","scopes":["posts:read"]}`
	for _, alg := range []string{"RS256", "ES256", "EdDSA", "Ed25519"} {
		if code, body := profile(t, base, s.token(t, alg)); code != 200 || strings.TrimSpace(body) != want {
			t.Errorf("%s: %d %s, want 200 %s", alg, code, body, want)
		}
	}
	if code, _ := profile(t, base, s.token(t, "opaque")); code != 401 {
		t.Errorf("an opaque token: %d, want 401", code)
	}
	s.order(t, "rotate")
	token := s.token(t, "ES256")
	harness.Eventually(t, "a token of the new key", func() bool { code, _ := profile(t, base, token); return code == 200 })

	s.order(t, "down")
	if code, body := profile(t, base, token); code != 200 {
		t.Errorf("an outage with the keys at hand: %d %s", code, body)
	}
	second := runExample(t, env...)
	if code, body := profile(t, second, token); code != 503 || strings.Contains(body, "127.0.0.1") {
		t.Errorf("an outage without keys: %d %s", code, body)
	}
	s.order(t, "up")
	harness.Eventually(t, "recovery", func() bool { code, _ := profile(t, second, token); return code == 200 })
}

// TestPythonRefreshFlow runs the refresh flow with python3-requests.
func TestPythonRefreshFlow(t *testing.T) {
	python := ""
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import requests").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		harness.Needs(t, "python3 with requests (Debian: apt-get install python3-requests)")
	}
	if out, err := exec.Command(python, "testdata/python/refresh.py", runExample(t)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
