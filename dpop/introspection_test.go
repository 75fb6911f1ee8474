package dpop_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/harness"
)

// introspect returns tokens that a server describes by body, and how often it is asked.
func introspect(t *testing.T, body string, bound guard.Binding, cache time.Duration) (*bearer.Tokens[*bearer.Introspection], *atomic.Int32) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	in := guard.Must(bearer.NewIntrospector(server.URL, "api", "secret", &bearer.IntrospectorOptions{Cache: cache}))
	return guard.Must(bearer.New(in.Verify, &bearer.Options{Bound: bound})), &calls
}

// TestIntrospection: RFC 9449, section 6.2, and RFC 8705, section 3.2.
func TestIntrospection(t *testing.T) {
	jkt := fmt.Sprintf(`"cnf":{"jkt":%q}`, client.Thumbprint())
	cert := fmt.Sprintf(`"cnf":{"x5t#S256":%q}`, x5t(certificate()))
	request := func(scheme string) func() *http.Request {
		return func() *http.Request {
			r := client.Request("GET", "/profile", "token", "", time.Now())
			r.Header.Set("Authorization", scheme+" token")
			return r
		}
	}
	overTLS := func() *http.Request {
		return withTLS(harness.Request("/profile", "Authorization", "Bearer token"), certificate())
	}
	for _, tt := range []struct {
		name, members string
		bound         guard.Binding
		request       func() *http.Request
		want          int
		challenge     string
	}{
		{"bound", `"token_type":"DPoP",` + jkt, guard.Must(dpop.New(origin, nil)), request("DPoP"), 200, ""},
		{"bound, without a token_type", jkt, guard.Must(dpop.New(origin, nil)), request("DPoP"), 200, ""},
		{"bound, as Bearer", `"token_type":"DPoP",` + jkt, guard.Must(dpop.New(origin, nil)), request("Bearer"), 401, invalid("invalid_token")},
		{"bound, called Bearer", `"token_type":"Bearer",` + jkt, guard.Must(dpop.New(origin, nil)), request("Bearer"), 401, invalid("invalid_token")},
		{"called DPoP without cnf", `"token_type":"DPoP"`, guard.Must(dpop.New(origin, &dpop.Options{InsecureUnbound: true})), request("DPoP"), 401, invalid("invalid_token")},
		{"not bound", `"token_type":"Bearer"`, guard.Must(dpop.New(origin, nil)), request("Bearer"), 401, invalid("invalid_token")},
		{"not bound, as DPoP", `"token_type":"Bearer"`, guard.Must(dpop.New(origin, &dpop.Options{InsecureUnbound: true})), request("DPoP"), 401, invalid("invalid_token")},
		{"not bound, which is accepted", `"token_type":"Bearer"`, guard.Must(dpop.New(origin, &dpop.Options{InsecureUnbound: true})), request("Bearer"), 200, ""},
		{"bound to a text", `"cnf":"x"`, guard.Must(dpop.New(origin, nil)), request("DPoP"), 401, invalid("invalid_token")},
		{"bound, a refresh token", `"typ":"Refresh",` + jkt, guard.Must(dpop.New(origin, nil)), request("DPoP"), 401, invalid("invalid_token")},
		{"no Binding", `"token_type":"DPoP",` + jkt, nil, request("DPoP"), 401, "Bearer"},
		{"no Binding, as Bearer", jkt, nil, request("Bearer"), 401, `Bearer error="invalid_token"`},
		{"a certificate", `"token_type":"Bearer",` + cert, guard.Must(dpop.TLS(nil)), overTLS, 200, ""},
		{"a certificate, without TLS", `"token_type":"Bearer",` + cert, guard.Must(dpop.TLS(nil)), request("Bearer"), 401, `Bearer error="invalid_token"`},
		{"a certificate, where keys are expected", cert, guard.Must(dpop.New(origin, nil)), overTLS, 401, invalid("invalid_token")},
	} {
		tokens, _ := introspect(t, `{"active":true,"sub":"1",`+tt.members+`}`, tt.bound, 0)
		w, reached := harness.Serve(t, tokens.Wrap, nil, tt.request())
		if got := w.Result().Header.Get("Www-Authenticate"); w.Code != tt.want || reached != (tt.want == 200) || got != tt.challenge {
			t.Errorf("%s: %d, %t, %q", tt.name, w.Code, reached, got)
		}
	}
}

// An introspection that is cached still needs its proof.
func TestCachedIntrospection(t *testing.T) {
	tokens, calls := introspect(t, fmt.Sprintf(`{"active":true,"sub":"1","cnf":{"jkt":%q}}`, client.Thumbprint()), guard.Must(dpop.New(origin, nil)), time.Hour)
	for range 3 {
		r := client.Request("GET", "/profile", "token", "", time.Now())
		if w, reached := harness.Serve(t, tokens.Wrap, nil, r); w.Code != 200 || !reached {
			t.Errorf("%d", w.Code)
		}
		if w, reached := harness.Serve(t, tokens.Wrap, nil, r); w.Code != 401 || reached {
			t.Errorf("a replay: %d", w.Code)
		}
		r = stranger.Request("GET", "/profile", "token", "", time.Now())
		if w, reached := harness.Serve(t, tokens.Wrap, nil, r); w.Code != 401 || reached {
			t.Errorf("another key: %d", w.Code)
		}
	}
	if calls.Load() != 1 {
		t.Errorf("%d introspections", calls.Load())
	}
}

// own is a principal of an application with a table of tokens.
type own struct{ name, cnf string }

func (o own) TokenConfirmation() string { return o.cnf }

// TestOwnTokens: tokens of a table, with a column for the key.
func TestOwnTokens(t *testing.T) {
	find := func(_ context.Context, token string) (own, bool, error) {
		return own{"alice", `{"jkt":"` + client.Thumbprint() + `"}`}, token == "token", nil
	}
	tokens := guard.Must(bearer.New(find, &bearer.Options{Bound: guard.Must(dpop.New(origin, nil)), Realm: "r"}))
	if w, reached := harness.Serve(t, tokens.Wrap, nil, client.Request("GET", "/profile", "token", "", time.Now())); w.Code != 200 || !reached {
		t.Errorf("%d", w.Code)
	}
	for name, r := range map[string]*http.Request{
		invalid("invalid_dpop_proof") + `, realm="r"`: stranger.Request("GET", "/profile", "token", "", time.Now()),
		algs + `, realm="r", error="invalid_token"`:   client.Request("GET", "/profile", "other", "", time.Now()),
		algs + `, realm="r"`:                          harness.Request("/profile"),
	} {
		w, reached := harness.Serve(t, tokens.Wrap, nil, r)
		if got := w.Result().Header.Get("Www-Authenticate"); w.Code != 401 || reached || got != name {
			t.Errorf("%d, %q; want %q", w.Code, got, name)
		}
	}
	// A principal that loses the confirmation would make each token an unbound one.
	_, err := bearer.New(func(context.Context, string) (string, bool, error) { return "", false, nil }, &bearer.Options{Bound: guard.Must(dpop.New(origin, nil))})
	if err == nil || !strings.Contains(err.Error(), "bearer: Bound needs principals that are Confirmed, and string is not") {
		t.Error(err)
	}
	if _, err := bearer.New(find, &bearer.Options{Bound: (*dpop.Proofs)(nil)}); err == nil || !strings.Contains(err.Error(), "bearer: Bound is a nil *dpop.Proofs") {
		t.Error(err)
	}
}
