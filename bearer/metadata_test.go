package bearer_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
)

func TestMetadata(t *testing.T) {
	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{
		Resource:             "https://api.test/v1",
		AuthorizationServers: []string{"https://as.test"},
		ScopesSupported:      []string{"a", "b"},
		ResourceName:         "API",
	}))
	const want = `{"resource":"https://api.test/v1","authorization_servers":["https://as.test"],` +
		`"scopes_supported":["a","b"],"bearer_methods_supported":["header"],"resource_name":"API"}`
	for _, tt := range []struct {
		method string
		status int
		body   string
	}{{"GET", 200, want}, {"HEAD", 200, ""}, {"POST", 405, "Method Not Allowed\n"}} {
		w := httptest.NewRecorder()
		meta.ServeHTTP(w, httptest.NewRequest(tt.method, meta.Path(), nil))
		if w.Code != tt.status || w.Body.String() != tt.body {
			t.Errorf("%s: %d %s", tt.method, w.Code, w.Body)
		}
		if tt.status == 200 && w.Header().Get("Content-Type") != "application/json" || tt.status == 405 && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %v", tt.method, w.Header())
		}
	}
	if w, _ := serve(guard.Must(bearer.New(verify, &bearer.Options{ResourceMetadata: meta.URL()})).Wrap, request()); w.Header().Get("WWW-Authenticate") !=
		`Bearer resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"` {
		t.Errorf("challenge %q", w.Header().Get("WWW-Authenticate"))
	}
}

func TestMetadataAddress(t *testing.T) {
	for resource, want := range map[string]string{ // RFC 9728, section 3.1
		"https://api.test":        "https://api.test/.well-known/oauth-protected-resource",
		"https://api.test/":       "https://api.test/.well-known/oauth-protected-resource",
		"https://api.test/v1":     "https://api.test/.well-known/oauth-protected-resource/v1",
		"https://api.test/v1/":    "https://api.test/.well-known/oauth-protected-resource/v1/",
		"https://api.test/v1?x=y": "https://api.test/.well-known/oauth-protected-resource/v1?x=y",
		"http://localhost:8080/a": "http://localhost:8080/.well-known/oauth-protected-resource/a",
	} {
		meta, err := bearer.NewMetadata(bearer.ResourceMetadata{Resource: resource})
		if err != nil || meta.URL() != want || strings.Contains(meta.Path(), "?") {
			t.Errorf("%s: %v", resource, err)
		}
	}
	for _, bad := range []bearer.ResourceMetadata{
		{}, {Resource: "api"}, {Resource: "http://api.test"}, {Resource: "https://api.test#f"}, {Resource: "https://api.test#"},
		{Resource: "https://api.test", AuthorizationServers: []string{"http://as.test"}},
		{Resource: "https://api.test", JWKSURI: "x"},
		{Resource: "https://api.test", ScopesSupported: []string{"a b"}},
	} {
		if _, err := bearer.NewMetadata(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}
