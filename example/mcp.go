package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/example/backend"
	"github.com/go-guard/guard/jwtauth"
)

// mcpSection shows a server of the Model Context Protocol, whose tools need scopes.
// Clients find the authorization server by the metadata that a 401 names (RFC 9728).
func mcpSection(mux *http.ServeMux, set settings, keys jwtauth.KeySource, log *slog.Logger) error {
	if set.oidc.issuer == "" {
		return nil
	}
	metadata, err := bearer.NewMetadata(bearer.ResourceMetadata{
		Resource:             set.publicURL + "/mcp",
		AuthorizationServers: []string{set.oidc.issuer},
		ScopesSupported:      []string{"notes:read", "notes:write"},
		ResourceName:         "Notes",
	})
	if err != nil {
		log.Warn("PUBLIC_URL and OIDC_ISSUER must be https or on loopback: /mcp is not mounted", "error", err)
		return nil
	}
	tokens, err := jwtauth.NewVerifier[struct{}](keys, &jwtauth.VerifierOptions{Issuer: set.oidc.issuer, Resource: metadata})
	if err != nil {
		return err
	}
	notes := set.stores.Notes
	if notes == nil {
		notes = backend.NewMemoryNotes()
	}
	s := mcpServer{origin: strings.ToLower(set.publicURL), tools: noteTools(notes)}
	mux.Handle(metadata.Path(), metadata)
	mux.Handle("POST /mcp", guard.Chain(guard.OnError(mcpErrors), s.sameOrigin, tokens.Wrap, readMessage, bearer.ScopesBy(s.scopes, nil))(
		http.HandlerFunc(s.serve)))
	return nil
}

// An mcpServer answers messages.
type mcpServer struct {
	origin string
	tools  []mcpTool
}

// An mcpTool is what a client can call with the scope.
type mcpTool struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	InputSchema object `json:"inputSchema"`

	scope string
	call  func(ctx context.Context, arguments map[string]any) (text string, err error)
}

// tool returns the tool that a message calls.
func (s *mcpServer) tool(m *bearer.MCPMessage) (mcpTool, bool) {
	for _, t := range s.tools {
		if m.Method == "tools/call" && t.Name == m.Name {
			return t, true
		}
	}
	return mcpTool{}, false
}

// scopes returns the scopes that a message needs: those of its tool. What calls no tool
// of ours needs a valid token alone, and serve runs nothing for it.
func (s *mcpServer) scopes(r *http.Request) ([]string, error) {
	t, found := s.tool(messageFrom(r))
	if !found {
		return nil, nil
	}
	return []string{t.scope}, nil
}

// sameOrigin refuses pages of other origins, as the protocol requires against DNS
// rebinding. Programs send no Origin.
func (s *mcpServer) sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, origin := range r.Header.Values("Origin") {
			if origin != s.origin {
				guard.Refuse(w, r, &guard.Error{Status: http.StatusForbidden, Code: "cross_origin", Message: "Cross-origin request refused"})
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

type messageKey struct{}

// readMessage reads the message once, for scopes and for serve: both see the same tool.
func readMessage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, err := bearer.ReadMCP(r)
		r = r.WithContext(context.WithValue(r.Context(), messageKey{}, m))
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// messageFrom returns nil if the message could not be read.
func messageFrom(r *http.Request) *bearer.MCPMessage {
	m, _ := r.Context().Value(messageKey{}).(*bearer.MCPMessage)
	return m
}

// errHeaderMismatch is the protocol's code for header fields that differ from the body.
const errHeaderMismatch = -32020

// mcpErrors is the error format: a header mismatch is an error of JSON-RPC, as the
// protocol requires.
func mcpErrors(w http.ResponseWriter, r *http.Request, e *guard.Error) {
	if m := messageFrom(r); m != nil && e.Code == "header_mismatch" {
		reply(w, e.Status, rpcAnswer{JSONRPC: "2.0", ID: m.ID, Error: &rpcError{Code: errHeaderMismatch, Message: e.Message}})
		return
	}
	guard.JSON(w, r, e)
}

// maxNote is the maximum length of a note in bytes.
const maxNote = 10_000

var errArguments = errors.New("the arguments are not those of inputSchema")

func noteTools(notes backend.Notes) []mcpTool {
	return []mcpTool{{
		Name: "read_note", Description: "Returns the text that was written last.", scope: "notes:read",
		InputSchema: object{"type": "object", "additionalProperties": false},
		call: func(ctx context.Context, arguments map[string]any) (string, error) {
			if len(arguments) > 0 {
				return "", errArguments
			}
			return notes.Note(ctx)
		},
	}, {
		Name: "write_note", Description: "Replaces the text.", scope: "notes:write",
		InputSchema: object{
			"type": "object", "additionalProperties": false, "required": []string{"text"},
			"properties": object{"text": object{"type": "string", "maxLength": maxNote}},
		},
		call: func(ctx context.Context, arguments map[string]any) (string, error) {
			text, isText := arguments["text"].(string)
			if !isText || len(arguments) > 1 || len(text) > maxNote || strings.Contains(text, "\x00") {
				return "", errArguments
			}
			return "Written", notes.SetNote(ctx, text)
		},
	}}
}
