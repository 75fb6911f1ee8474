package interop

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/jwtauth"
)

// toolScopes are the scopes of each tool. A tool that is not here is refused.
var toolScopes = map[string][]string{
	"read_note":  {"notes:read"},
	"write_note": {"notes:write"},
}

// MCP serves tools of modelcontextprotocol/go-sdk to clients with tokens of an issuer for
// resource, the address of the server, such as "https://example.com/mcp". The SDK's own
// auth package is not needed.
//
// The SDK is stateless here: each message is a POST of its own, with a token of its own.
func MCP(keys jwtauth.KeySource, issuer, resource string) (http.Handler, error) {
	metadata, err := bearer.NewMetadata(bearer.ResourceMetadata{
		Resource: resource, AuthorizationServers: []string{issuer}, ScopesSupported: []string{"notes:read", "notes:write"},
	})
	if err != nil {
		return nil, err
	}
	tokens, err := jwtauth.NewVerifier[struct{}](keys, &jwtauth.VerifierOptions{Issuer: issuer, Resource: metadata})
	if err != nil {
		return nil, err
	}
	server := noteServer()
	messages := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
	mux := http.NewServeMux()
	mux.Handle(metadata.Path(), metadata)
	mux.Handle("POST /mcp", guard.Chain(onlyOrigin(strings.TrimSuffix(resource, "/mcp")), tokens.Wrap, bearer.ScopesBy(scopesOfTool, nil))(messages))
	return mux, nil
}

// onlyOrigin refuses pages of other origins, as the protocol requires. Programs send no
// Origin.
func onlyOrigin(origin string) guard.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, o := range r.Header.Values("Origin") {
				if o != origin {
					guard.Refuse(w, r, guard.Forbidden("Cross-origin request refused"))
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// scopesOfTool returns the scopes that a message needs. The SDK reads the body again:
// ReadMCP accepts only what both read alike.
func scopesOfTool(r *http.Request) ([]string, error) {
	m, err := bearer.ReadMCP(r)
	if err != nil || m.Method != "tools/call" {
		return nil, err
	}
	scopes, known := toolScopes[m.Name]
	if !known {
		return nil, guard.Forbidden("Unknown tool")
	}
	return scopes, nil
}

type note struct {
	Text string `json:"text"`
}

// noteServer has the tools read_note, write_note and delete_note.
func noteServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1.0.0"}, nil)
	var mu sync.Mutex
	last := note{}
	mcp.AddTool(server, &mcp.Tool{Name: "read_note", Description: "Returns the text that was written last."},
		func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, note, error) {
			mu.Lock()
			defer mu.Unlock()
			return nil, last, nil
		})
	mcp.AddTool(server, &mcp.Tool{Name: "write_note", Description: "Replaces the text, and adds who wrote it."},
		func(ctx context.Context, _ *mcp.CallToolRequest, n note) (*mcp.CallToolResult, note, error) {
			t, err := guard.Authenticated[*jwtauth.Token[struct{}]](ctx)
			if err != nil {
				return nil, note{}, err
			}
			mu.Lock()
			defer mu.Unlock()
			last = note{n.Text + " (" + t.Sub() + ")"}
			return nil, last, nil
		})
	mcp.AddTool(server, &mcp.Tool{Name: "delete_note", Description: "Has no scope, and is refused."},
		func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			mu.Lock()
			defer mu.Unlock()
			last = note{}
			return nil, nil, nil
		})
	return server
}
