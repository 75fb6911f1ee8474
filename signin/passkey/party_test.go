package passkey_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/signin/passkey"
)

// TestMistakes: New reports every mistake at once.
func TestMistakes(t *testing.T) {
	store := guard.Must(passkey.NewMemory(nil))
	all := passkey.Options{Name: "a\nb", MaxPerAccount: 51, CookieName: "__Host-a b", Once: (*once.Memory)(nil), OldKeys: []guard.Secret{[]byte("short"), make([]byte, 32)}}
	_, err := passkey.New("https://example.com", []string{"http://example.com", "example.com"}, nil, nil, &all)
	for _, want := range []string{
		`the ID "https://example.com" is no domain`, "the Store is nil", "key 1 has 0 bytes", "key 2 has 5 bytes", "key 3 has zeros only", `"http://example.com" is plain http, where`,
		`"example.com" is neither https`, `Name "a\nb"`, "MaxPerAccount is 51", "is not a token", "the prefix is added", "Once is a nil *once.Memory",
	} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	for _, c := range []struct {
		id, origin string
		o          passkey.Options
		want       string // "" is none
	}{
		{"example.com", "https://app.example.com", passkey.Options{}, ""}, {"example.com", "https://example.com:8443", passkey.Options{}, ""},
		{"localhost", "http://localhost:8080", passkey.Options{InsecureCookie: true}, ""}, {"localhost", "https://localhost", passkey.Options{}, ""},
		{"localhost", "http://localhost:8080", passkey.Options{}, ""}, {"example.com", "http://127.0.0.1:8080", passkey.Options{}, "is plain http"}, {"example.com", "ios:bundle-id:com.example", passkey.Options{}, ""},
		{"", origin, passkey.Options{}, "is no domain"}, {"127.0.0.1", origin, passkey.Options{}, "is no domain"}, {"::1", origin, passkey.Options{}, "is no domain"},
		{"example.com:443", origin, passkey.Options{}, "is no domain"}, {"Example.com", origin, passkey.Options{}, `write "example.com"`}, {"example.com.", origin, passkey.Options{}, "is no domain"},
		{".example.com", origin, passkey.Options{}, "is no domain"}, {"com", origin, passkey.Options{}, "one label"}, {"*.example.com", origin, passkey.Options{}, "is no domain"},
		{"example.com", "https://app.example.com/", passkey.Options{}, "https://app.example.com"}, {"example.com", "https://App.example.com", passkey.Options{}, "app.example.com"},
		{"example.com", "https://app.example.com:443", passkey.Options{}, "app.example.com"}, {"example.com", "https://*.example.com", passkey.Options{}, "wildcard"},
		{"example.com", "null", passkey.Options{}, "neither https"}, {"example.com", "file://", passkey.Options{}, "neither https"},
		{"example.com", origin, passkey.Options{MaxPerAccount: -1}, "MaxPerAccount"},
	} {
		_, err := passkey.New(c.id, []string{c.origin}, key, store, &c.o)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q at %q: %v, want %q", c.id, c.origin, err, c.want)
		}
	}
	if _, err := passkey.New(rpID, nil, key, store, nil); err == nil || !strings.Contains(err.Error(), "there is no origin") {
		t.Errorf("no origins: %v", err)
	}
	if _, err := passkey.New(rpID, origins, key, (*passkey.Memory)(nil), nil); err == nil || !strings.Contains(err.Error(), "the Store is nil") {
		t.Errorf("a nil *Memory: %v", err)
	}
}

// TestCrossSite: a browser's request from another site is 403, before it does anything.
func TestCrossSite(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	body := a.got()
	for name, f := range map[string]func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error){
		"RegisterOptions": func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error) {
			return nil, a.RegisterOptions(w, r, alice)
		},
		"LoginOptions": func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error) {
			return nil, a.LoginOptions(w, r)
		},
		"Register": func(w http.ResponseWriter, r *http.Request) (*passkey.Credential, error) {
			return a.Register(w, r, "1")
		},
		"Login": a.Login,
	} {
		for _, site := range []string{"cross-site", "same-site"} {
			r := a.request(body)
			r.Header.Set("Sec-Fetch-Site", site)
			r.Header.Set("Origin", "https://evil.example")
			out := a.serve(r, f)
			a.refused(out, 403, "cross_origin", "cross-site")
			if out.header.Get("Set-Cookie") != "" {
				t.Errorf("%s sets a cookie", name)
			}
		}
	}
	r := a.request(body)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if out := a.serve(r, a.Login); out.status != 200 {
		t.Errorf("from the site: %d", out.status)
	}
}

// TestCookies: a challenge's cookie is of one challenge and one browser.
func TestCookies(t *testing.T) {
	a := newApp(t, passkey.Options{})
	a.registered(alice)
	body := a.got()
	var name, value string
	for name, value = range a.browser {
	}
	with := func(header ...string) result {
		r := a.request(body)
		r.Header["Cookie"] = header
		return a.serve(r, a.Login)
	}
	a.refused(with(), 401, "passkey_invalid", "no cookie of this challenge")
	a.refused(with(name+"="+value, name+"="+value), 401, "passkey_invalid", "two cookies")
	a.refused(with(name+"="), 401, "passkey_invalid", "another relying party or key")
	a.refused(with(name+"="+value[:len(value)-1]), 401, "passkey_invalid", "another relying party or key")
	a.got()
	for other, sealed := range a.browser {
		if other != name {
			a.refused(with(name+"="+sealed), 401, "passkey_invalid", "another relying party or key")
		}
	}
	if out := with("a=b; "+strings.Repeat("__Host-passkey-x=1; ", 100), name+"="+value); out.status != 200 {
		t.Errorf("beside other cookies: %d %s", out.status, a.last().Reason)
	}
	b := newApp(t, passkey.Options{InsecureCookie: true, CookieName: "pk"})
	if line := b.loginOptions().header.Get("Set-Cookie"); !strings.HasPrefix(line, "pk-") || strings.Contains(line, "Secure") {
		t.Errorf("InsecureCookie: %q", line)
	}
}

// TestAccounts: an account that cannot be shown is a failure of the application.
func TestAccounts(t *testing.T) {
	a := newApp(t, passkey.Options{})
	for _, account := range []passkey.Account{{}, {Subject: "1"}, {Name: "a"}, {Subject: strings.Repeat("s", 256), Name: "a"}, {Subject: "1", Name: "a\nb"}, {Subject: "1", Name: "a", DisplayName: "\xff"}} {
		if out := a.registerOptions(account); out.status != 500 || a.last().Outcome != guard.Failed || len(a.browser) > 0 {
			t.Errorf("%+v: %d", account, out.status)
		}
	}
	if out := a.register("", "{}"); out.status != 500 {
		t.Errorf("Register without a subject: %d", out.status)
	}
}
