package oauth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/signin/oauth"
)

// sites are the hosts of a public provider in memory: the answers by host and path.
// Any other request fails the test.
type sites struct {
	t       *testing.T
	answers map[string]func(r *http.Request, form url.Values) (status int, body string)

	mu   sync.Mutex
	seen []string
}

// fixed answers each request with 200 and the body.
func fixed(body string) func(*http.Request, url.Values) (int, string) { return status(200, body) }

func status(code int, body string) func(*http.Request, url.Values) (int, string) {
	return func(*http.Request, url.Values) (int, string) { return code, body }
}

// RoundTrip implements http.RoundTripper.
func (s *sites) RoundTrip(r *http.Request) (*http.Response, error) {
	at := r.URL.Host + r.URL.Path
	s.mu.Lock()
	s.seen = append(s.seen, at)
	s.mu.Unlock()
	answer := s.answers[at]
	if answer == nil || r.URL.Scheme != "https" {
		s.t.Errorf("a request to %s://%s", r.URL.Scheme, at)
		return down()
	}
	var form url.Values
	if r.Body != nil {
		form, _ = url.ParseQuery(string(guard.Must(io.ReadAll(r.Body))))
	}
	code, body := answer(r, form)
	if code == 0 {
		return down()
	}
	return respond(code, body)()
}

// signInAt is a whole sign-in at a public provider, whose answer has these parameters
// beside code and state.
func (a *app) signInAt(more url.Values) *httptest.ResponseRecorder {
	a.t.Helper()
	v := url.Values{"code": {"the-code"}, "state": {guard.Must(url.Parse(a.begin("?next=/x"))).Query().Get("state")}}
	for name, values := range more {
		v[name] = values
	}
	return a.complete(v)
}

var registered = oauth.Client{ID: clientID, Secret: guard.Secret(secret)}
