package keyset_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/keyset"
	"github.com/go-guard/guard/internal/testing/idp"
)

const (
	openid = "/.well-known/openid-configuration"
	oauth  = "/.well-known/oauth-authorization-server"
)

func metadata(issuer, jwksURL string) string {
	return `{"issuer":"` + issuer + `","jwks_uri":"` + jwksURL + `"}`
}

func TestDiscover(t *testing.T) {
	for _, tt := range []struct {
		name    string
		issuer  string
		answers map[string]string
		want    string
		paths   string
	}{
		{"OpenID Connect", idp.Issuer, map[string]string{openid: metadata(idp.Issuer, idp.JWKSURL)}, valid, openid + " /jwks"},
		{"OAuth", idp.Issuer, map[string]string{oauth: metadata(idp.Issuer, idp.JWKSURL)}, valid, openid + " " + oauth + " /jwks"},
		{"slash at the end", idp.Issuer + "/", map[string]string{openid: metadata(idp.Issuer+"/", idp.JWKSURL)}, valid, openid + " /jwks"},
		{"path", idp.Issuer + "/a/b", map[string]string{"/a/b" + openid: metadata(idp.Issuer+"/a/b", idp.JWKSURL)}, valid, "/a/b" + openid + " /jwks"},
		{"path, OAuth", idp.Issuer + "/a", map[string]string{oauth + "/a": metadata(idp.Issuer+"/a", idp.JWKSURL)}, valid, "/a" + openid + " " + oauth + "/a /jwks"},
		{"path, by the name of OpenID Connect", idp.Issuer + "/a", map[string]string{openid + "/a": metadata(idp.Issuer+"/a", idp.JWKSURL)}, valid, "/a" + openid + " " + oauth + "/a " + openid + "/a /jwks"},
		{"path with an escape", idp.Issuer + "/t%2Fx", map[string]string{"/t%2Fx" + openid: metadata(idp.Issuer+"/t%2Fx", idp.JWKSURL)}, valid, "/t%2Fx" + openid + " /jwks"},
		{"path with an escape, OAuth", idp.Issuer + "/t%2Fx/", map[string]string{oauth + "/t%2Fx": metadata(idp.Issuer+"/t%2Fx/", idp.JWKSURL)}, valid, "/t%2Fx" + openid + " " + oauth + "/t%2Fx /jwks"},
		{"path that ends with an escape", idp.Issuer + "/t%2F", map[string]string{"/t%2F" + openid: metadata(idp.Issuer+"/t%2F", idp.JWKSURL)}, valid, "/t%2F" + openid + " /jwks"},
		{"of another issuer", idp.Issuer, map[string]string{openid: metadata("https://evil.example", idp.JWKSURL)}, unavailable, openid},
		{"of the issuer with a slash", idp.Issuer, map[string]string{openid: metadata(idp.Issuer+"/", idp.JWKSURL)}, unavailable, openid},
		{"without issuer", idp.Issuer, map[string]string{openid: `{"jwks_uri":"` + idp.JWKSURL + `"}`}, unavailable, openid},
		{"without keys", idp.Issuer, map[string]string{openid: `{"issuer":"` + idp.Issuer + `"}`}, unavailable, openid},
		{"keys over http", idp.Issuer, map[string]string{openid: metadata(idp.Issuer, "http://idp.example/jwks")}, unavailable, openid},
		{"keys on this host", idp.Issuer, map[string]string{openid: metadata(idp.Issuer, "http://127.0.0.1/jwks")}, unavailable, openid},
		{"keys in a file", idp.Issuer, map[string]string{openid: metadata(idp.Issuer, "file:///etc/passwd")}, unavailable, openid},
		{"not JSON", idp.Issuer, map[string]string{openid: `<html>`}, unavailable, openid},
		{"no metadata", idp.Issuer, nil, unavailable, openid + " " + oauth},
		{"no keys there", idp.Issuer, map[string]string{openid: metadata(idp.Issuer, idp.JWKSURL+"x")}, unavailable, openid + " /jwksx"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := newSigner("a")
			s := &idp.Server{Answers: map[string]string{"/jwks": jwks(key)}}
			for path, body := range tt.answers {
				s.Answers[path] = body
			}
			r := guard.Must(keyset.Discover(tt.issuer, &keyset.RemoteOptions{Client: s.Client()}))
			if got := verify(t, r, key.sign()); got != tt.want {
				t.Errorf("%s; want %s", got, tt.want)
			}
			if paths := strings.Join(s.Paths(), " "); paths != tt.paths {
				t.Errorf("fetched %s; want %s", paths, tt.paths)
			}
		})
	}
}

// Servers and their proxies answer a well-known path that they do not serve with any
// 4xx status. Other failures are those of the server: OAuth's metadata is not tried.
func TestDiscoverStatus(t *testing.T) {
	for _, tt := range []struct {
		status int
		want   string
	}{
		{400, valid}, {401, valid}, {403, valid}, {404, valid}, {405, valid}, {410, valid}, {429, valid}, {451, valid},
		{204, unavailable}, {302, unavailable}, {500, unavailable}, {503, unavailable},
	} {
		key := newSigner("a")
		s := &idp.Server{Missing: tt.status, Answers: map[string]string{oauth: metadata(idp.Issuer, idp.JWKSURL), "/jwks": jwks(key)}}
		r := guard.Must(keyset.Discover(idp.Issuer, &keyset.RemoteOptions{Client: s.Client()}))
		if got := verify(t, r, key.sign()); got != tt.want {
			t.Errorf("%d: %s; want %s", tt.status, got, tt.want)
		}
	}
	s := &idp.Server{Missing: 403}
	_, err := guard.Must(keyset.Discover(idp.Issuer, &keyset.RemoteOptions{Client: s.Client()})).Load(t.Context())
	for _, path := range []string{openid, oauth} {
		if err == nil || !strings.Contains(err.Error(), idp.Issuer+path+": status 403") {
			t.Errorf("no metadata: error %v", err)
		}
	}
}

func TestDiscoverMovedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newSigner("a")
		s := &idp.Server{Answers: map[string]string{openid: metadata(idp.Issuer, idp.JWKSURL), "/jwks": jwks(key)}}
		r := guard.Must(keyset.Discover(idp.Issuer, &keyset.RemoteOptions{Client: s.Client()}))
		for range 120 {
			if got := verify(t, r, key.sign()); got != valid {
				t.Fatal(got)
			}
			time.Sleep(time.Minute)
		}
		if n := len(slices.DeleteFunc(s.Paths(), func(p string) bool { return p != openid })); n < 2 || n > 3 {
			t.Errorf("%d times the metadata in two hours", n)
		}
		s.Set(func() {
			s.Answers = map[string]string{openid: metadata(idp.Issuer, idp.JWKSURL+"2"), "/jwks2": jwks(key)}
		})
		for range 120 {
			if got := verify(t, r, key.sign()); got != valid {
				t.Fatalf("moved: %s", got)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestMetadata(t *testing.T) {
	doc := metadata(idp.Issuer, idp.JWKSURL)
	s := &idp.Server{Answers: map[string]string{openid: doc, "/jwks": jwks()}}
	r := guard.Must(keyset.Discover(idp.Issuer, &keyset.RemoteOptions{Client: s.Client()}))
	for range 2 { // the caller may change the result
		b, err := r.Metadata(t.Context())
		if err != nil || string(b) != doc {
			t.Errorf("%q, %v", b, err)
		}
		clear(b)
	}
	if n := s.Count(); n != 2 {
		t.Errorf("%d fetches", n)
	}
	if b, err := remote(t, s).Metadata(t.Context()); b != nil || err != nil {
		t.Errorf("without discovery: %q, %v", b, err)
	}
	if b, err := remote(t, &idp.Server{Down: errDown}).Metadata(t.Context()); err == nil {
		t.Errorf("down: %q", b)
	}
}
