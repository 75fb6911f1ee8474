package bearer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/field"
	"github.com/go-guard/guard/internal/httpsurl"
	"github.com/go-guard/guard/internal/refusal"
)

// ResourceMetadata describes a protected resource to clients: how they get
// access to it (RFC 9728, section 2). Only Resource is required.
type ResourceMetadata struct {
	// Resource identifies the resource: an https URL without a fragment, and
	// without empty or dot segments in its path. Loopback hosts may be http.
	Resource string `json:"resource"`
	// AuthorizationServers are the issuers whose tokens are accepted.
	AuthorizationServers []string `json:"authorization_servers,omitempty"`
	// JWKSURI is the https address of the resource's own public keys, such as those that
	// sign its responses. It is not that of the keys of tokens.
	JWKSURI string `json:"jwks_uri,omitempty"`
	// ScopesSupported are the scopes that clients may ask for.
	ScopesSupported []string `json:"scopes_supported,omitempty"`
	// BearerMethodsSupported lists how a token may be sent. If nil, it is
	// "header". Add "query" for a source.InsecureQuery("access_token").
	BearerMethodsSupported []string `json:"bearer_methods_supported,omitempty"`
	// ResourceName is the resource's name for people. The next three are the addresses of
	// pages for people: its documentation, its policy and its terms of service.
	ResourceName          string `json:"resource_name,omitempty"`
	ResourceDocumentation string `json:"resource_documentation,omitempty"`
	ResourcePolicyURI     string `json:"resource_policy_uri,omitempty"`
	ResourceTOSURI        string `json:"resource_tos_uri,omitempty"`
	// DPoPSigningAlgValuesSupported are the algorithms of the DPoP proofs that are
	// accepted, for tokens that are bound to a key: see Options.Bound.
	DPoPSigningAlgValuesSupported []string `json:"dpop_signing_alg_values_supported,omitempty"`
	// DPoPBoundAccessTokensRequired states that every token must be bound to a DPoP key.
	DPoPBoundAccessTokensRequired bool `json:"dpop_bound_access_tokens_required,omitempty"`
	// TLSClientCertificateBoundAccessTokens states that tokens may be bound to a client
	// certificate (RFC 8705).
	TLSClientCertificateBoundAccessTokens bool `json:"tls_client_certificate_bound_access_tokens,omitempty"`
}

// Metadata serves the metadata of a resource. The document is public, and the
// handler needs no authentication.
//
//	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{Resource: "https://api.example.com"}))
//	mux.Handle(meta.Path(), meta)
//	tokens := guard.Must(jwtauth.NewVerifier[Claims](keys, &jwtauth.VerifierOptions{Issuer: issuer, Resource: meta}))
//
// As Resource in the options of jwtauth.NewVerifier, [New] and [NewIntrospector] it is
// their audience and their challenge.
type Metadata struct {
	body         []byte
	url, pattern string
	resource     string
	scopes       []string
}

// wellKnown is inserted between the host and the path (RFC 9728, section 3).
const wellKnown = "/.well-known/oauth-protected-resource"

// NewMetadata returns the handler for the metadata of a resource. Its error lists every
// mistake, such as an address that is not https or a scope that is not a scope-token.
func NewMetadata(m ResourceMetadata) (*Metadata, error) {
	u, err := secureURL("Resource", m.Resource, false)
	errs := []error{err}
	if err == nil && path.Clean(wellKnown+u.EscapedPath()) != strings.TrimSuffix(wellKnown+u.EscapedPath(), "/") {
		errs = append(errs, fmt.Errorf("bearer: Resource %q has an empty or dot segment, which clients and servers remove", m.Resource))
	}
	for _, as := range m.AuthorizationServers {
		_, err := secureURL("authorization server", as, false)
		errs = append(errs, err)
	}
	if m.JWKSURI != "" {
		_, err := secureURL("JWKSURI", m.JWKSURI, false)
		errs = append(errs, err)
	}
	if err := errors.Join(append(errs, checkScopes(m.ScopesSupported))...); err != nil {
		return nil, err
	}
	if m.BearerMethodsSupported == nil {
		m.BearerMethodsSupported = []string{"header"}
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("bearer: %w", err)
	}
	if u.Path == "/" { // section 3.1
		u.Path, u.RawPath = "", ""
	}
	u.Path, u.RawPath = wellKnown+u.Path, wellKnown+u.EscapedPath()
	pattern := u.EscapedPath() // ServeMux would read a raw space or brace as syntax
	if strings.HasSuffix(pattern, "/") {
		pattern += "{$}" // otherwise ServeMux matches everything below, too
	}
	return &Metadata{body: body, url: u.String(), pattern: pattern, resource: m.Resource, scopes: slices.Clone(m.ScopesSupported)}, nil
}

func checkScopes(scopes []string) error {
	var errs []error
	for _, s := range scopes {
		if err := field.CheckScope(s); err != nil {
			errs = append(errs, fmt.Errorf("bearer: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Path is the http.ServeMux pattern for the handler. It matches the path of URL
// only, also where that is escaped.
func (m *Metadata) Path() string { return m.pattern }

// URL is the URL of the document, for challenges (RFC 9728, section 5.1).
func (m *Metadata) URL() string { return m.url }

// Resource is the identifier of the resource, which is the audience of its tokens
// (RFC 8707, section 2).
func (m *Metadata) Resource() string { return m.resource }

// ScopesSupported returns a copy of the scopes in the document.
func (m *Metadata) ScopesSupported() []string { return slices.Clone(m.scopes) }

// check reports a zero Metadata, which identifies no resource.
func (m *Metadata) check() error {
	if m.resource == "" {
		return errors.New("bearer: a zero Metadata was used; see NewMetadata")
	}
	return nil
}

// ServeHTTP answers GET and HEAD with the document, which caches may keep for an hour.
func (m *Metadata) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		guard.Decision{Package: "bearer", Guard: "metadata"}.Refuse(w, r, refusal.MethodNotAllowed("GET, HEAD"))
		return
	}
	h.Set("Content-Type", "application/json") // section 3.2
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("Content-Length", strconv.Itoa(len(m.body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(m.body) // the client may have left
	}
}

func secureURL(what, s string, insecure bool) (*url.URL, error) {
	u, err := httpsurl.Parse(s, insecure)
	if err != nil {
		return nil, fmt.Errorf("bearer: %s: %w", what, err)
	}
	return u, nil
}
