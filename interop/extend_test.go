package interop_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/interop"
)

var proxy = netip.MustParsePrefix("192.0.2.0/24") // of httptest.NewRequest

// certs knows the certificates "billing", which is limited to a scope, and "reports".
func certs(t *testing.T) *interop.ClientCerts {
	t.Helper()
	services := map[[sha256.Size]byte]*interop.Service{
		sha256.Sum256([]byte("billing")): {Name: "billing", Scopes: []string{"invoices:read"}},
		sha256.Sum256([]byte("reports")): {Name: "reports"},
		sha256.Sum256([]byte("nil")):     nil,
	}
	c, err := interop.NewClientCerts(func(_ context.Context, fingerprint [sha256.Size]byte) (*interop.Service, bool, error) {
		if fingerprint == sha256.Sum256([]byte("down")) {
			return nil, false, errors.New("the database is down")
		}
		s, found := services[fingerprint]
		return s, found, nil
	}, proxy)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func cert(name string) string { return ":" + base64.StdEncoding.EncodeToString([]byte(name)) + ":" }

// serveCert sends a request with Client-Cert fields through mw, and returns what was
// decided: one "package outcome reason" each.
func serveCert(mw guard.Middleware, remote string, fields ...string) (w *httptest.ResponseRecorder, reached bool, decided []string) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = remote
	r.Header["Client-Cert"] = fields
	w = httptest.NewRecorder()
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) {
		decided = append(decided, strings.TrimSpace(d.Package+" "+string(d.Outcome)+" "+d.Subject+" "+d.Reason))
	})
	guard.Chain(observe, mw)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })).ServeHTTP(w, r)
	return w, reached, decided
}

func TestClientCerts(t *testing.T) {
	const inside, outside = "192.0.2.1:1234", "203.0.113.9:1234"
	for _, tt := range []struct {
		name, remote string
		fields       []string
		status       int
		body         string
		decided      string
	}{
		{"a service", inside, []string{cert("billing")}, 200, "", "interop allowed billing"},
		{"none", inside, nil, 401, `{"error":"Unauthorized","message":"Client certificate required"}`, "interop refused  guard: no credentials"},
		{"unknown", inside, []string{cert("guess")}, 401, `{"error":"Unauthorized","message":"Invalid client certificate"}`,
			"interop refused  clientcert: unknown certificate"},
		{"malformed", inside, []string{"billing"}, 401, `{"error":"Unauthorized","message":"Invalid client certificate"}`,
			"interop refused  clientcert: malformed field"},
		{"empty", inside, []string{"::"}, 401, `{"error":"Unauthorized","message":"Invalid client certificate"}`, "interop refused  clientcert: malformed field"},
		{"two", inside, []string{cert("billing"), cert("reports")}, 400, `{"error":"Bad Request","message":"More than one certificate was sent"}`,
			"interop refused  invalid_request"},
		{"around the proxy", outside, []string{cert("billing")}, 401, `{"error":"Unauthorized","message":"Invalid client certificate"}`,
			"interop refused  clientcert: not from a trusted proxy"},
		{"an outage", inside, []string{cert("down")}, 500, `{"error":"Internal Server Error","message":"The request could not be processed"}`,
			"interop failed  the database is down"},
		{"a nil service", inside, []string{cert("nil")}, 500, `{"error":"Internal Server Error","message":"The request could not be processed"}`,
			"interop failed  guard: a lookup found a nil *interop.Service"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, reached, decided := serveCert(certs(t).Wrap, tt.remote, tt.fields...)
			if w.Code != tt.status || reached != (tt.status == 200) {
				t.Errorf("status %d, reached %t; want %d", w.Code, reached, tt.status)
			}
			if w.Body.String() != tt.body {
				t.Errorf("body %s, want %s", w.Body, tt.body)
			}
			if got := strings.Join(decided, "; "); got != tt.decided {
				t.Errorf("decided %q, want %q", got, tt.decided)
			}
			if got := w.Header().Get("Vary"); got != "Client-Cert" {
				t.Errorf("Vary %q", got)
			}
			if got := w.Header().Get("WWW-Authenticate"); (got == "ClientCert") != (tt.status == 401) {
				t.Errorf("challenge %q", got)
			}
			if got := w.Header().Get("Cache-Control"); (got == "no-store") != (tt.status >= 400) {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
}

// TestClientCertsBeside: the authenticator abstains for another one, and a bad
// certificate does not.
func TestClientCertsBeside(t *testing.T) {
	tokens := guard.Must(bearer.New(func(_ context.Context, token string) (*interop.Service, bool, error) {
		return &interop.Service{Name: token}, true, nil
	}, nil))
	either := guard.Require[*interop.Service](certs(t), tokens)
	serve := func(field string) (int, string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer reports")
		if field != "" {
			r.Header.Set("Client-Cert", field)
		}
		w := httptest.NewRecorder()
		either(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *interop.Service) { w.Write([]byte(s.Name)) })).ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, body := serve(""); code != 200 || body != "reports" {
		t.Errorf("a token alone: %d %s", code, body)
	}
	if code, body := serve(cert("billing")); code != 200 || body != "billing" {
		t.Errorf("both: %d %s", code, body)
	}
	if code, _ := serve(cert("guess")); code != 401 {
		t.Errorf("a bad certificate beside a token: %d, want 401", code)
	}
}

// TestClientCertsScopes: the scope limit of the credential holds.
func TestClientCertsScopes(t *testing.T) {
	for scope, want := range map[string]int{"invoices:read": 200, "invoices:write": 403} {
		w, reached, _ := serveCert(guard.Chain(certs(t).Wrap, bearer.Scopes(scope)), "192.0.2.1:1", cert("billing"))
		if w.Code != want || reached != (want == 200) {
			t.Errorf("%s: status %d, reached %t; want %d", scope, w.Code, reached, want)
		}
	}
}

func TestNewClientCertsReportsEveryMistake(t *testing.T) {
	c, err := interop.NewClientCerts(nil)
	if c != nil || err == nil || !strings.Contains(err.Error(), "lookup") || !strings.Contains(err.Error(), "proxy") {
		t.Errorf("%v, %v", c, err)
	}
}

func TestNotSuspended(t *testing.T) {
	notSuspended := interop.NotSuspended(func(_ context.Context, subject string) (bool, error) {
		if subject == "nil" {
			return false, context.DeadlineExceeded
		}
		return subject == "billing", nil
	})
	as := func(name string) guard.Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), &interop.Service{Name: name})))
			})
		}
	}
	for _, tt := range []struct {
		name    string
		step    guard.Middleware
		field   string
		status  int
		decided string
	}{
		{"allowed", certs(t).Wrap, cert("reports"), 200, "suspension allowed reports"},
		{"suspended", certs(t).Wrap, cert("billing"), 403, "suspension refused billing suspended"},
		{"anonymous", guard.Optional[*interop.Service](certs(t)), "", 401, "suspension refused  credentials_missing"},
		{"no subject", as(""), "", 403, "suspension refused  subject_missing"},
		{"an outage", as("nil"), "", 503, "suspension failed nil context deadline exceeded"},
		{"without a step", guard.Chain(), "", 500, "suspension failed  guard: wired wrongly: a guard or handler wants a credential that is guard.Subject, and no authentication step is in front of it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var fields []string
			if tt.field != "" {
				fields = []string{tt.field}
			}
			w, reached, decided := serveCert(guard.Chain(tt.step, notSuspended), "192.0.2.1:1", fields...)
			if w.Code != tt.status || reached != (tt.status == 200) {
				t.Errorf("status %d, reached %t; want %d", w.Code, reached, tt.status)
			}
			if got := decided[len(decided)-1]; got != tt.decided {
				t.Errorf("decided %q, want %q", got, tt.decided)
			}
		})
	}
}
