package guard_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

// withUnknown is a scheme with a refusal for a credential without a principal.
type withUnknown struct {
	scheme
	unknown error
}

func (g withUnknown) Scheme() guard.Scheme {
	s := g.scheme.Scheme()
	s.Unknown = g.unknown
	return s
}

// several is a scheme with a second one, which sets a field where it authenticated.
type several struct{ scheme }

func (h several) Scheme() guard.Scheme {
	s := h.scheme.Scheme()
	s.Alternatives = []string{`Other realm="x"`}
	s.Accepted = func(h http.Header) { h.Set("X-Next", "1") }
	return s
}

// TestAlternativesAndAccepted: a 401 has the challenge of each scheme, and a response the
// fields of the authenticator that accepted the request, before the handler runs.
func TestAlternativesAndAccepted(t *testing.T) {
	for name, mw := range map[string]guard.Middleware{
		"plain": guard.Require(several{bearer()}), "mapped": guard.BySubject(several{bearer()}, users).Wrap, "optional": guard.Optional(several{bearer()}),
	} {
		w, reached := serve(t, mw, func(w http.ResponseWriter, _ *http.Request) {
			if w.Header().Get("X-Next") != "1" {
				t.Errorf("%s: the handler got the fields %v", name, w.Header())
			}
		}, "Authorization", "ok:1")
		if w.Code != 200 || !reached || w.Header().Get("X-Next") != "1" {
			t.Errorf("%s: %d, %v", name, w.Code, w.Header())
		}
		w, reached = serve(t, mw, nil)
		if w.Header().Get("X-Next") != "" || reached != (name == "optional") {
			t.Errorf("%s, anonymous: %d, %v", name, w.Code, w.Header())
		}
		if got := w.Header()["Www-Authenticate"]; name != "optional" && (len(got) != 2 || got[1] != `Other realm="x"`) {
			t.Errorf("%s: the challenges %q", name, got)
		}
	}
}

// stripping removes its credential from the URL.
type stripping struct{ scheme }

func (h stripping) Scheme() guard.Scheme {
	s := h.scheme.Scheme()
	s.Strip = func(r *http.Request) {
		u := *r.URL
		u.RawQuery = ""
		r.URL, r.RequestURI = &u, u.Path
	}
	return s
}

// TestScheme: Unknown refuses a credential without a principal, and Strip removes
// it from the URL of the request that goes on.
func TestScheme(t *testing.T) {
	w, _ := serve(t, guard.BySubject(withUnknown{bearer(), guard.Unauthorized("Invalid token")}, users).Wrap, nil, "Authorization", "ok:gone")
	if w.Code != 401 || !strings.Contains(w.Body.String(), `"Invalid token"`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	// An Unknown that is no refusal is a mistake of ours.
	w, reached := serve(t, guard.BySubject(withUnknown{bearer(), errors.New("secret text")}, users).Wrap, nil, "Authorization", "ok:gone")
	if w.Code != 500 || reached || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("status %d, reached %t: %s", w.Code, reached, w.Body)
	}
	for name, mw := range map[string]guard.Middleware{
		"plain": guard.Require(stripping{bearer()}), "mapped": guard.BySubject(stripping{bearer()}, users).Wrap, "mapped, without": guard.BySubject(bearer(), users).Wrap,
	} {
		r, w := httptest.NewRequest("GET", "/a?key=secret", nil), httptest.NewRecorder()
		r.Header.Set("Authorization", "ok:1")
		mw(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
			if stripped := in.URL.RawQuery == ""; stripped != (name != "mapped, without") {
				t.Errorf("%s: the handler got %s", name, in.URL)
			}
		})).ServeHTTP(w, r)
		if r.URL.RawQuery == "" {
			t.Errorf("%s: the outer request was changed", name)
		}
		if private := w.Header().Get("Cache-Control") == "private"; private != (name != "mapped, without") { // RFC 6750, section 2.3
			t.Errorf("%s: Cache-Control %q", name, w.Header().Get("Cache-Control"))
		}
	}
}

// TestRefusedURL: an ErrorHandler, which may write the URL into a page or a redirect,
// gets it without the credential in it. The outer handlers' request is unchanged.
func TestRefusedURL(t *testing.T) {
	r := httptest.NewRequest("GET", "/a?key=secret", nil)
	r.Header.Set("Authorization", "bad")
	var uri, query string
	page := func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
		uri, query = r.RequestURI, r.URL.RawQuery
		w.WriteHeader(e.Status)
	}
	w, reached := harness.Serve(t, guard.Chain(guard.OnError(page), guard.Require(stripping{bearer()})), nil, r)
	if w.Code != 401 || reached || uri != "/a" || query != "" || r.URL.RawQuery != "key=secret" {
		t.Errorf("%d, the page is for %q and %q, outside it is %s", w.Code, uri, query, r.URL)
	}
}

// TestMissing: the 401 to a request without a credential has the message of the
// first authenticator.
func TestMissing(t *testing.T) {
	named := func(missing string) guard.Authenticator[*token] { return withMissing{bearer(), missing} }
	for _, tt := range []struct {
		name string
		mw   guard.Middleware
		want string
	}{
		{"none", guard.Require(named("")), "Authentication required"},
		{"the first", guard.Require(named("First required"), named("Second required")), "First required"},
		{"none of the first", guard.Require(named(""), named("Second required")), "Authentication required"},
		{"mapped", guard.BySubject(named("Token required"), users).Wrap, "Token required"},
	} {
		w, reached := serve(t, tt.mw, nil)
		if w.Code != 401 || reached || !strings.Contains(w.Body.String(), `"`+tt.want+`"`) {
			t.Errorf("%s: status %d, reached %t: %s", tt.name, w.Code, reached, w.Body)
		}
		if w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no challenge", tt.name)
		}
	}
}

// withMissing is a scheme with a message for requests without a credential.
type withMissing struct {
	scheme
	missing string
}

func (m withMissing) Scheme() guard.Scheme {
	s := m.scheme.Scheme()
	s.Missing = m.missing
	return s
}
