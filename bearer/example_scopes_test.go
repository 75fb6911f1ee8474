package bearer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/guardtest"
)

// A route for tokens that were granted two scopes.
func ExampleScopes() {
	publish := bearer.Scopes("posts:write", "posts:publish")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "published")
	}))

	for _, scopes := range [][]string{{"posts:write", "posts:publish"}, {"posts:write"}} {
		token := guardtest.Token("alice", struct{}{}, scopes...) // in place of an authentication step
		r := httptest.NewRequest("POST", "/posts/7/publish", nil)
		w := httptest.NewRecorder()
		publish.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), token)))
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
	}
	// Output:
	// 200  published
	// 403 Bearer error="insufficient_scope", scope="posts:write posts:publish" {"error":"Forbidden","message":"Insufficient scope"}
}

// A route for readers and for editors. The challenge names the narrower scope.
func ExampleAnyScope() {
	read := bearer.AnyScope("posts:read", "posts:write")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "posts")
	}))

	for _, scope := range []string{"posts:write", "comments:read"} {
		token := guardtest.Token("alice", struct{}{}, scope) // in place of an authentication step
		r := httptest.NewRequest("GET", "/posts", nil)
		w := httptest.NewRecorder()
		read.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), token)))
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 200 ""
	// 403 "Bearer error=\"insufficient_scope\", scope=\"posts:read\""
}

// The scopes of the tool that a message of the Model Context Protocol calls.
func ExampleScopesBy() {
	scopes := map[string][]string{"search": {"docs:read"}, "delete": {"docs:read", "docs:write"}}
	byTool := func(r *http.Request) ([]string, error) {
		m, err := bearer.ReadMCP(r)
		if err != nil || m.Method != "tools/call" {
			return nil, err
		}
		needed, found := scopes[m.Name]
		if !found {
			return nil, guard.NotFound("No such tool")
		}
		return needed, nil
	}
	h := bearer.ScopesBy(byTool, nil)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") }))

	token := guardtest.Token("alice", struct{}{}, "docs:read") // in place of an authentication step
	for _, tool := range []string{"search", "delete", "format"} {
		body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + tool + `"}}`
		r := httptest.NewRequest("POST", "/mcp", strings.NewReader(body))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), token)))
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 200 ""
	// 403 "Bearer error=\"insufficient_scope\", scope=\"docs:read docs:write\""
	// 404 ""
}

// Only messages that every JSON parser reads alike are accepted.
func ExampleReadMCP() {
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","name":"delete"}}`,
	} {
		m, err := bearer.ReadMCP(httptest.NewRequest("POST", "/mcp", strings.NewReader(body)))
		if err != nil {
			fmt.Println("refused:", err)
			continue
		}
		fmt.Println(m.Method, m.Name, string(m.ID))
	}
	// Output:
	// tools/call search 1
	// refused: guard: 400 Bad Request: The body is not a message of the Model Context Protocol: strictjson: byte 72: a member name occurs twice
}
