package main

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
)

// The versions of the protocol. Since statelessVersion, each request names its version,
// and there is no initialize.
const statelessVersion = "2026-07-28"

var mcpVersions = []string{statelessVersion, "2025-11-25", "2025-06-18", "2025-03-26"}

// Codes of errors of JSON-RPC and of the protocol.
const (
	errMethod  = -32601
	errParams  = -32602
	errVersion = -32022
)

// An rpcAnswer is a response of JSON-RPC 2.0.
type rpcAnswer struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Result  object          `json:"result,omitzero"`
	Error   *rpcError       `json:"error,omitempty"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    object `json:"data,omitempty"`
}

// serve answers a message with one JSON object.
func (s *mcpServer) serve(w http.ResponseWriter, r *http.Request) {
	m := messageFrom(r)
	w.Header().Set("Cache-Control", "no-store")
	if m.ID == nil { // a notification calls no tool
		w.WriteHeader(http.StatusAccepted)
		return
	}
	status, result, failure, err := s.answer(r, m)
	if err != nil {
		guard.Refuse(w, r, err)
		return
	}
	if failure == nil && m.Version >= statelessVersion {
		result["resultType"] = "complete"
	}
	reply(w, status, rpcAnswer{"2.0", m.ID, result, failure})
}

// answer returns the result of a request, or its error of JSON-RPC. err is our failure.
func (s *mcpServer) answer(r *http.Request, m *bearer.MCPMessage) (status int, result object, failure *rpcError, err error) {
	if m.Version != "" && !slices.Contains(mcpVersions, m.Version) {
		data := object{"supported": mcpVersions, "requested": m.Version}
		return http.StatusBadRequest, nil, &rpcError{errVersion, "Unsupported protocol version", data}, nil
	}
	switch m.Method {
	case "initialize":
		result, failure = initialize(m)
	case "server/discover":
		result = object{"supportedVersions": mcpVersions[:1], "capabilities": capabilities, "_meta": object{"io.modelcontextprotocol/serverInfo": serverInfo}}
		result["ttlMs"], result["cacheScope"] = 0, "private"
	case "ping":
		result = object{}
	case "tools/list":
		result = object{"tools": s.tools}
		if m.Version >= statelessVersion {
			result["ttlMs"], result["cacheScope"] = 0, "private"
		}
	case "tools/call":
		result, failure, err = s.call(r, m)
	default:
		failure = &rpcError{errMethod, "Method not found", nil}
		if m.Version >= statelessVersion {
			return http.StatusNotFound, nil, failure, nil
		}
	}
	return http.StatusOK, result, failure, err
}

var (
	capabilities = object{"tools": object{}}
	serverInfo   = object{"name": "guard-example", "version": "1.0.0"}
)

// initialize begins what older versions call a session, of which this server keeps
// nothing. It agrees to the client's version if it can.
func initialize(m *bearer.MCPMessage) (object, *rpcError) {
	var params struct {
		Version string `json:"protocolVersion"`
	}
	if json.Unmarshal(m.Params, &params) != nil || params.Version == "" {
		return nil, &rpcError{errParams, "Invalid params", nil}
	}
	version := params.Version
	if older := mcpVersions[1:]; !slices.Contains(older, version) {
		version = older[0]
	}
	return object{"protocolVersion": version, "capabilities": capabilities, "serverInfo": serverInfo}, nil
}

// call calls the tool whose scope was checked.
func (s *mcpServer) call(r *http.Request, m *bearer.MCPMessage) (object, *rpcError, error) {
	tool, found := s.tool(m)
	if !found {
		return nil, &rpcError{errParams, "Unknown tool", nil}, nil
	}
	var params struct {
		Arguments map[string]any `json:"arguments"` // by exact names
	}
	err := errArguments
	text := ""
	if json.Unmarshal(m.Params, &params) == nil {
		text, err = tool.call(r.Context(), params.Arguments)
	}
	if err == errArguments {
		return nil, &rpcError{errParams, "Invalid arguments", nil}, nil
	}
	return object{"content": []object{{"type": "text", "text": text}}, "isError": false}, nil, err
}
