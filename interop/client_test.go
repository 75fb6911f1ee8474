package interop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/interop"
	"github.com/go-guard/guard/jwtauth"
)

// accessClaims are what RFC 9068, section 2.2, adds to guard's own claims.
type accessClaims struct {
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

// TestNodeClient serves a resource and its authorization server, both
// built from guard, to oauth4webapi and jose: see client.mjs.
func TestNodeClient(t *testing.T) {
	needNode(t)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	base := server.URL

	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{
		Resource: base, AuthorizationServers: []string{base}, ScopesSupported: []string{"posts:read", "posts:write"},
	}))
	private := guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	opts := jwtauth.IssuerOptions{
		Issuer: base, Audience: []string{base}, Types: []string{"at+jwt"},
		Realm: `posts "and" more`, ResourceMetadata: meta.URL(),
	}
	key := jwtauth.ECDSA("ES256", private).WithID("2026-11")
	issuer := guard.Must(jwtauth.NewIssuer[accessClaims](key, &opts))
	opts.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	expired := guard.Must(guard.Must(jwtauth.NewIssuer[accessClaims](key, &opts)).Issue("service", accessClaims{ClientID: "service"}))

	mux.Handle(meta.Path(), meta)
	mux.Handle("GET /jwks.json", issuer.JWKS())
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"issuer": base, "jwks_uri": base + "/jwks.json", "token_endpoint": base + "/token"})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		tokens, err := issuer.Issue("service", accessClaims{ClientID: "service", Scope: r.FormValue("scope")})
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		tokens.Respond(w)
	})
	mux.Handle("GET /posts", guard.Chain(issuer.Verifier().Wrap, bearer.Scopes("posts:read"))(empty))

	client := exec.Command("node", "client.mjs", base, expired.AccessToken)
	client.Dir = nodeDir
	if out, err := client.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestCurlExample runs the command line of the README.
func TestCurlExample(t *testing.T) {
	curl := harness.Program(t, "curl")
	addr := std(interop.ServeMux)(t, interop.NewGuards())
	out, err := exec.Command(curl, "-si", "-H", "X-API-Key: key_bob", "http://"+addr+"/posts/1").Output()
	if err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 200 OK\r\n") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = exec.Command(curl, "-si", "http://"+addr+"/posts/1").Output()
	if err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 401 Unauthorized\r\n") || !strings.Contains(string(out), "Www-Authenticate: ") {
		t.Errorf("%v\n%s", err, out)
	}
}
