package bearer_test

import (
	"context"
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

// bodyScopes needs the scopes that the body lists.
func bodyScopes(r *http.Request) ([]string, error) {
	b, err := io.ReadAll(r.Body)
	return strings.Fields(string(b)), err
}

// post sends a body through mw to a handler that sends it back.
func post(mw guard.Middleware, authorization string, body io.Reader) (w *httptest.ResponseRecorder, reached bool) {
	r := httptest.NewRequest("POST", "/", body)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w = httptest.NewRecorder()
	mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached = true
		b, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s|%v", b, err)
	})).ServeHTTP(w, r)
	return w, reached
}

// TestScopesBy: the scopes of a request are those that its function returns.
func TestScopesBy(t *testing.T) {
	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{Resource: "https://api.test/mcp", ScopesSupported: []string{"a", "b"}}))
	plain := guard.Must(bearer.New(byScopes, &bearer.Options{Resource: meta})).Wrap
	limits := guard.Must(bearer.New(func(_ context.Context, token string) (record, bool, error) {
		return record{strings.Fields(strings.ReplaceAll(token, "none", ""))}, true, nil
	}, nil)).Wrap
	users := guard.Must(bearer.New(verify, nil)).Wrap
	returning := func(scopes []string, err error) func(*http.Request) ([]string, error) {
		return func(*http.Request) ([]string, error) { return scopes, err }
	}
	var typedNil *guard.Error
	const (
		at       = `resource_metadata="https://api.test/.well-known/oauth-protected-resource/mcp"`
		lacks    = `{"error":"Forbidden","message":"Insufficient scope"}`
		failed   = `{"error":"Internal Server Error","message":"The request could not be processed"}`
		tooLarge = `{"error":"Request Entity Too Large","message":"The request is too large"}`
	)
	for _, tt := range []struct {
		name         string
		auth         guard.Middleware
		needed       func(*http.Request) ([]string, error)
		token, body  string
		want         int
		challenge    string
		answer       string
		neededCalled bool
	}{
		{"granted", plain, bodyScopes, "Bearer a~b", "a b", 200, "", "a b|<nil>", true},
		{"one lacks", plain, bodyScopes, "Bearer a", "a b", 403, "Bearer " + at + `, error="insufficient_scope", scope="a b"`, lacks, true},
		{"none needed", plain, bodyScopes, "Bearer c", "", 200, "", "|<nil>", true},
		{"none needed, a limit", limits, bodyScopes, "Bearer none", "", 200, "", "|<nil>", true},
		{"one needed, no limit", limits, bodyScopes, "Bearer none", "a", 403, `Bearer error="insufficient_scope", scope="a"`, lacks, true},
		{"a limit", limits, bodyScopes, "Bearer a", "a", 200, "", "a|<nil>", true},
		{"both", guard.Chain(limits, plain), bodyScopes, "Bearer a", "a", 200, "", "a|<nil>", true},
		{"anonymous", plain, bodyScopes, "", "a", 401, "Bearer " + at + `, scope="a b"`, `{"error":"Unauthorized","message":"Bearer token required"}`, false},
		{"anonymous, optional", guard.Optional(guard.Must(bearer.New(byScopes, nil))), bodyScopes, "", "", 401, "Bearer", `{"error":"Unauthorized","message":"Authentication required"}`, false},
		{"a credential without scopes", users, bodyScopes, "Bearer valid_token_123", "", 500, "", failed, false},
		{"no authentication", func(h http.Handler) http.Handler { return h }, bodyScopes, "Bearer a", "", 500, "", failed, false},
		{"a refusal", plain, returning([]string{"a"}, &guard.Error{Status: 400, Message: "m"}), "Bearer a", "x", 400, "", `{"error":"Bad Request","message":"m"}`, true},
		{"a failure", plain, returning(nil, errors.New("secret")), "Bearer a", "x", 500, "", failed, true},
		{"an outage", plain, returning(nil, context.DeadlineExceeded), "Bearer a", "x", 503, "", `{"error":"Service Unavailable","message":"The service is unavailable. Try again later."}`, true},
		{"it cannot abstain", plain, returning(nil, guard.ErrNoCredentials), "Bearer a", "x", 500, "", failed, true},
		{"a nil error with a type", plain, returning(nil, typedNil), "Bearer a", "x", 500, "", failed, true},
		{"no scope-token", plain, returning([]string{`a" b`}, nil), "Bearer a", "x", 500, "", failed, true},
		{"an empty scope", plain, returning([]string{""}, nil), "Bearer a", "x", 500, "", failed, true},
		{"the bound", plain, bodyScopes, "Bearer a", "a       ", 200, "", "a       |<nil>", true},
		{"too large", plain, bodyScopes, "Bearer a", "a        ", 413, "", tooLarge, true},
		{"too large, ignored", plain, func(r *http.Request) ([]string, error) { _, _ = io.ReadAll(r.Body); return nil, nil }, "Bearer a", "a        ", 413, "", tooLarge, true},
		{"too large, not read", plain, returning([]string{"a"}, nil), "Bearer a", "a        ", 200, "", "a        |<nil>", true},
		{"read in part", plain, func(r *http.Request) ([]string, error) {
			_, err := io.ReadFull(r.Body, make([]byte, 3))
			return []string{"a"}, err
		}, "Bearer a", "a        b", 200, "", "a        b|<nil>", true},
		{"closed and replaced", plain, func(r *http.Request) ([]string, error) {
			_, _ = io.ReadFull(r.Body, make([]byte, 1))
			err := r.Body.Close()
			r.Body, r.Method = nil, "GET"
			return []string{"a"}, err
		}, "Bearer a", "abc", 200, "", "abc|<nil>", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			called := false
			gate := bearer.ScopesBy(func(r *http.Request) ([]string, error) { called = true; return tt.needed(r) }, &bearer.ScopesByOptions{MaxBodyBytes: 8})
			w, reached := post(guard.Chain(tt.auth, gate), tt.token, strings.NewReader(tt.body))
			h := w.Header()
			if w.Code != tt.want || h.Get("WWW-Authenticate") != tt.challenge || w.Body.String() != tt.answer || reached != (tt.want == 200) || called != tt.neededCalled {
				t.Errorf("%d, challenge %q, %s, reached %t, called %t", w.Code, h.Get("WWW-Authenticate"), w.Body, reached, called)
			}
			if noStore := h.Get("Cache-Control") == "no-store"; noStore != (tt.want != 200) {
				t.Errorf("Cache-Control %q", h.Get("Cache-Control"))
			}
		})
	}
}

// TestScopesByOfAClientThatLeaves: what the client did not send is no failure of ours,
// and is not taken for the end of the body.
func TestScopesByOfAClientThatLeaves(t *testing.T) {
	gate := guard.Chain(guard.Must(bearer.New(byScopes, nil)).Wrap, bearer.ScopesBy(func(r *http.Request) ([]string, error) {
		_, _ = io.ReadAll(r.Body)
		return nil, nil
	}, nil))
	body := io.MultiReader(strings.NewReader("a"), readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
	if w, reached := post(gate, "Bearer a", body); w.Code != 400 || reached {
		t.Errorf("%d %s, reached %t", w.Code, w.Body, reached)
	}
}

// TestUnreadableBodies: ScopesBy and ReadMCP answer alike. In ScopesBy, the refusal of what
// wraps the body, such as a check of its digest, became a 400.
func TestUnreadableBodies(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want int
	}{
		{"a client that left", io.ErrUnexpectedEOF, 400},
		{"too large for an outer limit", &http.MaxBytesError{Limit: 1}, 413},
		{"wrapped", fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 1}), 413},
		{"refused by what wraps the body", &guard.Error{Status: 422, Message: "The digest is wrong"}, 422},
		{"a failure of what wraps the body", guard.Unavailable(nil), 503},
	} {
		body := func() io.Reader { return readerFunc(func([]byte) (int, error) { return 0, tt.err }) }
		for name, needed := range map[string]func(*http.Request) ([]string, error){
			"ScopesBy": bodyScopes,
			"ReadMCP":  func(r *http.Request) ([]string, error) { _, err := bearer.ReadMCP(r); return nil, err },
		} {
			gate := guard.Chain(guard.Must(bearer.New(byScopes, nil)).Wrap, bearer.ScopesBy(needed, nil))
			if w, reached := post(gate, "Bearer a", body()); w.Code != tt.want || reached {
				t.Errorf("%s, %s: %d %s, reached %t", name, tt.name, w.Code, w.Body, reached)
			}
		}
		r := mcpRequest("")
		r.Body = io.NopCloser(body())
		w := httptest.NewRecorder()
		_, err := bearer.ReadMCP(r)
		if guard.Refuse(w, r, err); w.Code != tt.want {
			t.Errorf("ReadMCP alone, %s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}

// TestScopesByBodyAfterwards: a body that needed holds on to takes nothing from the
// handler.
func TestScopesByBodyAfterwards(t *testing.T) {
	var body io.Reader
	gate := bearer.ScopesBy(func(r *http.Request) ([]string, error) { body = r.Body; return nil, nil }, nil)
	take := func(next http.Handler) http.Handler {
		return gate(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n, err := body.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("%d, %v", n, err)
			}
			next.ServeHTTP(w, r)
		}))
	}
	if w, _ := post(guard.Chain(guard.Must(bearer.New(byScopes, nil)).Wrap, take), "Bearer a", strings.NewReader("abc")); w.Body.String() != "abc|<nil>" {
		t.Errorf("%s", w.Body)
	}
}

func TestScopesByPanicsAtWiring(t *testing.T) {
	for name, f := range map[string]func(){
		"nil":      func() { bearer.ScopesBy(nil, nil) },
		"negative": func() { bearer.ScopesBy(bodyScopes, &bearer.ScopesByOptions{MaxBodyBytes: -1}) },
		"next":     func() { bearer.ScopesBy(bodyScopes, nil)(nil) },
	} {
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.HasPrefix(fmt.Sprint(p), "bearer: ") {
					t.Errorf("%s: %v", name, p)
				}
			}()
			f()
		}()
	}
}

// TestChallengeScopes: a 401 says what to ask for, and a 403 says what is missing.
func TestChallengeScopes(t *testing.T) {
	tokens := guard.Must(bearer.New(verify, &bearer.Options{Realm: "r", ChallengeScopes: []string{"a", "b:c"}}))
	for authorization, want := range map[string]string{
		"Bearer unknown": `Bearer realm="r", error="invalid_token", scope="a b:c"`,
		"Basic eA==":     `Bearer realm="r", scope="a b:c"`,
	} {
		if w, reached := serve(t, tokens.Wrap, request(authorization)); w.Code != 401 || w.Header().Get("WWW-Authenticate") != want || reached {
			t.Errorf("%s: %d %q", authorization, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	if _, err := bearer.New(verify, &bearer.Options{ChallengeScopes: []string{"a b"}}); err == nil {
		t.Error("a scope with a space was accepted")
	}
	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{Resource: "https://api.test", ScopesSupported: []string{"c"}}))
	chosen := guard.Must(bearer.New(verify, &bearer.Options{ResourceMetadata: "https://other.test/m", ChallengeScopes: []string{"a"}, Resource: meta}))
	if w, _ := serve(t, chosen.Wrap, request()); w.Header().Get("WWW-Authenticate") != `Bearer resource_metadata="https://other.test/m", scope="a"` {
		t.Errorf("what is set is replaced: %q", w.Header().Get("WWW-Authenticate"))
	}
	if _, err := bearer.New(verify, &bearer.Options{Resource: new(bearer.Metadata)}); err == nil {
		t.Error("a zero Metadata was accepted")
	}
	if _, err := bearer.NewIntrospector("https://as.test", "a", "b", &bearer.IntrospectorOptions{Resource: new(bearer.Metadata)}); err == nil {
		t.Error("a zero Metadata was accepted as an audience")
	}
	if meta.ScopesSupported()[0] = "x"; meta.ScopesSupported()[0] != "c" {
		t.Error("the scopes of the metadata can be changed")
	}
}

// TestIntrospectorResource: the identifier of the resource is the audience.
func TestIntrospectorResource(t *testing.T) {
	meta := guard.Must(bearer.NewMetadata(bearer.ResourceMetadata{Resource: "https://api.test/mcp"}))
	for _, tt := range []struct {
		aud      string
		audience []string
		want     bool
	}{
		{"https://api.test/mcp", nil, true},
		{"https://api.test/", nil, false},
		{"https://api.test/mcp", []string{"x"}, false},
		{"x", []string{"x"}, true},
	} {
		e := newEndpoint(t, fmt.Sprintf(`{"active":true,"aud":%q}`, tt.aud))
		_, found, err := e.introspector(t, &bearer.IntrospectorOptions{Resource: meta, Audience: tt.audience}).Verify(t.Context(), "token")
		if found != tt.want {
			t.Errorf("aud %s, audience %v: %t, %v", tt.aud, tt.audience, found, err)
		}
	}
}
