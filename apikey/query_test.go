package apikey_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	"github.com/go-guard/guard/source"
)

// The key is removed from the URL that inner handlers see, and from no other.
func TestQueryIsStripped(t *testing.T) {
	keys := guard.Must(apikey.New(byKey, &apikey.Options{Sources: []source.Source{source.InsecureQuery("key")}}))
	id := func(_ context.Context, u user) (user, bool, error) { return u, true, nil }
	steps := map[string]guard.Middleware{
		"alone": keys.Wrap, "optional": guard.Optional(keys), "lenient": guard.Lenient(keys), "mapped": guard.Map(keys, id).Wrap,
	}
	for name, step := range steps {
		for target, want := range map[string]string{
			"/p?key=key_12345":                     "/p",
			"/p?a=1&key=key_12345&b=%20&c;d":       "/p?a=1&b=%20&c;d",
			"/p?%6bey=key_12345&keys=1":            "/p?keys=1",
			"http://example.com/p?x&key=key_12345": "http://example.com/p?x",
		} {
			r := httptest.NewRequest("GET", target, nil)
			if err := r.ParseForm(); err != nil && !strings.Contains(target, ";") {
				t.Fatal(err)
			}
			w, inner := serve(t, step, r)
			if w.Code != 200 || inner == nil {
				t.Fatalf("%s: %s: %d %s", name, target, w.Code, w.Body)
			}
			if inner.RequestURI != want || strings.Contains(inner.URL.String(), "key_12345") || inner.Form.Has("key") || inner.FormValue("key") != "" {
				t.Errorf("%s: %s: inner handlers see %q, %v and %v", name, target, inner.RequestURI, inner.URL, inner.Form)
			}
			if !strings.Contains(r.URL.RawQuery, "key_12345") || r.RequestURI != target {
				t.Errorf("%s: %s: the outer request was changed", name, target)
			}
		}
	}
	w, inner := serve(t, guard.Optional(keys), httptest.NewRequest("GET", "/p?a=1", nil))
	if w.Code != 200 || inner.URL.RawQuery != "a=1" {
		t.Error("a query without a key was changed")
	}
}
