package bearer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/strictjson"
)

// MaxMCPBytes is the size above which [ReadMCP] refuses a message.
const MaxMCPBytes = 4 << 20

// An MCPMessage is a request or notification of the Model Context Protocol, that is of
// JSON-RPC 2.0.
type MCPMessage struct {
	// Method is such as "tools/call". It is never empty.
	Method string
	// Name is that of the tool or prompt (params.name), or the address of the resource
	// (params.uri), for tools/call, prompts/get and resources/read, and never empty there.
	// For other methods it is empty.
	Name string
	// ID is a string or an integer, as it was sent; nil for a notification.
	ID json.RawMessage
	// Params is an object, or nil.
	Params json.RawMessage
	// Version is that of the protocol in the field MCP-Protocol-Version, or empty.
	Version string
}

// firstMirrored is the first version whose clients repeat method, name and version in
// header fields. Versions are dates, or such as "DRAFT-2027", which is greater.
const firstMirrored = "2026-07-28"

// ReadMCP reads the message that a client of the Model Context Protocol posts, for
// [ScopesBy] and for handlers. Afterwards r.Body has the same bytes again.
//
// It accepts only what every JSON parser reads alike, so that the scopes that are
// checked are those of the tool that is called: a single object in UTF-8, without a
// member that occurs twice at any depth, or whose name differs from one of the protocol
// in case only; not nested deeper than 32, with at most 4096 members in 4 MiB. A name or
// URI that the method needs is a string, an ID is a string or an integer. A batch or a
// response is refused. All this is 400 with the Code invalid_message; too large a body
// is 413.
//
// The header fields that repeat the body, MCP-Protocol-Version, Mcp-Method and
// Mcp-Name, must equal it where they are sent, and a request of version 2026-07-28 or
// later must have them: otherwise it is 400 with the Code header_mismatch, and ReadMCP
// returns the message too, for its ID: the protocol asks for the error -32020 in the
// answer. The fields Mcp-Param-… depend on the tool, and are left to it.
func ReadMCP(r *http.Request) (*MCPMessage, error) {
	body, err := readAll(r)
	if err != nil {
		return nil, err
	}
	m, name, version, err := parseMCP(body)
	if err != nil {
		return nil, &guard.Error{Status: http.StatusBadRequest, Code: "invalid_message", Message: "The body is not a message of the Model Context Protocol", Err: err}
	}
	m.Version = r.Header.Get(versionField)
	if f := mismatch(r.Header, m, name, version); f != "" {
		return m, &guard.Error{
			Status: http.StatusBadRequest, Code: "header_mismatch", Message: "Header mismatch: " + f + " does not match the body",
			Err: errors.New("bearer: a header field does not match the message"),
		}
	}
	return m, nil
}

// readAll reads the body and replaces it by its bytes.
func readAll(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxMCPBytes))
	if err != nil {
		return nil, unreadable(err)
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), r.Body}
	return body, nil
}

// The members that decide, by their exact names. Values are read by their own rules:
// encoding/json takes a null for an empty string.
type (
	mcpBody struct {
		JSONRPC json.RawMessage `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  json.RawMessage `json:"method"`
		Params  json.RawMessage `json:"params"`
		Result  json.RawMessage `json:"result"`
		Error   json.RawMessage `json:"error"`
	}
	mcpParams struct {
		Name      json.RawMessage `json:"name"`
		URI       json.RawMessage `json:"uri"`
		Arguments json.RawMessage `json:"arguments"`
		Meta      json.RawMessage `json:"_meta"`
	}
	mcpMeta struct {
		Version json.RawMessage `json:"io.modelcontextprotocol/protocolVersion"`
	}
)

// parseMCP returns the message, what Mcp-Name repeats of it, and the version in it.
func parseMCP(body []byte) (m *MCPMessage, name, version string, err error) {
	var b mcpBody
	if err := strictjson.Unmarshal(body, &b); err != nil {
		return nil, "", "", err
	}
	m = &MCPMessage{ID: b.ID, Params: b.Params}
	rpc, _ := text(b.JSONRPC)
	m.Method, _ = text(b.Method)
	switch {
	case rpc != "2.0":
		return nil, "", "", errors.New(`bearer: jsonrpc is not "2.0"`)
	case m.Method == "", b.Result != nil, b.Error != nil:
		return nil, "", "", errors.New("bearer: the message is no request or notification")
	case b.ID != nil && !isID(b.ID):
		return nil, "", "", errors.New("bearer: id is not a string or an integer")
	}
	var p mcpParams
	var meta mcpMeta
	if b.Params != nil {
		err = strictjson.Unmarshal(b.Params, &p)
	}
	if err == nil && p.Meta != nil {
		err = strictjson.Unmarshal(p.Meta, &meta)
	}
	if err != nil {
		return nil, "", "", err
	}
	version, ok := text(meta.Version)
	if meta.Version != nil && !ok {
		return nil, "", "", errors.New("bearer: protocolVersion is not a string")
	}
	source := p.Name
	if strings.HasPrefix(m.Method, "resources/") || source == nil {
		source = p.URI
	}
	name, ok = text(source)
	switch m.Method {
	case "tools/call", "prompts/get":
		if name, ok = text(p.Name); !ok || name == "" {
			return nil, "", "", errors.New("bearer: params.name is missing or no string")
		}
		m.Name = name
	case "resources/read":
		if !ok || name == "" {
			return nil, "", "", errors.New("bearer: params.uri is missing or no string")
		}
		m.Name = name
	}
	return m, name, version, nil
}

// text returns the text of a JSON string.
func text(value json.RawMessage) (s string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(value, &s) == nil
}

// isID reports whether value is a string or an integer.
func isID(value json.RawMessage) bool {
	return value[0] == '"' || strings.Trim(string(bytes.TrimPrefix(value, []byte("-"))), "0123456789") == ""
}

const (
	versionField = "Mcp-Protocol-Version"
	methodField  = "Mcp-Method"
	nameField    = "Mcp-Name"
)

// mismatch returns the field that does not repeat the message, or "". A field that is
// sent twice repeats nothing. No header field is required of a notification.
func mismatch(h http.Header, m *MCPMessage, name, version string) string {
	mirrored := m.ID != nil && max(m.Version, version) >= firstMirrored
	v, sent, unique := single(h, versionField)
	if !unique || mirrored && !sent || sent && v != version && (mirrored || version != "") {
		return "MCP-Protocol-Version"
	}
	v, sent, unique = single(h, methodField)
	if !unique || mirrored && !sent || sent && v != m.Method {
		return methodField
	}
	v, sent, unique = single(h, nameField)
	v, valid := decodeName(v)
	if !unique || !valid || mirrored && !sent && m.Name != "" || sent && (v != name || v == "") {
		return nameField
	}
	return ""
}

// single returns the value of a field. unique is false if it was sent more than once.
func single(h http.Header, name string) (v string, sent, unique bool) {
	lines := h[name]
	if len(lines) == 0 {
		return "", false, true
	}
	return lines[0], true, len(lines) == 1
}

// decodeName returns the name in a field: plain ASCII, or base64 of any text.
func decodeName(v string) (name string, valid bool) {
	encoded, isEncoded := strings.CutPrefix(v, "=?base64?")
	if isEncoded {
		encoded, isEncoded = strings.CutSuffix(encoded, "?=")
	}
	if isEncoded {
		b, err := base64.StdEncoding.Strict().DecodeString(encoded)
		return string(b), err == nil
	}
	return v, !strings.ContainsFunc(v, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') })
}
