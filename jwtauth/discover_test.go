package jwtauth_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/jwtauth"
)

func TestDiscover(t *testing.T) {
	const openid, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	doc := func(issuer, keys string) string { return `{"issuer":"` + issuer + `","jwks_uri":"` + keys + `"}` }
	for _, tt := range []struct {
		name    string
		issuer  string
		answers map[string]string
		status  int
		asked   string
	}{
		{"OpenID Connect", idpIssuer, map[string]string{openid: doc(idpIssuer, idpKeys)}, 200, openid + " /jwks"},
		{"OAuth", idpIssuer, map[string]string{oauth: doc(idpIssuer, idpKeys)}, 200, openid + " " + oauth + " /jwks"},
		{"slash behind", idpIssuer + "/", map[string]string{openid: doc(idpIssuer+"/", idpKeys)}, 200, openid + " /jwks"},
		{"path", idpIssuer + "/a/b", map[string]string{"/a/b" + openid: doc(idpIssuer+"/a/b", idpKeys)}, 200, "/a/b" + openid + " /jwks"},
		{"path, OAuth", idpIssuer + "/a", map[string]string{oauth + "/a": doc(idpIssuer+"/a", idpKeys)}, 200, "/a" + openid + " " + oauth + "/a /jwks"},
		{"of another issuer", idpIssuer, map[string]string{openid: doc("https://evil.example", idpKeys)}, 503, openid},
		{"of the issuer with a slash", idpIssuer, map[string]string{openid: doc(idpIssuer+"/", idpKeys)}, 503, openid},
		{"without issuer", idpIssuer, map[string]string{openid: `{"jwks_uri":"` + idpKeys + `"}`}, 503, openid},
		{"without keys", idpIssuer, map[string]string{openid: `{"issuer":"` + idpIssuer + `"}`}, 503, openid},
		{"keys over http", idpIssuer, map[string]string{openid: doc(idpIssuer, "http://idp.example/jwks")}, 503, openid},
		{"keys on this host", idpIssuer, map[string]string{openid: doc(idpIssuer, "http://127.0.0.1/jwks")}, 503, openid},
		{"keys in a file", idpIssuer, map[string]string{openid: doc(idpIssuer, "file:///etc/passwd")}, 503, openid},
		{"not JSON", idpIssuer, map[string]string{openid: `<html>`}, 503, openid},
		{"nowhere", idpIssuer, nil, 503, openid + " " + oauth},
		{"keys nowhere", idpIssuer, map[string]string{openid: doc(idpIssuer, idpKeys+"x")}, 503, openid + " /jwksx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.ECDSA("ES256", ecKey()), &jwtauth.Options{Issuer: tt.issuer, Audience: []string{"api"}}))
			s := &idp{answers: map[string]string{"/jwks": jwksOf(i)}}
			for path, body := range tt.answers {
				s.answers[path] = body
			}
			keys := jwtauth.Discover(tt.issuer, &jwtauth.RemoteOptions{Client: &http.Client{Transport: s}})
			v := guard.Must(jwtauth.NewVerifier[profile](keys, &jwtauth.Options{Audience: []string{"api"}}))
			g := sendToken(t, v, tokenOf(t, i))
			if g.status != tt.status {
				t.Errorf("status %d: %s", g.status, g.reason)
			}
			if g.status == 200 && g.token.Issuer != tt.issuer {
				t.Errorf("issuer %q", g.token.Issuer)
			}
			if asked := strings.Join(s.last, " "); asked != tt.asked {
				t.Errorf("asked %s; want %s", asked, tt.asked)
			}
		})
	}
}

func TestDiscoverMovedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const openid = "/.well-known/openid-configuration"
		i := idpIssuing("a")
		s := &idp{answers: map[string]string{
			openid: `{"issuer":"` + idpIssuer + `","jwks_uri":"` + idpKeys + `"}`, "/jwks": jwksOf(i),
		}}
		keys := jwtauth.Discover(idpIssuer, &jwtauth.RemoteOptions{Client: &http.Client{Transport: s}})
		v := guard.Must(jwtauth.NewVerifier[profile](keys, &jwtauth.Options{Issuer: idpIssuer, Audience: []string{"api"}}))
		token := tokenOf(t, i)
		for range 120 {
			if g := sendToken(t, v, token); g.status != 200 {
				t.Fatalf("status %d: %s", g.status, g.reason)
			}
			time.Sleep(time.Minute)
		}
		if n := len(slices.DeleteFunc(slices.Clone(s.last), func(p string) bool { return p != openid })); n < 2 || n > 3 {
			t.Errorf("%d times the metadata in two hours", n)
		}
		s.set(func() {
			s.answers = map[string]string{
				openid: `{"issuer":"` + idpIssuer + `","jwks_uri":"` + idpKeys + `2"}`, "/jwks2": jwksOf(i),
			}
		})
		for range 120 {
			if g := sendToken(t, v, token); g.status != 200 {
				t.Fatalf("moved: status %d: %s", g.status, g.reason)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestRemoteMistakes(t *testing.T) {
	remote := func(url string, edit ...func(*jwtauth.RemoteOptions)) jwtauth.KeySource {
		var o jwtauth.RemoteOptions
		for _, f := range edit {
			f(&o)
		}
		return jwtauth.RemoteKeys(url, &o)
	}
	insecure := func(o *jwtauth.RemoteOptions) { o.InsecureHTTP = true }
	full := &jwtauth.Options{Issuer: idpIssuer, Audience: []string{"api"}}
	for _, tt := range []struct {
		name string
		keys jwtauth.KeySource
		opts *jwtauth.Options
		want string // "" for none
	}{
		{"https", remote(idpKeys), full, ""},
		{"loopback", remote("http://127.0.0.1:1/jwks"), full, ""},
		{"loopback by name", remote("http://localhost/jwks"), full, ""},
		{"loopback, IPv6", remote("http://[::1]:1/jwks"), full, ""},
		{"http where that is allowed", remote("http://idp.example/jwks", insecure), full, ""},
		{"http", remote("http://idp.example/jwks"), full, `"http://idp.example/jwks" is not https`},
		{"a host named like this one", remote("http://127.0.0.1.example/"), full, "is not https"},
		{"another scheme", remote("ftp://idp.example/jwks", insecure), full, "is not https"},
		{"no URL", remote("idp.example"), full, "not an absolute https URL"},
		{"with a fragment", remote(idpKeys + "#f"), full, "fragment"},
		{"with a password, and broken", remote("https://u:p%zz@idp.example/"), full, "not an absolute https URL"},
		{"with a password, and no scheme", remote("u:p@idp.example/"), full, "not an absolute https URL"},
		{"with a password, and one slash", remote("https:/u:p@idp.example/"), full, "not an absolute https URL"},
		{"Discover with a broken password", jwtauth.Discover("https://u:p%zz@idp.example/", nil), full, "not an absolute https URL"},
		{"empty", remote(""), full, "not an absolute https URL"},
		{"with a password", remote("https://u:p@idp.example/"), full, "holds credentials"},
		{"without Issuer", remote(idpKeys), &jwtauth.Options{Audience: []string{"api"}}, "RemoteKeys without Issuer"},
		{"without Audience", remote(idpKeys), &jwtauth.Options{Issuer: idpIssuer}, "without Audience"},
		{"any audience", remote(idpKeys), &jwtauth.Options{Issuer: idpIssuer, InsecureAnyAudience: true}, ""},
		{"any audience and one", remote(idpKeys), &jwtauth.Options{Issuer: idpIssuer, Audience: []string{"api"}, InsecureAnyAudience: true}, "contradicts"},
		{"Discover", jwtauth.Discover(idpIssuer, nil), &jwtauth.Options{Audience: []string{"api"}}, ""},
		{"Discover without Audience", jwtauth.Discover(idpIssuer, nil), nil, "without Audience"},
		{"Discover of another", jwtauth.Discover(idpIssuer, nil), &jwtauth.Options{Issuer: idpIssuer + "/", Audience: []string{"api"}}, "is not the discovered"},
		{"Discover with a query", jwtauth.Discover(idpIssuer+"?x", nil), full, "query"},
		{"Discover over http", jwtauth.Discover("http://idp.example", nil), full, "is not https"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := jwtauth.NewVerifier[profile](tt.keys, tt.opts)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v; want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "u:p") {
				t.Errorf("error %v quotes a password", err)
			}
		})
	}
}
