package interop_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// A nodeRequest is a request of mcp.mjs.
type nodeRequest struct {
	Request, Body, Challenge, Name, Version string
	Status                                  int
}

// TestMCPOfTheExample: the SDKs of the Model Context Protocol find the authorization
// server of /mcp by the metadata that its 401 names, ask it for the scopes of the
// challenge, and call the tools. oidc-provider is that server.
func TestMCPOfTheExample(t *testing.T) {
	as := startAuthServer(t)
	base := runExample(t, "OIDC_ISSUER="+as.issuer, "OIDC_AUDIENCE=api", "OIDC_REFETCH=1s")
	origin := strings.Replace(base, "127.0.0.1", "localhost", 1)
	for _, sdk := range []string{"sdk", "client"} {
		for _, scope := range []string{"", "notes:read"} {
			t.Run(sdk+" "+scope, func(t *testing.T) {
				arg, err := json.Marshal(map[string]string{"sdk": sdk, "url": origin + "/mcp", "issuer": as.issuer, "scope": scope})
				if err != nil {
					t.Fatal(err)
				}
				var got struct {
					Steps    []string
					Requests []nodeRequest
				}
				startNode(t, &got, "mcp.mjs", string(arg))
				want := []string{"guard-example", "read_note write_note", "Written", "by " + sdk}
				if !slices.Equal(got.Steps, want) {
					t.Errorf("%q, want %q", got.Steps, want)
				}
				checkDiscovery(t, got.Requests, scope, origin)
				if n := slices.IndexFunc(got.Requests, func(r nodeRequest) bool {
					return r.Name == "write_note" && r.Version == "2026-07-28" && r.Status == 200
				}); (n >= 0) != (sdk == "client") {
					t.Errorf("%s: a request of version 2026-07-28 repeats the tool's name: %+v", sdk, got.Requests)
				}
				if t.Failed() {
					t.Logf("%+v", got.Requests)
				}
			})
		}
	}
}

// checkDiscovery: after a refusal come the metadata of the resource, that of the
// authorization server, and a token for the resource with the scopes of the challenge.
func checkDiscovery(t *testing.T, requests []nodeRequest, scope, origin string) {
	t.Helper()
	status, challenge := 401, `scope="notes:read notes:write"`
	if scope != "" { // the first token is good, but not for write_note
		status, challenge = 403, `error="insufficient_scope", scope="notes:write"`
	}
	n := slices.IndexFunc(requests, func(r nodeRequest) bool { return r.Status == 401 || r.Status == 403 })
	if n < 0 || requests[n].Status != status || !strings.Contains(requests[n].Challenge, challenge) ||
		!strings.Contains(requests[n].Challenge, `resource_metadata="`+origin+`/.well-known/oauth-protected-resource/mcp"`) {
		t.Fatalf("no refusal with %s", challenge)
	}
	rest := requests[n+1:]
	if i := slices.IndexFunc(rest, func(r nodeRequest) bool {
		return r.Request == "GET /.well-known/oauth-protected-resource/mcp" && r.Status == 200
	}); i < 0 {
		t.Error("the metadata was not fetched")
	}
	if i := slices.IndexFunc(rest, func(r nodeRequest) bool {
		return r.Request == "POST /token" && r.Status == 200 && strings.Contains(r.Body, "notes%3Awrite") && strings.Contains(r.Body, "resource=http%3A%2F%2Flocalhost")
	}); i < 0 {
		t.Error("no token for the resource and the scope was requested")
	}
	for _, r := range rest {
		if r.Status == 401 || r.Status == 403 {
			t.Errorf("refused again: %+v", r)
		}
	}
}
