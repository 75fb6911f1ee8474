package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
)

// An mcpIssuer issues tokens for a server of the Model Context Protocol.
type mcpIssuer struct {
	*issuer
	key *ecdsa.PrivateKey
}

func newMCPIssuer(t *testing.T) *mcpIssuer {
	i := &mcpIssuer{newIssuer(t), guard.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	i.jwks.Store(json.RawMessage(jsonOf(object{"keys": []any{jwkOf(i.key, "ec")}})))
	return i
}

func (i *mcpIssuer) env() []string {
	return []string{"OIDC_ISSUER=" + i.URL, "OIDC_AUDIENCE=api", "PUBLIC_URL=" + mcpOrigin}
}

// mcpOrigin is PUBLIC_URL in these tests, where the server listens on another port.
const mcpOrigin = "https://notes.example"

// token returns a token with a scope, and other claims in pairs.
func (i *mcpIssuer) token(scope string, change ...any) string {
	now := time.Now().Unix()
	claims := object{"iss": i.URL, "sub": "1", "aud": mcpOrigin + "/mcp", "iat": now, "exp": now + 600, "scope": scope}
	for n := 0; n < len(change); n += 2 {
		claims[change[n].(string)] = change[n+1]
	}
	text := encode(jsonOf(object{"alg": "ES256", "kid": "ec", "typ": "at+jwt"})) + "." + encode(jsonOf(claims))
	return text + "." + encode(es256(i.key)(text))
}

// rpc is a request of JSON-RPC with the ID 1.
func rpc(method, params string) string {
	if params != "" {
		params = `,"params":` + params
	}
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `"` + params + `}`
}

const (
	readTool  = `{"name":"read_note","arguments":{}}`
	writeTool = `{"name":"write_note","arguments":{"text":"Bought milk"}}`

	mcpMetadata = `resource_metadata="https://notes.example/.well-known/oauth-protected-resource/mcp"`
	mcpHint     = mcpMetadata + `, scope="notes:read notes:write"`
)

// result is an answer with a result, and failure one with an error of JSON-RPC.
func result(text string) string { return `{"jsonrpc":"2.0","id":1,"result":` + text + `}` }
func failure(code int, message string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"error":{"code":%d,"message":%q}}`, code, message)
}
func textResult(text string) string {
	return result(`{"content":[{"text":"` + text + `","type":"text"}],"isError":false}`)
}

// TestMCP: the rows of BEYOND.md about /mcp.
func TestMCP(t *testing.T) {
	t.Parallel()
	as := newMCPIssuer(t)
	p := start(t, as.env()...)
	read, write, both, none := as.token("notes:read"), as.token("notes:write"), as.token("notes:read notes:write"), as.token("")
	post := func(token, body string, header ...string) call {
		if token != "" {
			header = append(header, "Authorization: Bearer "+token)
		}
		return call{do: "POST /mcp", header: header, body: body}
	}
	refused := []string{"WWW-Authenticate: Bearer " + mcpMetadata + `, error="insufficient_scope", scope="notes:write"`}
	p.rows(t, []row{
		{"no token", post("", rpc("initialize", "{}")), 401, e(401, "JWT token required"), []string{"WWW-Authenticate: Bearer " + mcpHint}},
		{"a bad token", post("x", rpc("ping", "")), 401, e(401, "Invalid token"), []string{"WWW-Authenticate: ~^Bearer " + mcpMetadata + `, .*error="invalid_token"`, "WWW-Authenticate: ~scope=\"notes:read notes:write\""}},
		{"a token for /oidc", post(as.token("notes:read", "aud", "api"), rpc("ping", "")), 401, e(401, "Invalid audience"), nil},
		{"a token for the origin", post(as.token("notes:read", "aud", mcpOrigin), rpc("ping", "")), 401, e(401, "Invalid audience"), nil},
		{"a token for a page below", post(as.token("notes:read", "aud", mcpOrigin+"/mcp/"), rpc("ping", "")), 401, e(401, "Invalid audience"), nil},
		{"an expired token", post(as.token("notes:read", "exp", time.Now().Unix()-1), rpc("ping", "")), 401, "", nil},
		{"a bound token as Bearer", post(as.token("notes:read", "cnf", object{"jkt": strings.Repeat("A", 43)}), rpc("ping", "")), 401, "", nil},
		{"its token elsewhere", call{do: "GET /oidc/profile", header: bearer(read)}, 401, e(401, "Invalid audience"), nil},

		{"initialize", post(none, rpc("initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}`)), 200,
			result(`{"capabilities":{"tools":{}},"protocolVersion":"2025-06-18","serverInfo":{"name":"guard-example","version":"1.0.0"}}`), []string{"Cache-Control: no-store", "WWW-Authenticate:", "Mcp-Session-Id:"}},
		{"initialize, an unknown version", post(none, rpc("initialize", `{"protocolVersion":"2099-01-01","capabilities":{}}`)), 200, `~"protocolVersion":"2025-11-25"`, nil},
		{"initialize, no version", post(none, rpc("initialize", `{}`)), 200, failure(-32602, "Invalid params"), nil},
		{"initialized", post(none, `{"jsonrpc":"2.0","method":"notifications/initialized"}`), 202, `~^$`, nil},
		{"ping", post(none, rpc("ping", "")), 200, result("{}"), nil},
		{"tools/list", post(none, rpc("tools/list", "")), 200, `~"name":"read_note".*"name":"write_note"`, nil},
		{"another method", post(none, rpc("resources/list", "")), 200, failure(-32601, "Method not found"), nil},
		{"an unknown tool", post(both, rpc("tools/call", `{"name":"drop_notes","arguments":{}}`)), 200, failure(-32602, "Unknown tool"), nil},

		{"read, empty", post(read, rpc("tools/call", readTool)), 200, textResult(""), nil},
		{"write with the scope to read", post(read, rpc("tools/call", writeTool)), 403, e(403, "Insufficient scope"), refused},
		{"write without scopes", post(none, rpc("tools/call", writeTool)), 403, e(403, "Insufficient scope"), refused},
		{"write in another case", post(as.token("Notes:Write"), rpc("tools/call", writeTool)), 403, e(403, "Insufficient scope"), refused},
		{"nothing was written", post(read, rpc("tools/call", readTool)), 200, textResult(""), nil},
		{"write", post(write, rpc("tools/call", writeTool)), 200, textResult("Written"), nil},
		{"read with the scope to write", post(write, rpc("tools/call", readTool)), 403, e(403, "Insufficient scope"),
			[]string{"WWW-Authenticate: Bearer " + mcpMetadata + `, error="insufficient_scope", scope="notes:read"`}},
		{"read", post(read, rpc("tools/call", readTool)), 200, textResult("Bought milk"), nil},
		{"read without arguments", post(both, rpc("tools/call", `{"name":"read_note"}`)), 200, textResult("Bought milk"), nil},
		{"read with an argument", post(both, rpc("tools/call", `{"name":"read_note","arguments":{"text":"x"}}`)), 200, failure(-32602, "Invalid arguments"), nil},
		{"write without a text", post(both, rpc("tools/call", `{"name":"write_note","arguments":{}}`)), 200, failure(-32602, "Invalid arguments"), nil},
		{"write a number", post(both, rpc("tools/call", `{"name":"write_note","arguments":{"text":1}}`)), 200, failure(-32602, "Invalid arguments"), nil},
		{"write more", post(both, rpc("tools/call", `{"name":"write_note","arguments":{"text":"x","Text":"y"}}`)), 200, failure(-32602, "Invalid arguments"), nil},
		{"write a list", post(both, rpc("tools/call", `{"name":"write_note","arguments":["x"]}`)), 200, failure(-32602, "Invalid arguments"), nil},
		{"write a long text", post(both, rpc("tools/call", `{"name":"write_note","arguments":{"text":"`+strings.Repeat("x", 10_001)+`"}}`)), 200, failure(-32602, "Invalid arguments"), nil},
		{"write a text with U+0000", post(both, rpc("tools/call", `{"name":"write_note","arguments":{"text":"\u0000"}}`)), 200, failure(-32602, "Invalid arguments"), nil},
		{"a notification writes nothing", post(both, `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"write_note","arguments":{"text":"x"}}}`), 202, `~^$`, nil},
		{"a notification needs the scope", post(read, `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"write_note","arguments":{"text":"x"}}}`), 403, "", refused},
		{"the text is the last", post(both, rpc("tools/call", readTool)), 200, textResult("Bought milk"), nil},

		{"our origin", post(both, rpc("ping", ""), "Origin: "+mcpOrigin), 200, result("{}"), nil},
		{"another origin", post(both, rpc("ping", ""), "Origin: https://evil.example"), 403, e(403, "Cross-origin request refused"), []string{"Access-Control-Allow-Origin:"}},
		{"another port", post(both, rpc("ping", ""), "Origin: "+mcpOrigin+":8443"), 403, e(403, ""), nil},
		{"http", post(both, rpc("ping", ""), "Origin: http://notes.example"), 403, e(403, ""), nil},
		{"null", post(both, rpc("ping", ""), "Origin: null"), 403, e(403, ""), nil},
		{"two origins", post(both, rpc("ping", ""), "Origin: "+mcpOrigin, "Origin: https://evil.example"), 403, e(403, ""), nil},
		{"another origin without a token", post("", rpc("ping", ""), "Origin: https://evil.example"), 403, e(403, ""), nil},
		{"the origin of the address", post(both, rpc("ping", ""), "Origin: "+p.url), 403, e(403, ""), nil},

		{"a batch", post(both, "["+rpc("ping", "")+"]"), 400, e(400, ""), nil},
		{"a batch without a token", post("", "["+rpc("ping", "")+"]"), 401, "", nil},
		{"GET", call{do: "GET /mcp", header: append(bearer(both), "Accept: text/event-stream")}, 405, "", []string{"Allow: ~POST"}},
		{"GET without a token", call{do: "GET /mcp"}, 405, "", nil},
		{"DELETE", call{do: "DELETE /mcp", header: bearer(both)}, 405, "", nil},
		{"a token in the query", call{do: "POST /mcp?access_token=" + both, body: rpc("ping", "")}, 401, "", nil},
		{"two tokens", post(both, rpc("ping", ""), "Authorization: Bearer "+read), 400, "", nil},
		{"metadata", call{do: "GET /.well-known/oauth-protected-resource/mcp"}, 200,
			`{"resource":"https://notes.example/mcp","authorization_servers":["` + as.URL + `"],"scopes_supported":["notes:read","notes:write"],"bearer_methods_supported":["header"],"resource_name":"Notes"}`,
			[]string{"Content-Type: application/json"}},
		{"metadata of nothing", call{do: "GET /.well-known/oauth-protected-resource"}, 404, "", nil},
		{"listed", call{do: "GET /"}, 200, `~(?m)^/mcp$`, nil},
	})
	if logs := p.logs(); strings.Contains(logs, "Bought milk") || jwts.MatchString(logs) {
		t.Error("the log has a note or a token")
	}
}

// TestMCPStateless: version 2026-07-28, in which header fields repeat the body.
func TestMCPStateless(t *testing.T) {
	t.Parallel()
	as := newMCPIssuer(t)
	p := start(t, as.env()...)
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}`
	send := func(body string, header ...string) call {
		return call{do: "POST /mcp", header: append(header, "Authorization: Bearer "+as.token("notes:read")), body: body}
	}
	version, method, name := "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: read_note"
	list := rpc("tools/list", "{"+meta+"}")
	read := rpc("tools/call", `{"name":"read_note","arguments":{},`+meta+`}`)
	mismatch := func(field string) string {
		return failure(-32020, "Header mismatch: "+field+" does not match the body")
	}
	p.rows(t, []row{
		{"discover", send(rpc("server/discover", "{"+meta+"}"), version, "Mcp-Method: server/discover"), 200, `~"resultType":"complete","supportedVersions":\["2026-07-28"\]`, nil},
		{"list", send(list, version, "Mcp-Method: tools/list"), 200, `~"resultType":"complete"`, nil},
		{"call", send(read, version, method, name), 200, result(`{"content":[{"text":"","type":"text"}],"isError":false,"resultType":"complete"}`), nil},
		{"call, encoded", send(read, version, method, "Mcp-Name: =?base64?cmVhZF9ub3Rl?="), 200, "", nil},
		{"another name", send(read, version, method, "Mcp-Name: write_note"), 400, mismatch("Mcp-Name"), nil},
		{"the field of one tool, the body of another", send(rpc("tools/call", `{"name":"write_note","arguments":{"text":"x"},`+meta+`}`), version, method, name), 400, mismatch("Mcp-Name"), nil},
		{"another method", send(read, version, "Mcp-Method: ping", name), 400, mismatch("Mcp-Method"), nil},
		{"no name", send(read, version, method), 400, mismatch("Mcp-Name"), nil},
		{"no version", send(read, method, name), 400, mismatch("MCP-Protocol-Version"), nil},
		{"an older version", send(read, "MCP-Protocol-Version: 2025-11-25", method, name), 400, mismatch("MCP-Protocol-Version"), nil},
		{"an unknown version", send(rpc("tools/list", `{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01"}}`), "MCP-Protocol-Version: 2099-01-01", "Mcp-Method: tools/list"), 400,
			`~^\{"jsonrpc":"2.0","id":1,"error":\{"code":-32022,"message":"Unsupported protocol version","data":\{"requested":"2099-01-01","supported":\["2026-07-28",`, nil},
		{"an unknown older version", send(rpc("tools/list", ""), "MCP-Protocol-Version: 1900-01-01"), 400, `~"code":-32022`, nil},
		{"an older version, right", send(rpc("tools/list", ""), "MCP-Protocol-Version: 2025-06-18"), 200, "", nil},
		{"an unknown method", send(rpc("tasks/list", "{"+meta+"}"), version, "Mcp-Method: tasks/list"), 404, failure(-32601, "Method not found"), nil},
		{"without a token", call{do: "POST /mcp", body: read, header: []string{version, method, "Mcp-Name: write_note"}}, 401, "", nil},
	})
}

// TestMCPNeedsASafeOrigin: metadata over http is for loopback alone.
func TestMCPNeedsASafeOrigin(t *testing.T) {
	t.Parallel()
	as := newMCPIssuer(t)
	p := start(t, "OIDC_ISSUER="+as.URL, "OIDC_AUDIENCE=api", "PUBLIC_URL=http://notes.example")
	p.rows(t, []row{{"not mounted", call{do: "POST /mcp", body: rpc("ping", "")}, 404, "", nil}})
	if !strings.Contains(p.logs(), "/mcp is not mounted") {
		t.Error(p.logs())
	}
	without := start(t)
	without.rows(t, []row{{"without the settings", call{do: "POST /mcp", body: rpc("ping", "")}, 404, "", nil},
		{"nor its metadata", call{do: "GET /.well-known/oauth-protected-resource/mcp"}, http.StatusNotFound, "", nil}})
}
