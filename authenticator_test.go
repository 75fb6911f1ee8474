package guard_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
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
	for name, mw := range map[string]guard.Middleware{
		"plain": guard.Require(stripping{bearer()}), "mapped": guard.BySubject(stripping{bearer()}, users).Wrap, "mapped, without": guard.BySubject(bearer(), users).Wrap,
	} {
		r := httptest.NewRequest("GET", "/a?key=secret", nil)
		r.Header.Set("Authorization", "ok:1")
		mw(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
			if stripped := in.URL.RawQuery == ""; stripped != (name != "mapped, without") {
				t.Errorf("%s: the handler got %s", name, in.URL)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		if r.URL.RawQuery == "" {
			t.Errorf("%s: the outer request was changed", name)
		}
	}
}
