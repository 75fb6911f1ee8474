package main_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-guard/guard/internal/testing/harness"
)

// node runs one of the scripts of testdata/node.
func node(t *testing.T, script string, argument any) []byte {
	t.Helper()
	installed(t)
	arg, err := json.Marshal(argument)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script, string(arg))
	cmd.Dir = "testdata/node"
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// installed makes sure of node and what the scripts import.
func installed(t *testing.T) {
	t.Helper()
	harness.Program(t, "node")
	modules.Lock()
	defer modules.Unlock()
	missing := false
	for _, name := range []string{"jose", "mailparser", "playwright-core", "smtp-server"} {
		_, err := os.Stat("testdata/node/node_modules/" + name)
		missing = missing || err != nil
	}
	if !missing {
		return
	}
	harness.Program(t, "npm")
	ci := exec.Command("npm", "ci", "--silent", "--no-audit", "--no-fund")
	ci.Dir = "testdata/node"
	if out, err := ci.CombinedOutput(); err != nil {
		harness.Needs(t, "the packages of testdata/node: npm ci: %s", out)
	}
}

var modules sync.Mutex // npm writes one folder

// madeByJose is what tokens.mjs prints.
type madeByJose struct {
	JWKS          json.RawMessage `json:"jwks"`
	Tokens, HS256 []struct{ Name, Want, Token string }
}

// An issuer stands in for an authorization server: its metadata and its keys.
type issuer struct {
	*httptest.Server
	jwks    atomic.Value // json.RawMessage
	fetches atomic.Int32
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{}
	i.jwks.Store(json.RawMessage(`{"keys":[]}`))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/jwks"})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(i.jwks.Load().(json.RawMessage))
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// TestJose: tokens that another library made.
func TestJose(t *testing.T) {
	t.Parallel()
	as := newIssuer(t)
	var made madeByJose
	out := node(t, "tokens.mjs", map[string]string{"issuer": as.URL, "audience": "api", "secret": secret})
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	as.jwks.Store(made.JWKS)
	if len(made.Tokens) < 60 || len(made.HS256) < 5 {
		t.Fatalf("%d and %d tokens", len(made.Tokens), len(made.HS256))
	}
	for _, env := range [][]string{
		{"OIDC_ISSUER=" + as.URL, "OIDC_AUDIENCE=api"},
		{"OIDC_ISSUER=" + as.URL, "OIDC_AUDIENCE=api", "OIDC_JWKS_URL=" + as.URL + "/jwks", "OIDC_REFETCH=1s"},
	} {
		p := start(t, env...)
		for _, tt := range made.Tokens {
			want := row{tt.Name, call{do: "GET /oidc/profile", header: bearer(tt.Token)}, 200,
				`{"subject":"1","issuer":"` + as.URL + `","scopes":["posts:read","posts:write"]}`, nil}
			if tt.Want != "" {
				want.status, want.body, want.header = 401, e(401, tt.Want), []string{`WWW-Authenticate: ~error="invalid_token"`}
			}
			p.rows(t, []row{want})
		}
	}
	if n := as.fetches.Load(); n > 8 {
		t.Errorf("%d fetches of the keys", n)
	}
	p := start(t)
	for _, tt := range made.HS256 {
		want := row{tt.Name, call{do: "GET /jwt/profile", header: bearer(tt.Token)}, 200,
			`{"user":{"id":"7","email":"jose@example.com","role":"moderator"}}`, nil}
		if tt.Want != "" {
			want.status, want.body = 401, e(401, tt.Want)
		}
		p.rows(t, []row{want})
	}
	// The other way round: jose accepts ours.
	for _, path := range []string{"jwt", "refresh"} {
		var c map[string]any
		token := p.login(t, "/"+path+"/login", bob).Access
		if err := json.Unmarshal(node(t, "verify.mjs", map[string]string{"token": token, "secret": secret, "issuer": path}), &c); err != nil || c["sub"] != "2" {
			t.Errorf("jose reads %v, %v", c, err)
		}
	}
}

// TestIssuerOutage: keys that cannot be had are our failure, never the token's.
func TestIssuerOutage(t *testing.T) {
	t.Parallel()
	as := newIssuer(t)
	p := start(t, "OIDC_ISSUER="+as.URL, "OIDC_AUDIENCE=api")
	as.Close()
	p.rows(t, []row{
		{"no token", call{do: "GET /oidc/profile"}, 401, e(401, "JWT token required"), nil},
		{"garbage", call{do: "GET /oidc/profile", header: bearer("garbage")}, 401, e(401, "Invalid token"), nil},
		{"a token", call{do: "GET /oidc/profile", header: bearer(sign(secret, `{"alg":"RS256","kid":"1"}`,
			claims(as.URL, map[string]any{"aud": "api"})))}, 503, e(503, ""), []string{"WWW-Authenticate:"}},
	})
}

func TestNoIssuer(t *testing.T) {
	t.Parallel()
	row{status: 404}.check(t, start(t).send(t, call{do: "GET /oidc/profile"}))
}
