package bearer_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/format"
)

func TestMetadata(t *testing.T) {
	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{
		Resource:             "https://api.test/v1",
		AuthorizationServers: []string{"https://as.test"},
		ScopesSupported:      []string{"a", "b"},
		ResourceName:         "API",

		DPoPSigningAlgValuesSupported: []string{"ES256"}, DPoPBoundAccessTokensRequired: true, TLSClientCertificateBoundAccessTokens: true,
	}))
	const want = `{"resource":"https://api.test/v1","authorization_servers":["https://as.test"],` +
		`"scopes_supported":["a","b"],"bearer_methods_supported":["header"],"resource_name":"API",` +
		`"dpop_signing_alg_values_supported":["ES256"],"dpop_bound_access_tokens_required":true,"tls_client_certificate_bound_access_tokens":true}`
	for _, tt := range []struct {
		method string
		status int
		body   string
	}{{"GET", 200, want}, {"HEAD", 200, ""}, {"POST", 405, `{"error":"Method Not Allowed","message":"Method Not Allowed"}`}} {
		w := httptest.NewRecorder()
		meta.ServeHTTP(w, httptest.NewRequest(tt.method, meta.Path(), nil))
		if w.Code != tt.status || w.Body.String() != tt.body {
			t.Errorf("%s: %d %s", tt.method, w.Code, w.Body)
		}
		if tt.status == 200 && w.Header().Get("Content-Type") != "application/json" || tt.status == 405 && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %v", tt.method, w.Header())
		}
	}
	w := httptest.NewRecorder()
	guard.OnError(format.Problem)(meta).ServeHTTP(w, httptest.NewRequest("POST", meta.Path(), nil))
	if w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), `"code":"method_not_allowed"`) {
		t.Errorf("in the chosen format: %v %s", w.Header(), w.Body)
	}
	if w, _ := serve(t, guard.Must(bearer.New(verify, &bearer.Options{ResourceMetadata: meta.URL()})).Wrap, request()); w.Header().Get("WWW-Authenticate") !=
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

// A space in a resource's path made http.ServeMux panic, a brace matched other
// paths, and what was escaped was served elsewhere.
func TestMetadataIsServedAtItsURLAlone(t *testing.T) {
	for resource, elsewhere := range map[string]string{
		"https://h":               "/x",
		"https://h/":              "/",
		"https://h/v1":            "/v1/",
		"https://h/v1/":           "/v1/x",
		"https://h/a b":           "/a",
		"https://h/a%20b":         "/a+b",
		"https://h/{x}":           "/y",
		"https://h/%7Bx...%7D":    "/y",
		"https://h/{$}":           "/",
		"https://h/a%2Fb":         "/a/b",
		"https://h/a%2fb":         "/a/b",
		"https://h/100%25":        "/100",
		"https://h/a%3Fb?c=d":     "/a",
		"https://h/GET%20/x":      "/x",
		"https://h/ä":             "/a",
		"https://h/a;b,c=d@e:f":   "/a",
		"https://h/[x]":           "/x",
		"https://h/%2E%2E/x":      "/x",
		"https://h/tenant/%7B%7D": "/tenant/x",
	} {
		m, err := bearer.NewMetadata(bearer.ResourceMetadata{Resource: resource})
		if err != nil {
			t.Errorf("%s: %v", resource, err)
			continue
		}
		mux := http.NewServeMux()
		mux.Handle(m.Path(), m)
		for target, want := range map[string]int{m.URL(): 200, "https://h/.well-known/oauth-protected-resource" + elsewhere: 404} {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			if w.Code != want {
				t.Errorf("%s, at %s, pattern %s: status %d; want %d", resource, target, m.Path(), w.Code, want)
			}
		}
	}
	for _, resource := range []string{"https://h//", "https://h//a", "https://h/a//", "https://h/a//b", "https://h/a/../b", "https://h/./a", "https://h/a/.", "https://h/a/.."} {
		if m, err := bearer.NewMetadata(bearer.ResourceMetadata{Resource: resource}); err == nil || !strings.Contains(err.Error(), "dot segment") {
			t.Errorf("%s: %t, %v", resource, m != nil, err)
		}
	}
}
