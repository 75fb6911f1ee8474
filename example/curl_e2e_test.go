package main_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestCurl is the session flow with curl and its cookie jar, over https.
func TestCurl(t *testing.T) {
	t.Parallel()
	harness.Program(t, "curl")
	p := launch(t, []string{"JWT_SECRET_KEY=" + secret}, "-addr", "127.0.0.1:0")
	site, jar := behindTLS(t, p.url), filepath.Join(t.TempDir(), "jar")
	curl := func(path string, args ...string) string {
		t.Helper()
		args = append([]string{"-sSk", "-m", "20", "-b", jar, "-c", jar, "-w", " %{http_code}", site + path}, args...)
		out, err := exec.Command("curl", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for _, tt := range []struct {
		name, path string
		args       []string
		want       string
	}{
		{"nobody", "/session/profile", nil, e(401, "Not authenticated") + " 401"},
		{"wrong password", "/session/login", []string{"--json", wrong}, badCredentials + " 401"},
		{"login", "/session/login", []string{"--json", alice}, `{"message":"Logged in successfully"} 200`},
		{"profile", "/session/profile", nil, `{"user":{"id":"1","email":"alice@example.com","role":"admin"}} 200`},
		{"login again, JSON as -d sends it", "/session/login", []string{"-d", bob}, `{"message":"Logged in successfully"} 200`},
		{"profile of the other", "/session/profile", nil, `{"user":{"id":"2","email":"bob@example.com","role":"user"}} 200`},
		{"login as a form", "/session/login", []string{"-d", "email=carol@example.com", "-d", "password=secret", "-d", "next=/session/profile"}, " 303"},
		{"profile of the third", "/session/profile", nil, `{"user":{"id":"3","email":"carol@example.com","role":"moderator"}} 200`},
		{"end others", "/session/end-others", []string{"-X", "POST"}, `{"ended":0,"message":"Other sessions ended"} 200`},
		{"end one that is none", "/session/end", []string{"--json", `{"id":"AAAAAAAAAAAAAAAA"}`}, e(404, "Session not found") + " 404"},
		{"logout", "/session/logout", []string{"-X", "POST"}, `{"message":"Logged out successfully"} 200`},
		{"nobody again", "/session/profile", nil, e(401, "Not authenticated") + " 401"},
	} {
		if got := curl(tt.path, tt.args...); strings.TrimSpace(got) != strings.TrimSpace(tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
