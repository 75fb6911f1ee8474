package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/oauth"
)

type transport struct{}

func (*transport) RoundTrip(*http.Request) (*http.Response, error) { return nil, errDown }

// New reports every mistake at once.
func TestMistakes(t *testing.T) {
	var store *once.Memory
	var none *transport
	_, err := oauth.New[[]string](oauth.Endpoints{Authorize: "http://idp.example/a", Token: "x"}, oauth.Client{}, "http://app.example/callback", &oauth.Options{
		Key: guard.Secret("short"), OldKeys: []guard.Secret{guard.Secret("old")}, Once: store, Scopes: []string{"a b"}, CookieName: "a b",
		FormPost: true, InsecureCookie: true, HTTPClient: &http.Client{Transport: none},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"claims of type []string", "ID is empty", "key 1 has 5 bytes", "key 2 has 3 bytes", "Once is a nil", `scope "a b"`, `CookieName "a b"`, "FormPost with InsecureCookie",
		"Transport is a nil", `callbackURL: "http://app.example/callback" is not https`, `Endpoints.Authorize: "http://idp.example/a" is not https`, "Endpoints.Token: not an absolute", `Endpoints.UserInfo: ""`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "short") {
		t.Error("the key is shown")
	}
}

func TestMoreMistakes(t *testing.T) {
	good := func() *oauth.Options { return &oauth.Options{Key: sealKey} }
	client := oauth.Client{ID: clientID}
	for _, tt := range []struct {
		want     string
		from     oauth.Provider
		callback string
		opts     *oauth.Options
	}{
		{"the Provider is nil", nil, callback, good()},
		{"key 1 has 0 bytes", oauth.Discover(issuer), callback, nil},
		{"key 1 has 0 bytes", oauth.Discover(issuer), callback, &oauth.Options{OldKeys: []guard.Secret{sealKey}}},
		{"key 1 has zeros only", oauth.Discover(issuer), callback, &oauth.Options{Key: make(guard.Secret, 32)}},
		{"key 2 has zeros only", oauth.Discover(issuer), callback, &oauth.Options{Key: sealKey, OldKeys: []guard.Secret{make(guard.Secret, 32)}}},
		{"is not https", oauth.Discover("http://idp.example"), callback, good()},
		{"has a query", oauth.Discover(issuer + "?a=b"), callback, good()},
		{"not an absolute", oauth.Discover("idp.example"), callback, good()},
		{`"" is not an absolute`, oauth.Discover(""), callback, good()},
		{"is not https", oauth.Discover(issuer), "http://app.example/callback", good()},
		{"is not https", oauth.Discover(issuer), "http://localhost.example/callback", good()},
		{"use https", oauth.Discover(issuer), "http://app.example/callback", &oauth.Options{Key: sealKey, InsecureHTTP: true}},
		{"is not https", oauth.Discover(issuer), "http://app.example/callback", &oauth.Options{Key: sealKey, InsecureCookie: true}},
		{"has a fragment", oauth.Discover(issuer), callback + "#x", good()},
		{`"" is not an absolute`, oauth.Discover(issuer), "", good()},
		{"the prefix is added", oauth.Discover(issuer), callback, &oauth.Options{Key: sealKey, CookieName: "__Host-oauth"}},
		{"at most 64 bytes", oauth.Discover(issuer), callback, &oauth.Options{Key: sealKey, CookieName: strings.Repeat("a", 65)}},
	} {
		l, err := oauth.New[claims](tt.from, client, tt.callback, tt.opts)
		if err == nil || !strings.Contains(err.Error(), tt.want) || l != nil {
			t.Errorf("%s: %v", tt.want, err)
		}
	}
	for _, tt := range []struct {
		from     oauth.Provider
		callback string
		opts     oauth.Options
	}{
		{oauth.Discover("http://localhost:1"), "http://localhost:2/callback", oauth.Options{InsecureCookie: true}},
		{oauth.Discover("http://idp.test"), "http://app.test/callback", oauth.Options{InsecureCookie: true, InsecureHTTP: true}},
		{oauth.Discover(issuer + "/realms/one"), callback + "?a=b", oauth.Options{}},
	} {
		tt.opts.Key = sealKey
		if _, err := oauth.New[map[string]any](tt.from, client, tt.callback, &tt.opts); err != nil {
			t.Error(err)
		}
	}
}

// TestCallbackOnThisHost: browsers return Secure cookies to http on localhost, also with a
// prefix, and so none is given up for it.
func TestCallbackOnThisHost(t *testing.T) {
	for _, host := range []string{"localhost", "localhost:8080", "127.0.0.1:8080", "127.0.0.7", "[::1]:8080"} {
		l, err := oauth.New[claims](oauth.Discover(issuer), oauth.Client{ID: clientID}, "http://"+host+"/callback",
			&oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: newProvider()}})
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		w := httptest.NewRecorder()
		l.Begin().ServeHTTP(w, httptest.NewRequest("GET", "http://"+host+"/login", nil))
		if c := w.Header().Get("Set-Cookie"); w.Code != 303 || !strings.HasPrefix(c, "__Host-oauth-") || !strings.Contains(c, "; Secure") {
			t.Errorf("%s: %d %q", host, w.Code, c)
		}
	}
}

// New copies its options.
func TestOptionsAreCopied(t *testing.T) {
	p := newProvider()
	scopes, key := []string{"openid"}, []byte(strings.Repeat("k", 32))
	opts := oauth.Options{Key: key, Scopes: scopes, HTTPClient: &http.Client{Transport: p}}
	l := guard.Must(oauth.New[claims](oauth.Discover(issuer), oauth.Client{ID: clientID}, callback, &opts))
	a := newApp(t, p, oauth.Options{})
	a.handler = l.Begin()
	scopes[0], opts.HTTPClient.Transport = "admin", &transport{}
	if location := a.begin(""); !strings.Contains(location, "scope=openid&") {
		t.Error(location)
	}
}

func TestCompleteOfNil(t *testing.T) {
	l := newApp(t, newProvider(), oauth.Options{}).login
	defer func() {
		if p := recover(); p == nil {
			t.Error("no panic")
		}
	}()
	l.Complete(nil)
}
