package main_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestHostileMCP: a token that may read is sent with messages of which some parser
// could read a write. None of them writes, whatever the answer.
func TestHostileMCP(t *testing.T) {
	t.Parallel()
	as := newMCPIssuer(t)
	p := start(t, as.env()...)
	read, both := bearer(as.token("notes:read")), bearer(as.token("notes:read notes:write"))
	note := func() string {
		return p.send(t, call{do: "POST /mcp", header: both, body: rpc("tools/call", readTool)}).body
	}
	if a := p.send(t, call{do: "POST /mcp", header: both, body: rpc("tools/call", writeTool)}); a.status != 200 {
		t.Fatal(a)
	}
	before := note()
	const (
		write = `{"name":"write_note","arguments":{"text":"pwned"}}`
		args  = `"arguments":{"text":"pwned"}`
	)
	for _, tt := range hostileMessages(write, args) {
		t.Run(tt.name, func(t *testing.T) {
			a := p.send(t, call{do: "POST /mcp", header: append(tt.header, read...), body: tt.body})
			if a.status != tt.status || tt.status == 400 && !matches(a.body, e(400, "")) && !strings.Contains(a.body, `"code":-32020`) {
				t.Errorf("%v, want status %d", a, tt.status)
			}
			if tt.status == 403 && !strings.Contains(a.header.Get("WWW-Authenticate"), `scope="notes:write"`) {
				t.Errorf("challenge %q", a.header.Get("WWW-Authenticate"))
			}
			if after := note(); after != before {
				t.Errorf("it wrote: %s", after)
			}
		})
	}
}

type hostileMessage struct {
	name, body string
	status     int
	header     []string
}

func hostileMessages(write, args string) []hostileMessage {
	list := []hostileMessage{
		// What is strict JSON, however written, needs the scope of the tool in it.
		{"plain", rpc("tools/call", write), 403, nil},
		{"members in another order", `{"params":` + write + `,"method":"tools/call","id":1,"jsonrpc":"2.0"}`, 403, nil},
		{"escapes", `{"jsonrpc":"2.0","id":1,"\u006dethod":"\u0074ools\/call","p\u0061rams":{"n\u0061me":"write\u005fnote",` + args + `}}`, 403, nil},
		{"blanks", " \r\n\t" + strings.ReplaceAll(rpc("tools/call", write), ",", " ,\n"), 403, nil},
		{"a string for an id", `{"jsonrpc":"2.0","id":"read_note","method":"tools/call","params":` + write + `}`, 403, nil},
		{"an id of many digits", `{"jsonrpc":"2.0","id":` + strings.Repeat("9", 400) + `,"method":"tools/call","params":` + write + `}`, 400, nil},
		{"a notification", `{"jsonrpc":"2.0","method":"tools/call","params":` + write + `}`, 403, nil},
		{"other members", `{"jsonrpc":"2.0","id":1,"tool":"read_note","method":"tools/call","params":` + write + `}`, 403, nil},
		{"another tool in the arguments", rpc("tools/call", `{"name":"write_note","arguments":{"name":"read_note","text":"pwned"}}`), 403, nil},
		{"a field Mcp-Name for it", rpc("tools/call", write), 403, []string{"Mcp-Name: write_note"}},
		{"a field Mcp-Name for the other", rpc("tools/call", write), 400, []string{"Mcp-Name: read_note"}},
		{"two fields Mcp-Name", rpc("tools/call", write), 400, []string{"Mcp-Name: write_note", "Mcp-Name: read_note"}},
		{"a field Mcp-Method for another", rpc("tools/call", write), 400, []string{"Mcp-Method: tools/list"}},
		{"an override of the method", rpc("tools/call", write), 403, []string{"X-HTTP-Method-Override: GET"}},
		{"a session", rpc("tools/call", write), 403, []string{"Mcp-Session-Id: 1"}},
		{"another type of content", rpc("tools/call", write), 403, []string{"Content-Type: text/plain"}},
		{"an encoding of the content", rpc("tools/call", write), 403, []string{"Content-Encoding: gzip"}},
		// The name differs: no tool, and nothing runs.
		{"another case of the name", rpc("tools/call", `{"name":"Write_note",`+args+`}`), 200, nil},
		{"a blank behind the name", rpc("tools/call", `{"name":"write_note ",`+args+`}`), 200, nil},
		{"U+0000 behind the name", rpc("tools/call", `{"name":"write_note\u0000",`+args+`}`), 200, nil},
		{"a name that looks like it", rpc("tools/call", `{"name":"write_n\u03bfte",`+args+`}`), 200, nil},
		{"another case of the method", rpc("Tools/Call", write), 200, nil},
		{"a blank in the method", rpc("tools/call ", write), 200, nil},
		{"the other tool with its arguments", rpc("tools/call", `{"name":"read_note",`+args+`}`), 200, nil},
		{"an escaped tool in another method", rpc("tools/list", write), 200, nil},
	}
	for name, body := range map[string]string{
		"nothing": " ", "null": "null", "true": "true", "a number": "1", "text": `"tools/call"`,
		"a batch": "[" + rpc("tools/call", write) + "]", "a batch of two": "[" + rpc("tools/call", readTool) + "," + rpc("tools/call", write) + "]",
		"an empty batch": "[]", "a batch in a batch": "[[" + rpc("tools/call", write) + "]]",
		"two messages": rpc("tools/call", readTool) + rpc("tools/call", write), "two lines": rpc("tools/call", readTool) + "\n" + rpc("tools/call", write),
		"a byte order mark": "\ufeff" + rpc("tools/call", write), "a form": "method=tools/call&params=" + write,
		"method twice":               `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":` + write + `}`,
		"method twice, escaped":      `{"jsonrpc":"2.0","id":1,"method":"ping","meth\u006fd":"tools/call","params":` + write + `}`,
		"method in two cases":        `{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":` + write + `}`,
		"METHOD alone":               `{"jsonrpc":"2.0","id":1,"METHOD":"tools/call","params":` + write + `}`,
		"params twice":               `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + readTool + `,"params":` + write + `}`,
		"params in two cases":        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + readTool + `,"Params":` + write + `}`,
		"params that folds":          `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + readTool + `,"param` + "\u017f" + `":` + write + `}`,
		"jsonrpc twice":              `{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"tools/call","params":` + write + `}`,
		"id twice":                   `{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":` + write + `}`,
		"name twice":                 rpc("tools/call", `{"name":"read_note","name":"write_note",`+args+`}`),
		"name twice, the other way":  rpc("tools/call", `{"name":"write_note","name":"read_note",`+args+`}`),
		"name twice, escaped":        rpc("tools/call", `{"name":"read_note","n\u0061me":"write_note",`+args+`}`),
		"name in two cases":          rpc("tools/call", `{"name":"read_note","NAME":"write_note",`+args+`}`),
		"arguments twice":            rpc("tools/call", `{"name":"read_note","arguments":{},`+args+`}`),
		"arguments in two cases":     rpc("tools/call", `{"name":"read_note","arguments":{},"Arguments":{"text":"pwned"}}`),
		"an argument twice":          rpc("tools/call", `{"name":"write_note","arguments":{"text":"a","text":"pwned"}}`),
		"a name in a list":           rpc("tools/call", `{"name":["write_note"],`+args+`}`),
		"a name in an object":        rpc("tools/call", `{"name":{"name":"write_note"},`+args+`}`),
		"a number for a name":        rpc("tools/call", `{"name":0,`+args+`}`),
		"true for a name":            rpc("tools/call", `{"name":true,`+args+`}`),
		"null for a name":            rpc("tools/call", `{"name":null,`+args+`}`),
		"an empty name":              rpc("tools/call", `{"name":"",`+args+`}`),
		"no name":                    rpc("tools/call", `{`+args+`}`),
		"a uri for a name":           rpc("tools/call", `{"uri":"write_note",`+args+`}`),
		"params in a list":           rpc("tools/call", `[`+write+`]`),
		"params in text":             rpc("tools/call", `"{\"name\":\"write_note\"}"`),
		"no params":                  rpc("tools/call", ""),
		"a list for a method":        `{"jsonrpc":"2.0","id":1,"method":["tools/call"],"params":` + write + `}`,
		"null for a method":          `{"jsonrpc":"2.0","id":1,"method":null,"params":` + write + `}`,
		"no method":                  `{"jsonrpc":"2.0","id":1,"params":` + write + `}`,
		"a response":                 `{"jsonrpc":"2.0","id":1,"result":` + write + `}`,
		"a response with a method":   `{"jsonrpc":"2.0","id":1,"method":"tools/call","result":{},"params":` + write + `}`,
		"an error with a method":     `{"jsonrpc":"2.0","id":1,"method":"tools/call","error":null,"params":` + write + `}`,
		"null for an id":             `{"jsonrpc":"2.0","id":null,"method":"tools/call","params":` + write + `}`,
		"true for an id":             `{"jsonrpc":"2.0","id":true,"method":"tools/call","params":` + write + `}`,
		"a fraction for an id":       `{"jsonrpc":"2.0","id":1.0,"method":"tools/call","params":` + write + `}`,
		"an exponent for an id":      `{"jsonrpc":"2.0","id":1e0,"method":"tools/call","params":` + write + `}`,
		"a list for an id":           `{"jsonrpc":"2.0","id":[1],"method":"tools/call","params":` + write + `}`,
		"an object for an id":        `{"jsonrpc":"2.0","id":{},"method":"tools/call","params":` + write + `}`,
		"jsonrpc 1.0":                `{"jsonrpc":"1.0","id":1,"method":"tools/call","params":` + write + `}`,
		"jsonrpc of a number":        `{"jsonrpc":2.0,"id":1,"method":"tools/call","params":` + write + `}`,
		"no jsonrpc":                 `{"id":1,"method":"tools/call","params":` + write + `}`,
		"not UTF-8 in the name":      rpc("tools/call", "{\"name\":\"write_note\xff\","+args+"}"),
		"not UTF-8 in an argument":   rpc("tools/call", "{\"name\":\"write_note\",\"arguments\":{\"text\":\"\xc3\x28\"}}"),
		"an overlong slash":          rpc("tools\xc0\xafcall", write),
		"UTF-16":                     strings.Join(strings.Split(rpc("tools/call", write), ""), "\x00"),
		"half a surrogate pair":      rpc("tools/call", `{"name":"write_note\ud800",`+args+`}`),
		"a raw line break in text":   rpc("tools/call", "{\"name\":\"write_note\n\","+args+"}"),
		"a comment":                  `{"jsonrpc":"2.0","id":1,/* "method":"ping" */"method":"tools/call","params":` + write + `}`,
		"single quotes":              strings.ReplaceAll(rpc("tools/call", write), `"`, `'`),
		"names without quotes":       `{jsonrpc:"2.0",id:1,method:"tools/call",params:` + write + `}`,
		"a comma too many":           strings.TrimSuffix(rpc("tools/call", write), "}") + ",}",
		"no end":                     strings.TrimSuffix(rpc("tools/call", write), "}"),
		"an end too many":            rpc("tools/call", write) + "}",
		"NaN":                        rpc("tools/call", `{"name":"write_note","arguments":{"text":"pwned","x":NaN}}`),
		"a number out of range":      rpc("tools/call", `{"name":"write_note","arguments":{"text":"pwned","x":1e999}}`),
		"deep arguments":             rpc("tools/call", `{"name":"write_note","arguments":`+strings.Repeat(`{"a":`, 40)+`1`+strings.Repeat(`}`, 40)+`}`),
		"very deep":                  strings.Repeat("[", 300_000),
		"very deep objects":          strings.Repeat(`{"a":`, 100_000),
		"many members":               rpc("tools/call", `{"name":"write_note","arguments":{`+manyMembers(5000)+`}}`),
		"a _meta in a list":          rpc("tools/call", `{"name":"write_note","_meta":["x"],`+args+`}`),
		"a version in another case":  rpc("tools/call", `{"name":"write_note","_meta":{"IO.modelcontextprotocol/protocolVersion":"2026-07-28"},`+args+`}`),
		"a version of another type":  rpc("tools/call", `{"name":"write_note","_meta":{"io.modelcontextprotocol/protocolVersion":{}},`+args+`}`),
		"a prototype":                `{"__proto__":{"method":"tools/call"},"jsonrpc":"2.0","id":1}`,
		"the scope in the message":   `{"jsonrpc":"2.0","id":1,"method":"tools/call","scope":"notes:write","Params":` + write + `}`,
		"a message in a message":     `{"message":` + rpc("tools/call", write) + `}`,
		"a method and a BOM in text": `{"jsonrpc":"2.0","id":1,"` + "\ufeff" + `method":"tools/call","params":` + write + `}`,
	} {
		list = append(list, hostileMessage{name, body, 400, nil})
	}
	return append(list, hostileMessage{"too large", rpc("tools/call", `{"name":"write_note","arguments":{"text":"`+strings.Repeat("x", 1<<20)+`"}}`), 413, nil})
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":0,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// sharedNotes: what one process writes the other reads, with a token of the one issuer.
func sharedNotes(t *testing.T, as *mcpIssuer, a, b *process) {
	writer, reader := bearer(as.token("notes:write")), bearer(as.token("notes:read"))
	for n, p := range []*process{a, b, a} {
		text := fmt.Sprintf("note %d: é, 世界, 🙂", n)
		p.rows(t, []row{{"write", call{do: "POST /mcp", header: writer, body: rpc("tools/call", `{"name":"write_note","arguments":{"text":"`+text+`"}}`)}, 200, textResult("Written"), nil}})
		for _, p := range []*process{a, b} {
			p.rows(t, []row{
				{"read", call{do: "POST /mcp", header: reader, body: rpc("tools/call", readTool)}, 200, textResult(text), nil},
				{"a write without the scope", call{do: "POST /mcp", header: reader, body: rpc("tools/call", writeTool)}, 403, "", nil},
				{"read again", call{do: "POST /mcp", header: reader, body: rpc("tools/call", readTool)}, 200, textResult(text), nil},
			})
		}
	}
}
