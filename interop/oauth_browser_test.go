package interop_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// TestSignInInChromium drives a real browser through an application and each provider:
// see oauth.mjs. GUARD_BROWSER_STEPS is a part of the names of the steps to run.
func TestSignInInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a browser")
	}
	browser := harness.Browser(t)
	needNode(t)
	for _, each := range providers {
		t.Run(each.name, func(t *testing.T) {
			a := startApplication(t)
			p := each.start(t, a)
			a.signInAt(t, p.issuer, "/client_secret_basic/login", clients[0])
			providerLogout := "" // zitadel/oidc has no sessions
			if p.node != nil {
				providerLogout = p.issuer + "/session/end"
			}
			argument, err := json.Marshal(map[string]any{
				"app": a.URL, "client": clients[0].ID, "login": p.login, "subject": p.subject, "consents": p.node != nil,
				"providerLogout": providerLogout, "executablePath": browser, "only": os.Getenv("GUARD_BROWSER_STEPS"),
			})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("node", "oauth.mjs", string(argument))
			cmd.Dir = nodeDir
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Error(err)
			}
		})
	}
}
