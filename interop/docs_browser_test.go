package interop_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestDocsInChromium drives a browser through the pages of the first program of each of
// these pages: see docs.mjs.
func TestDocsInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a browser")
	}
	browser := harness.Browser(t)
	needNode(t)
	for _, page := range []string{"linking-accounts", "passkeys", "sign-in-with-a-provider", "single-page"} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			s := buildPage(t, "../docs/"+page+".md")
			app := s.env["PUBLIC_URL"]
			if page == "passkeys" { // which no address has
				app = strings.Replace(app, "127.0.0.1", "localhost", 1)
				s.env["ORIGIN"] = app
			}
			stop := s.start(t, 0, "127.0.0.1:8080")
			argument, err := json.Marshal(map[string]string{
				"page": page, "app": app, "provider": s.env["ISSUER"], "executablePath": browser,
			})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("node", "docs.mjs", string(argument))
			cmd.Dir = nodeDir
			out, err := cmd.CombinedOutput()
			log := stop()
			if err != nil {
				t.Errorf("%v\n%s\nthe program logs\n%s", err, out, log)
			}
		})
	}
}
