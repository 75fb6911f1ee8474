package bearer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
)

// A client without a token is sent to the document that names the authorization server
// (RFC 9728).
func ExampleNewMetadata() {
	meta, err := bearer.NewMetadata(bearer.ResourceMetadata{
		Resource:             "https://api.example.com",
		AuthorizationServers: []string{"https://login.example.com"},
		ScopesSupported:      []string{"posts:read", "posts:write"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	in := guard.Must(bearer.NewIntrospector("https://login.example.com/introspect", "api", "s3cret", &bearer.IntrospectorOptions{Resource: meta}))
	tokens := guard.Must(bearer.New(in.Verify, &bearer.Options{Resource: meta}))
	mux := http.NewServeMux()
	mux.Handle(meta.Path(), meta)
	mux.Handle("GET /posts", tokens.Wrap(http.NotFoundHandler()))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/posts", nil))
	fmt.Println(w.Header().Get("WWW-Authenticate"))
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", meta.URL(), nil))
	fmt.Println(w.Body)
	// Output:
	// Bearer resource_metadata="https://api.example.com/.well-known/oauth-protected-resource", scope="posts:read posts:write"
	// {"resource":"https://api.example.com","authorization_servers":["https://login.example.com"],"scopes_supported":["posts:read","posts:write"],"bearer_methods_supported":["header"]}
}

// The document of a resource that has a path.
func ExampleMetadata_Path() {
	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{Resource: "https://example.com/mcp"}))
	mux := http.NewServeMux()
	mux.Handle(meta.Path(), meta)
	fmt.Println(meta.Path())
	// Output: /.well-known/oauth-protected-resource/mcp
}

// Where clients find the document.
func ExampleMetadata_URL() {
	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{Resource: "https://example.com/mcp"}))
	fmt.Println(meta.URL())
	// Output: https://example.com/.well-known/oauth-protected-resource/mcp
}

// What the aud of a token must be.
func ExampleMetadata_Resource() {
	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{Resource: "https://example.com/mcp"}))
	fmt.Println(meta.Resource())
	// Output: https://example.com/mcp
}

// The scopes that the document names, for a page of the API's documentation.
func ExampleMetadata_ScopesSupported() {
	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{
		Resource: "https://api.example.com", ScopesSupported: []string{"posts:read", "posts:write"},
	}))
	fmt.Println(meta.ScopesSupported())
	// Output: [posts:read posts:write]
}
