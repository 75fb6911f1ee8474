package interop_test

import (
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// TestDPoPClientsOfTheExample: oauth4webapi, openid-client and dpop get tokens that
// oidc-provider binds to their keys, and use them at /dpop: see dpop.mjs. Two of them answer
// a nonce that is asked for.
func TestDPoPClientsOfTheExample(t *testing.T) {
	as := startAuthServer(t)
	base := runExample(t, "OIDC_ISSUER="+as.issuer, "OIDC_AUDIENCE="+audience, "SEAL_KEY="+base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	origin := strings.Replace(base, "127.0.0.1", "localhost", 1)
	arg, err := json.Marshal(map[string]string{"url": origin + "/dpop/profile", "issuer": as.issuer, "audience": audience})
	if err != nil {
		t.Fatal(err)
	}
	clients := exec.Command("node", "dpop.mjs", string(arg))
	clients.Dir = nodeDir
	if out, err := clients.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
