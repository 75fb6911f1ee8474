package bearer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
)

const (
	readNote   = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note","arguments":{}}}`
	modernCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`
)

// mcpRequest has header fields as pairs.
func mcpRequest(body string, fields ...string) *http.Request {
	r := httptest.NewRequest("POST", "/mcp", strings.NewReader(body))
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

// TestReadMCP: what is a message, and what is not one to every parser.
func TestReadMCP(t *testing.T) {
	call := func(params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`
	}
	for _, tt := range []struct{ name, body, want string }{ // want is method, name, id and version; or empty
		{"tool", readNote, "tools/call read_note 1 "},
		{"prompt", `{"jsonrpc":"2.0","id":"a","method":"prompts/get","params":{"name":"p","uri":"u"}}`, `prompts/get p "a" `},
		{"resource", `{"jsonrpc":"2.0","id":-7,"method":"resources/read","params":{"uri":"file:///a","name":"n"}}`, "resources/read file:///a -7 "},
		{"no params", ` {"method":"ping","id":0,"jsonrpc":"2.0"} `, "ping  0 "},
		{"notification", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, "notifications/initialized   "},
		{"a tool in a notification", `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"}}`, "tools/call x  "},
		{"escapes", `{"jsonrpc":"2.0","id":1,"\u006dethod":"tools\/call","params":{"n\u0061me":"read\u005fnote"}}`, "tools/call read_note 1 "},
		{"members of arguments in any case", call(`{"name":"a","arguments":{"Name":"b","method":"c","Params":{}}}`), "tools/call a 1 "},
		{"another member", `{"jsonrpc":"2.0","id":1,"method":"ping","x":{"method":"y"}}`, "ping  1 "},
		{"an integer of many digits", `{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"ping"}`, "ping  123456789012345678901234567890 "},

		{"empty", ``, ""},
		{"a batch", `[` + readNote + `]`, ""},
		{"an empty batch", `[]`, ""},
		{"two messages", readNote + readNote, ""},
		{"text behind it", readNote + "x", ""},
		{"null", `null`, ""},
		{"a string", `"ping"`, ""},
		{"a byte order mark", "\ufeff" + readNote, ""},
		{"UTF-16", "{\x00}\x00", ""},
		{"not UTF-8", call(`{"name":"a` + "\xff" + `"}`), ""},
		{"not UTF-8 in an argument", call(`{"name":"a","arguments":{"x":"` + "\xc0\xaf" + `"}}`), ""},
		{"half a surrogate pair", call(`{"name":"a\ud800"}`), ""},
		{"method twice", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"a"}}`, ""},
		{"method twice, escaped", `{"jsonrpc":"2.0","id":1,"method":"ping","\u006dethod":"tools/call","params":{"name":"a"}}`, ""},
		{"Method", `{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"a"}}`, ""},
		{"Method alone", `{"jsonrpc":"2.0","id":1,"Method":"ping"}`, ""},
		{"params twice", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}`, ""},
		{"PARAMS", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"PARAMS":{"name":"b"}}`, ""},
		{"name twice", call(`{"name":"a","name":"b"}`), ""},
		{"Name", call(`{"name":"a","Name":"b"}`), ""},
		{"a name that folds", call(`{"name":"a","argumentſ":{}}`), ""},
		{"a member of arguments twice", call(`{"name":"a","arguments":{"x":1,"x":2}}`), ""},
		{"a deep member twice", call(`{"name":"a","arguments":{"x":[{"y":{"z":1,"z":2}}]}}`), ""},
		{"no name", call(`{}`), ""},
		{"an empty name", call(`{"name":""}`), ""},
		{"a number for a name", call(`{"name":1}`), ""},
		{"a list for a name", call(`{"name":["a"]}`), ""},
		{"null for a name", call(`{"name":null}`), ""},
		{"an object for a name", call(`{"name":{"toString":"a"}}`), ""},
		{"a uri for a tool", call(`{"uri":"a"}`), ""},
		{"a name for a resource", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"a"}}`, ""},
		{"params is a list", call(`["a"]`), ""},
		{"params is null", call(`null`), ""},
		{"params is text", call(`"{\"name\":\"a\"}"`), ""},
		{"no params for a tool", `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`, ""},
		{"method is a list", `{"jsonrpc":"2.0","id":1,"method":["ping"]}`, ""},
		{"method is null", `{"jsonrpc":"2.0","id":1,"method":null}`, ""},
		{"method is empty", `{"jsonrpc":"2.0","id":1,"method":""}`, ""},
		{"no method", `{"jsonrpc":"2.0","id":1}`, ""},
		{"a response", `{"jsonrpc":"2.0","id":1,"result":{}}`, ""},
		{"a response too", `{"jsonrpc":"2.0","id":1,"method":"ping","result":null}`, ""},
		{"an error too", `{"jsonrpc":"2.0","id":1,"method":"ping","error":{}}`, ""},
		{"no version", `{"id":1,"method":"ping"}`, ""},
		{"version 1", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, ""},
		{"a number for the version", `{"jsonrpc":2.0,"id":1,"method":"ping"}`, ""},
		{"id is null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, ""},
		{"id is a fraction", `{"jsonrpc":"2.0","id":1.5,"method":"ping"}`, ""},
		{"id has an exponent", `{"jsonrpc":"2.0","id":1e3,"method":"ping"}`, ""},
		{"id is true", `{"jsonrpc":"2.0","id":true,"method":"ping"}`, ""},
		{"id is an object", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, ""},
		{"id twice", `{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}`, ""},
		{"a comment", `{"jsonrpc":"2.0","id":1,/**/"method":"ping"}`, ""},
		{"a comma too many", `{"jsonrpc":"2.0","id":1,"method":"ping",}`, ""},
		{"deep", call(`{"name":"a","arguments":{"x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}}`), ""},
		{"very deep", strings.Repeat(`{"a":`, 100_000), ""},
		{"many members", call(`{"name":"a","arguments":{` + members(4097) + `}}`), ""},
		{"_meta is a list", call(`{"name":"a","_meta":[]}`), ""},
		{"a protocolVersion that is no string", call(`{"name":"a","_meta":{"io.modelcontextprotocol/protocolVersion":1}}`), ""},
		{"a protocolVersion in another case", call(`{"name":"a","_meta":{"io.modelcontextprotocol/ProtocolVersion":"2026-07-28"}}`), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := mcpRequest(tt.body)
			m, err := bearer.ReadMCP(r)
			if tt.want == "" {
				if e, ok := errors.AsType[*guard.Error](err); m != nil || !ok || e.Status != 400 || e.Code != "invalid_message" {
					t.Errorf("%+v, %v", m, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%s %s %s %s", m.Method, m.Name, string(m.ID), m.Version); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if again, err := io.ReadAll(r.Body); string(again) != tt.body || err != nil {
				t.Errorf("the body is now %q, %v", again, err)
			}
		})
	}
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":0,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// TestMCPHeaders: the fields repeat the body (MCP 2026-07-28, Streamable HTTP, "Server
// Validation").
func TestMCPHeaders(t *testing.T) {
	const (
		version, method, name = "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"
		modern                = "2026-07-28"
	)
	named := func(name string) string { return strings.Replace(modernCall, "read_note", name, 1) }
	for _, tt := range []struct {
		name   string
		body   string
		fields []string
		want   string // the field that does not match
	}{
		{"all", modernCall, []string{version, modern, method, "tools/call", name, "read_note"}, ""},
		{"encoded", modernCall, []string{version, modern, method, "tools/call", name, "=?base64?cmVhZF9ub3Rl?="}, ""},
		{"encoded text", named("Hello, 世界"), []string{version, modern, method, "tools/call", name, "=?base64?SGVsbG8sIOS4lueVjA==?="}, ""},
		{"what looks encoded, encoded", named("=?base64?literal?="), []string{version, modern, method, "tools/call", name, "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="}, ""},
		{"what looks encoded, plain", named("=?base64?literal?="), []string{version, modern, method, "tools/call", name, "=?base64?literal?="}, name},
		{"bad base64", named("=?base64?*?="), []string{version, modern, method, "tools/call", name, "=?base64?*?="}, name},
		{"encoded in capitals", modernCall, []string{version, modern, method, "tools/call", name, "=?BASE64?cmVhZF9ub3Rl?="}, name},
		{"not ASCII", named("é"), []string{version, modern, method, "tools/call", name, "é"}, name},
		{"another name", modernCall, []string{version, modern, method, "tools/call", name, "write_note"}, name},
		{"another case", modernCall, []string{version, modern, method, "tools/call", name, "Read_note"}, name},
		{"two names", modernCall, []string{version, modern, method, "tools/call", name, "read_note", name, "read_note"}, name},
		{"an empty name", modernCall, []string{version, modern, method, "tools/call", name, ""}, name},
		{"no name", modernCall, []string{version, modern, method, "tools/call"}, name},
		{"no method", modernCall, []string{version, modern, name, "read_note"}, method},
		{"another method", modernCall, []string{version, modern, method, "tools/list", name, "read_note"}, method},
		{"two methods", modernCall, []string{version, modern, method, "tools/call", method, "tools/list", name, "read_note"}, method},
		{"no version", modernCall, []string{method, "tools/call", name, "read_note"}, version},
		{"another version", modernCall, []string{version, "2025-11-25", method, "tools/call", name, "read_note"}, version},
		{"a version in the field alone", readNote, []string{version, modern, method, "tools/call", name, "read_note"}, version},
		{"a draft in the field alone", readNote, []string{version, "DRAFT-2027"}, version},
		{"two versions", modernCall, []string{version, modern, version, modern, method, "tools/call", name, "read_note"}, version},
		{"before", readNote, nil, ""},
		{"before, with a version", readNote, []string{version, "2025-11-25"}, ""},
		{"before, with a name", readNote, []string{version, "2025-11-25", method, "tools/call", name, "read_note"}, ""},
		{"before, another name", readNote, []string{version, "2025-11-25", name, "write_note"}, name},
		{"before, another method", readNote, []string{method, "ping"}, method},
		{"a name for nothing", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, []string{name, "read_note"}, name},
		{"an empty name for nothing", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, []string{name, ""}, name},
		{"a uri", `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"a"}}`, []string{name, "a"}, ""},
		{"a name beside a uri", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a","name":"b"}}`, []string{name, "b"}, name},
		{"a notification without", `{"jsonrpc":"2.0","method":"notifications/x"}`, []string{version, modern}, ""},
		{"a notification with another method", `{"jsonrpc":"2.0","method":"notifications/x"}`, []string{version, modern, method, "ping"}, method},
		{"a notification of another version", `{"jsonrpc":"2.0","method":"notifications/x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`, []string{version, "2027-01-01"}, version},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := bearer.ReadMCP(mcpRequest(tt.body, tt.fields...))
			e, refused := errors.AsType[*guard.Error](err)
			if tt.want == "" && err != nil || tt.want != "" && (!refused || e.Status != 400 || e.Code != "header_mismatch" || e.Message != "Header mismatch: "+tt.want+" does not match the body") {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if m == nil || m.Method == "" {
				t.Errorf("%+v: an answer needs the ID", m)
			}
		})
	}
}

// TestReadMCPBodies: what a client did not send, or too much of, is no failure of ours.
func TestReadMCPBodies(t *testing.T) {
	huge := mcpRequest(`{"jsonrpc":"2.0","id":1,"method":"ping","x":"` + strings.Repeat("x", bearer.MaxMCPBytes) + `"}`)
	w := httptest.NewRecorder()
	m, err := bearer.ReadMCP(huge)
	if guard.Refuse(w, huge, err); m != nil || w.Code != 413 {
		t.Errorf("huge: %d, %+v", w.Code, m)
	}
	left := mcpRequest("")
	left.Body = io.NopCloser(readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
	if m, err := bearer.ReadMCP(left); m != nil || err == nil || err.(*guard.Error).Status != 400 {
		t.Errorf("a client that left: %+v, %v", m, err)
	}
	without := mcpRequest("")
	without.Body = nil
	if m, err := bearer.ReadMCP(without); m != nil || err == nil || err.(*guard.Error).Status != 400 {
		t.Errorf("no body: %+v, %v", m, err)
	}
}

// FuzzReadMCP: what is accepted is what encoding/json reads, in any case of its names.
func FuzzReadMCP(f *testing.F) {
	for _, body := range []string{readNote, modernCall, `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a","Name":"b"}}`, `[]`, `{"jsonrpc":"2.0","id":"x","METHOD":"ping","method":"a"}`} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		m, err := bearer.ReadMCP(mcpRequest(body))
		if err != nil {
			return
		}
		var lenient struct {
			ID     any
			Method string
			Params struct{ Name, URI any }
		}
		if err := json.Unmarshal([]byte(body), &lenient); err != nil || lenient.Method != m.Method {
			t.Fatalf("%q: %+v, encoding/json reads %+v, %v", body, m, lenient, err)
		}
		want := lenient.Params.Name
		if m.Method == "resources/read" {
			want = lenient.Params.URI
		}
		if m.Name != "" && want != any(m.Name) || (lenient.ID == nil) != (m.ID == nil) {
			t.Errorf("%q: %+v, encoding/json reads %+v", body, m, lenient)
		}
	})
}
