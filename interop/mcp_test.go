package interop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/interop"
	"github.com/go-guard/guard/jwtauth"
)

// An mcpServer is interop.MCP, and the key of its issuer.
type mcpServer struct {
	url string // of /mcp
	key *ecdsa.PrivateKey
}

const mcpIssuerURL = "https://as.example.com"

func startMCP(t *testing.T) *mcpServer {
	s := &mcpServer{key: guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	var h http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	s.url = server.URL + "/mcp"
	h = guard.Must(interop.MCP(jwtauth.ECDSA("ES256", &s.key.PublicKey), mcpIssuerURL, s.url))
	return s
}

func (s *mcpServer) token(t *testing.T, scope, audience string) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": mcpIssuerURL, "aud": audience, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "scope": scope}
	return guard.Must(jwt.NewWithClaims(jwt.SigningMethodES256, claims).SignedString(s.key))
}

// A watched is a client's transport with a token, which reports the refusals.
type watched struct {
	token   string
	refused []string // status and challenge
	fields  []http.Header
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	w.fields = append(w.fields, r.Header)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && (res.StatusCode == 401 || res.StatusCode == 403) {
		w.refused = append(w.refused, res.Status+": "+res.Header.Get("WWW-Authenticate"))
	}
	return res, err
}

func (s *mcpServer) connect(t *testing.T, w *watched) (*mcp.ClientSession, error) {
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(),
		&mcp.StreamableClientTransport{Endpoint: s.url, HTTPClient: &http.Client{Transport: w}, MaxRetries: -1}, nil)
	if err == nil {
		t.Cleanup(func() { session.Close() })
	}
	return session, err
}

// TestMCP: the SDK's client meets the SDK's server behind guard.
func TestMCP(t *testing.T) {
	s := startMCP(t)
	meta := `resource_metadata="` + strings.TrimSuffix(s.url, "/mcp") + `/.well-known/oauth-protected-resource/mcp"`
	both := `scope="notes:read notes:write"`
	for name, tt := range map[string]struct{ token, want string }{
		"no token":              {"", "401 Unauthorized: Bearer " + meta + ", " + both},
		"for another server":    {s.token(t, "notes:read", "https://other.example/mcp"), "401 Unauthorized: Bearer " + meta + ", " + both + `, error="invalid_token"`},
		"for the whole origin":  {s.token(t, "notes:read", strings.TrimSuffix(s.url, "/mcp")), "401 Unauthorized: Bearer " + meta + ", " + both + `, error="invalid_token"`},
		"of a client's address": {s.token(t, "notes:read", ""), "401 Unauthorized: Bearer " + meta + ", " + both + `, error="invalid_token"`},
	} {
		w := &watched{token: tt.token}
		if _, err := s.connect(t, w); err == nil || len(w.refused) == 0 || w.refused[0] != tt.want {
			t.Errorf("%s: %v, %q", name, err, w.refused)
		}
	}
	w := &watched{token: s.token(t, "notes:read", s.url)}
	session, err := s.connect(t, w)
	if err != nil {
		t.Fatal(err)
	}
	tools, err := session.ListTools(t.Context(), nil)
	if err != nil || len(tools.Tools) != 3 {
		t.Fatalf("%v, %v", tools, err)
	}
	call := func(name string, arguments any) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
		defer cancel()
		res, err := session.CallTool(ctx, &mcp.CallToolParams{Name: name, Arguments: arguments})
		if err != nil {
			return "", err
		}
		b, _ := json.Marshal(res.StructuredContent)
		return string(b), nil
	}
	if _, err := call("write_note", map[string]any{"text": "milk"}); err == nil {
		t.Error("wrote without the scope")
	}
	if got, want := w.refused[len(w.refused)-1], "403 Forbidden: Bearer "+meta+`, error="insufficient_scope", scope="notes:write"`; got != want {
		t.Errorf("refused %q", got)
	}
	w.token = s.token(t, "notes:read notes:write", s.url)
	if session, err = s.connect(t, w); err != nil { // the SDK ends a session after a refusal
		t.Fatal(err)
	}
	if got, err := call("write_note", map[string]any{"text": "milk"}); err != nil || got != `{"text":"milk (alice)"}` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := call("read_note", map[string]any{}); err != nil || got != `{"text":"milk (alice)"}` {
		t.Errorf("%s, %v", got, err)
	}
	if last := w.fields[len(w.fields)-1]; last.Get("Mcp-Name") != "read_note" || last.Get("Mcp-Method") != "tools/call" {
		t.Errorf("the client repeats nothing of the body: %v", last)
	}
	if _, err := call("delete_note", map[string]any{}); err == nil || !strings.HasPrefix(w.refused[len(w.refused)-1], "403 Forbidden: ") {
		t.Errorf("a tool without scopes ran: %v, %q", err, w.refused)
	}
}

// TestMCPParsers: the SDK runs no tool for which guard checked the scope of another.
func TestMCPParsers(t *testing.T) {
	s := startMCP(t)
	token := s.token(t, "notes:read", s.url)
	post := func(body string, fields ...string) (int, string) {
		r := guard.Must(http.NewRequestWithContext(t.Context(), "POST", s.url, strings.NewReader(body)))
		for name, value := range map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept": "application/json, text/event-stream"} {
			r.Header.Set(name, value)
		}
		for i := 0; i < len(fields); i += 2 {
			r.Header.Add(fields[i], fields[i+1])
		}
		res := guard.Must(http.DefaultClient.Do(r))
		defer res.Body.Close()
		b := guard.Must(io.ReadAll(res.Body))
		return res.StatusCode, string(b)
	}
	call := func(params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`
	}
	read, write := `{"name":"read_note","arguments":{}}`, `{"name":"write_note","arguments":{"text":"pwned"}}`
	for name, body := range map[string]string{
		"a batch": "[" + call(write) + "]", "two messages": call(read) + call(write),
		"name twice":   call(`{"name":"read_note","name":"write_note","arguments":{"text":"pwned"}}`),
		"Name":         call(`{"name":"read_note","Name":"write_note","arguments":{"text":"pwned"}}`),
		"params twice": `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + read + `,"params":` + write + `}`,
		"Params":       `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + read + `,"Params":` + write + `}`,
		"method twice": `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":` + write + `}`,
		"Method":       `{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":` + write + `}`,
		"not UTF-8":    call("{\"name\":\"write_note\xff\",\"arguments\":{\"text\":\"pwned\"}}"),
	} {
		if status, answer := post(body); status != 400 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	for name, fields := range map[string][]string{
		"plain": nil, "with the name": {"Mcp-Name", "write_note"},
	} {
		if status, answer := post(call(write), fields...); status != 403 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if status, answer := post(call(write), "Mcp-Name", "read_note"); status != 400 {
		t.Errorf("another name in the field: %d %s", status, answer)
	}
	if status, answer := post(call(read), "Origin", "https://evil.example"); status != 403 {
		t.Errorf("a page of another origin: %d %s", status, answer)
	}
	if status, answer := post(call(read)); status != 200 || strings.Contains(answer, "pwned") {
		t.Errorf("%d %s", status, answer)
	}
}
