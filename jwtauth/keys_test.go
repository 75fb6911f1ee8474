package jwtauth_test

import (
	"context"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/format"
	"github.com/go-guard/guard/internal/testing/idp"
	"github.com/go-guard/guard/jwtauth"
)

func jwksOf(i *jwtauth.Issuer[profile]) string {
	w := httptest.NewRecorder()
	i.JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.String()
}

// idpIssuing returns the issuer of the server, with a key of that ID.
func idpIssuing(id string) *jwtauth.Issuer[profile] {
	return guard.Must(jwtauth.NewIssuer[profile](jwtauth.ECDSA("ES256", ecKey()).WithID(id), &jwtauth.IssuerOptions{
		Issuer: idp.Issuer, Audience: []string{"api"}, Lifetime: 300 * 24 * time.Hour,
	}))
}

func tokenOf(t testing.TB, i *jwtauth.Issuer[profile]) string {
	t.Helper()
	tokens, err := i.Issue("1", profile{Role: "user"})
	if err != nil {
		t.Fatal(err)
	}
	return tokens.AccessToken
}

func remoteVerifier(t testing.TB, s *idp.Server, edit ...func(*jwtauth.RemoteOptions, *jwtauth.VerifierOptions)) *jwtauth.Verifier[profile] {
	t.Helper()
	ro := &jwtauth.RemoteOptions{Client: s.Client()}
	o := &jwtauth.VerifierOptions{Issuer: idp.Issuer, Audience: []string{"api"}}
	for _, f := range edit {
		f(ro, o)
	}
	v, err := jwtauth.NewVerifier[profile](jwtauth.RemoteKeys(idp.JWKSURL, ro), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The fetches themselves are tested in internal/keyset.
func TestRemoteKeysUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, i := &idp.Server{Down: errors.New("no route to host")}, idpIssuing("a")
		s.Serve(jwksOf(i))
		reported := make(chan string, 1)
		v := remoteVerifier(t, s, func(r *jwtauth.RemoteOptions, _ *jwtauth.VerifierOptions) {
			r.OnError = func(err error) { reported <- err.Error() }
		})
		token := tokenOf(t, i)
		const want = "jwtauth: the keys of " + idp.JWKSURL + " cannot be fetched: "
		g := sendToken(t, v, token)
		if g.status != http.StatusServiceUnavailable || g.challenge != "" || strings.Contains(g.message, "host") {
			t.Errorf("status %d, challenge %q, message %q", g.status, g.challenge, g.message)
		}
		if !strings.HasPrefix(g.reason, want) || !strings.Contains(g.reason, "no route to host") {
			t.Errorf("reason %q", g.reason)
		}
		if got := <-reported; !strings.HasPrefix(got, want) || !strings.Contains(got, "no route to host") {
			t.Errorf("OnError received %q", got)
		}
		s.Set(func() { s.Down = nil })
		time.Sleep(time.Minute)
		if g := sendToken(t, v, token); g.status != 200 {
			t.Errorf("up: %d %s", g.status, g.reason)
		}
	})
}

func TestRemoteRefusals(t *testing.T) {
	a, other := idpIssuing("a"), jwtauth.ECDSA("ES256", ecdsaOn(elliptic.P256()))
	one := strings.Replace(jwksOf(a), `"kid":"a",`, "", 1)
	one = strings.TrimSuffix(strings.TrimPrefix(one, `{"keys":[`), `]}`)
	five := `{"keys":[` + strings.Join([]string{one, one, one, one, one}, ",") + `]}`
	stranger := guard.Must(jwtauth.NewIssuer[profile](other.WithID("a"), &jwtauth.IssuerOptions{Issuer: idp.Issuer, Audience: []string{"api"}}))
	for _, tt := range []struct{ name, jwks, token, want string }{
		{"an unknown kid", jwksOf(a), tokenOf(t, idpIssuing("b")), keyReason},
		{"an empty set", `{"keys":[]}`, tokenOf(t, a), keyReason},
		{"a bad signature", jwksOf(a), tokenOf(t, stranger), sigReason},
		{"another algorithm", jwksOf(a), forge(`{"alg":"ES384","kid":"a"}`, payload(), es256), algReason},
		{"a symmetric algorithm", jwksOf(a), forge(`{"alg":"HS256","kid":"z"}`, payload(), hs256(secret)), algReason},
		{"five keys without an ID", five, tokenOf(t, a), "jwtauth: the token names none of several keys"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &idp.Server{}
			s.Serve(tt.jwks)
			if g := sendToken(t, remoteVerifier(t, s), tt.token); g.status != 401 || g.reason != tt.want {
				t.Errorf("status %d: %s; want %s", g.status, g.reason, tt.want)
			}
		})
	}
}

func TestRemoteRemovedKeyLeavesTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp.Server{Header: http.Header{"Cache-Control": {"max-age=60"}}}
		old, next := idpIssuing("old"), idpIssuing("next")
		s.Serve(jwksOf(old))
		v := remoteVerifier(t, s, func(_ *jwtauth.RemoteOptions, o *jwtauth.VerifierOptions) { o.CacheSize, o.CacheTTL = 10, time.Hour })
		token := tokenOf(t, old)
		first := sendToken(t, v, token)
		time.Sleep(50 * time.Second)
		if g := sendToken(t, v, token); g.token != first.token {
			t.Error("the refresh of an unchanged set emptied the cache")
		}
		s.Serve(jwksOf(next))
		time.Sleep(time.Minute)
		if g := sendToken(t, v, token); g.status != 401 {
			t.Errorf("a removed key: %d", g.status)
		}
	})
}

// Keys rotate while requests run: a token is good or refused, never a failure.
func TestRemoteInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &idp.Server{Header: http.Header{"Cache-Control": {"max-age=60"}}, Delay: 50 * time.Millisecond}
		a, b := idpIssuing("a"), idpIssuing("b")
		s.Serve(jwksOf(a))
		v := remoteVerifier(t, s, func(r *jwtauth.RemoteOptions, o *jwtauth.VerifierOptions) { r.Refetch, o.CacheSize = time.Second, 4 })
		tokens := []string{tokenOf(t, a), tokenOf(t, b)}
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				for range 300 {
					if g := sendToken(t, v, tokens[n%2]); g.status != 200 && g.reason != keyReason {
						t.Errorf("status %d: %s", g.status, g.reason)
					}
					time.Sleep(time.Duration(90+n) * time.Millisecond)
				}
			})
		}
		for n := range 10 {
			time.Sleep(3 * time.Second)
			s.Serve(jwksOf([]*jwtauth.Issuer[profile]{b, a}[n%2]))
		}
		wg.Wait()
		s.Serve(jwksOf(a))
		time.Sleep(time.Minute)
		if x, y := sendToken(t, v, tokens[0]).status, sendToken(t, v, tokens[1]).status; x != 200 || y != 401 {
			t.Errorf("in the end %d and %d", x, y)
		}
	})
}

// A key was replaced under its ID, or tokens have no kid: they were refused until the
// key set expired.
func TestRemoteReplacedKey(t *testing.T) {
	for name, header := range map[string]string{"same kid": `{"alg":"ES256","kid":"a"}`, "no kid": `{"alg":"ES256"}`} {
		synctest.Test(t, func(t *testing.T) {
			s := &idp.Server{Header: http.Header{"Cache-Control": {"max-age=86400"}}}
			next := newECKey()
			s.Serve(jwksOf(idpIssuing("a")))
			v := remoteVerifier(t, s)
			sendToken(t, v, tokenOf(t, idpIssuing("a")))
			s.Serve(jwksOf(guard.Must(jwtauth.NewIssuer[profile](jwtauth.ECDSA("ES256", next).WithID("a"), nil))))
			time.Sleep(10 * time.Second)
			token := forge(header, payload(`iss="`+idp.Issuer+`"`, "exp=9999999999", "iat=", "type="), es256By(next))
			if g := sendToken(t, v, token); g.status != 200 || s.Count() != 2 {
				t.Errorf("%s: status %d: %s, %d fetches", name, g.status, g.reason, s.Count())
			}
		})
	}
}

// LoadKeys: a new key needs no restart, and a text that is broken meanwhile does no
// harm.
func TestLoadKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := idpIssuing("a"), idpIssuing("b")
		var mu sync.Mutex
		text, loads := jwksOf(a), 0
		set := func(s string) { mu.Lock(); defer mu.Unlock(); text = s }
		load := func(context.Context) ([]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			loads++
			return []byte(text), nil
		}
		var reports []string
		onError := func(err error) { mu.Lock(); defer mu.Unlock(); reports = append(reports, err.Error()) }
		keys := jwtauth.LoadKeys(load, &jwtauth.RemoteOptions{OnError: onError})
		v := guard.Must(jwtauth.NewVerifier[profile](keys, &jwtauth.VerifierOptions{Issuer: idp.Issuer, Audience: []string{"api"}}))
		for _, step := range []struct {
			text       string
			a, b, load int
		}{
			{jwksOf(a), 200, 401, 1},
			{jwksOf(b), 401, 200, 2},
			{"half a file", 503, 200, 3},
			{strings.Replace(jwksOf(a), `"sig"`, `"enc"`, 1), 401, 200, 4}, // b is accepted, then no key is
		} {
			set(step.text)
			b, a := sendToken(t, v, tokenOf(t, b)), sendToken(t, v, tokenOf(t, a))
			if a.status != step.a || b.status != step.b || loads != step.load {
				t.Errorf("%s: %d %s, %d %s, %d loads; want %+v", step.text, a.status, a.reason, b.status, b.reason, loads, step)
			}
			time.Sleep(10 * time.Second)
		}
		synctest.Wait()
		if len(reports) != 2 || !strings.HasPrefix(reports[0], "jwtauth: the loaded keys cannot be fetched: ") ||
			reports[1] != `jwtauth: of the loaded keys, key 1 (kid "a") is not used: use is "enc", not "sig"` {
			t.Errorf("OnError received %q", reports)
		}
	})
}

func TestLiteralJWKS(t *testing.T) {
	i := idpIssuing("a")
	text := []byte(jwksOf(i))
	keys := jwtauth.JWKS(text)
	clear(text)
	v := guard.Must(jwtauth.NewVerifier[profile](keys, &jwtauth.VerifierOptions{Issuer: idp.Issuer, Audience: []string{"api"}}))
	for _, tt := range []struct {
		name, token string
		status      int
	}{
		{"its key", tokenOf(t, i), 200},
		{"another key", tokenOf(t, idpIssuing("b")), 401},
		{"a bad signature", forge(`{"alg":"ES256","kid":"a"}`, payload(), es256By(newECKey())), 401},
		{"a secret", forge(`{"alg":"HS256","kid":"a"}`, payload(), hs256(secret)), 401},
	} {
		if g := sendToken(t, v, tt.token); g.status != tt.status {
			t.Errorf("%s: status %d: %s", tt.name, g.status, g.reason)
		}
	}
}

func TestRemoteOverTCP(t *testing.T) {
	i := idpIssuing("a")
	mux := http.NewServeMux()
	mux.Handle("GET /jwks", i.JWKS())
	server := httptest.NewServer(mux)
	defer server.Close()
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.RemoteKeys(server.URL+"/jwks", nil),
		&jwtauth.VerifierOptions{Issuer: idp.Issuer, Audience: []string{"api"}}))
	if g := sendToken(t, v, tokenOf(t, i)); g.status != 200 {
		t.Errorf("status %d: %s", g.status, g.reason)
	}
}

func TestRemoteAlgorithms(t *testing.T) {
	for _, key := range []jwtauth.Key{
		jwtauth.RSA("RS256", rsaKey()), jwtauth.RSA("RS512", rsaKey()), jwtauth.RSA("PS384", rsaKey()),
		jwtauth.ECDSA("ES256", ecKey()), jwtauth.Ed25519("EdDSA", edKey()), jwtauth.Ed25519("Ed25519", edKey()),
	} {
		i := guard.Must(jwtauth.NewIssuer[profile](key, &jwtauth.IssuerOptions{Issuer: idp.Issuer, Audience: []string{"api"}, Types: []string{"at+jwt"}}))
		s := &idp.Server{}
		s.Serve(jwksOf(i))
		v := remoteVerifier(t, s, func(_ *jwtauth.RemoteOptions, o *jwtauth.VerifierOptions) { o.Types = []string{"at+jwt"} })
		if g := sendToken(t, v, tokenOf(t, i)); g.status != 200 {
			t.Errorf("%v: status %d: %s", key, g.status, g.reason)
		}
		if strings.Contains(jwksOf(i), `"d"`) {
			t.Errorf("%v: the set holds a private key", key)
		}
	}
}

// With Discover, Issuer may be empty.
func TestDiscover(t *testing.T) {
	const openid = "/.well-known/openid-configuration"
	for _, tt := range []struct {
		issuer, metadata string
		status           int
	}{
		{idp.Issuer, idp.Issuer, 200},
		{idp.Issuer + "/", idp.Issuer + "/", 200},
		{idp.Issuer, idp.Issuer + "/", 503},
		{idp.Issuer, "https://evil.example", 503},
	} {
		t.Run(tt.issuer+" "+tt.metadata, func(t *testing.T) {
			i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.ECDSA("ES256", ecKey()), &jwtauth.IssuerOptions{Issuer: tt.issuer, Audience: []string{"api"}}))
			s := &idp.Server{Answers: map[string]string{
				openid: `{"issuer":"` + tt.metadata + `","jwks_uri":"` + idp.JWKSURL + `"}`, "/jwks": jwksOf(i),
			}}
			keys := jwtauth.Discover(tt.issuer, &jwtauth.RemoteOptions{Client: s.Client()})
			v := guard.Must(jwtauth.NewVerifier[profile](keys, &jwtauth.VerifierOptions{Audience: []string{"api"}}))
			g := sendToken(t, v, tokenOf(t, i))
			if g.status != tt.status {
				t.Errorf("status %d: %s", g.status, g.reason)
			}
			if g.status == 200 && g.token.Issuer != tt.issuer {
				t.Errorf("issuer %q", g.token.Issuer)
			}
		})
	}
}

// An unset environment variable is one mistake.
func TestDiscoverNothing(t *testing.T) {
	_, err := jwtauth.NewVerifier[profile](jwtauth.Discover("", nil), &jwtauth.VerifierOptions{Audience: []string{"api"}})
	if want := `jwtauth: the URL of a key set or issuer: "" is not an absolute https URL`; err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
}

// The mistakes in URLs are tested in internal/keyset.
func TestRemoteMistakes(t *testing.T) {
	full := &jwtauth.VerifierOptions{Issuer: idp.Issuer, Audience: []string{"api"}}
	remote := jwtauth.RemoteKeys(idp.JWKSURL, nil)
	load := func(context.Context) ([]byte, error) { return nil, nil }
	public := jwksOf(idpIssuing("a"))
	one := strings.TrimSuffix(strings.TrimPrefix(strings.Replace(public, `"kid":"a",`, "", 1), `{"keys":[`), `]}`)
	five := `{"keys":[` + strings.Join([]string{one, one, one, one, one}, ",") + `]}`
	for _, tt := range []struct {
		name string
		keys jwtauth.KeySource
		opts *jwtauth.VerifierOptions
		want string // "" for none
	}{
		{"https", remote, full, ""},
		{"InsecureHTTP", jwtauth.RemoteKeys("http://idp.example/jwks", &jwtauth.RemoteOptions{InsecureHTTP: true}), full, ""},
		{"http", jwtauth.RemoteKeys("http://idp.example/jwks", nil), full, `jwtauth: the URL of a key set or issuer: "http://idp.example/jwks" is not https`},
		{"with a password, and broken", jwtauth.RemoteKeys("https://u:p%zz@idp.example/", nil), full, "not an absolute https URL"},
		{"with a password", jwtauth.RemoteKeys("https://u:p@idp.example/", nil), full, "holds credentials"},
		{"without Issuer", remote, &jwtauth.VerifierOptions{Audience: []string{"api"}}, "keys of an authorization server without Issuer"},
		{"without Audience", remote, &jwtauth.VerifierOptions{Issuer: idp.Issuer}, "without Audience"},
		{"any audience", remote, &jwtauth.VerifierOptions{Issuer: idp.Issuer, InsecureAnyAudience: true}, ""},
		{"any audience and one", remote, &jwtauth.VerifierOptions{Issuer: idp.Issuer, Audience: []string{"api"}, InsecureAnyAudience: true}, "contradicts"},
		{"Discover", jwtauth.Discover(idp.Issuer, nil), &jwtauth.VerifierOptions{Audience: []string{"api"}}, ""},
		{"Discover without Audience", jwtauth.Discover(idp.Issuer, nil), nil, "without Audience"},
		{"Discover of another", jwtauth.Discover(idp.Issuer, nil), &jwtauth.VerifierOptions{Issuer: idp.Issuer + "/", Audience: []string{"api"}}, "is not the discovered"},
		{"Discover with a query", jwtauth.Discover(idp.Issuer+"?x", nil), full, "query"},
		{"Discover over http", jwtauth.Discover("http://idp.example", nil), full, "is not https"},
		{"LoadKeys", jwtauth.LoadKeys(load, nil), full, ""},
		{"LoadKeys of nothing", jwtauth.LoadKeys(nil, nil), full, "jwtauth: the function that loads keys is nil"},
		{"LoadKeys with a Client", jwtauth.LoadKeys(load, &jwtauth.RemoteOptions{Client: http.DefaultClient}), full, "Client and InsecureHTTP are for"},
		{"LoadKeys without Issuer", jwtauth.LoadKeys(load, nil), &jwtauth.VerifierOptions{Audience: []string{"api"}}, "without Issuer"},
		{"LoadKeys without Audience", jwtauth.LoadKeys(load, nil), &jwtauth.VerifierOptions{Issuer: idp.Issuer}, "without Audience"},
		{"a nil Transport", jwtauth.RemoteKeys(idp.JWKSURL, &jwtauth.RemoteOptions{Client: &http.Client{Transport: (*http.Transport)(nil)}}), full, "jwtauth: the Client's Transport is a nil *http.Transport"},
		{"JWKS", jwtauth.JWKS([]byte(public)), full, ""},
		{"JWKS without Issuer", jwtauth.JWKS([]byte(public)), &jwtauth.VerifierOptions{Audience: []string{"api"}}, "without Issuer"},
		{"JWKS without Audience", jwtauth.JWKS([]byte(public)), &jwtauth.VerifierOptions{Issuer: idp.Issuer}, "without Audience"},
		{"JWKS of no text", jwtauth.JWKS(nil), full, "jwtauth: JWKS: the key set is not a JSON object with keys"},
		{"JWKS without keys", jwtauth.JWKS([]byte(`{"keys":[]}`)), full, "jwtauth: JWKS: the key set is empty"},
		{"JWKS with a private key", jwtauth.JWKS([]byte(strings.Replace(public, `"x"`, `"d":"u:p","x"`, 1))), full, `jwtauth: JWKS: key 1 (kid "a") is not used: it has "d"`},
		{"JWKS with a secret", jwtauth.JWKS([]byte(`{"keys":[{"kty":"oct","kid":"s","k":"u:p"}]}`)), full, `jwtauth: JWKS: key 1 (kid "s") is not used: it has "k"`},
		{"JWKS with a key for another use", jwtauth.JWKS([]byte(strings.Replace(public, `"sig"`, `"enc"`, 1))), full, `jwtauth: JWKS: key 1 (kid "a") is not used: use is "enc"`},
		{"JWKS of five keys without an ID", jwtauth.JWKS([]byte(five)), full, "jwtauth: JWKS: 5 keys for ES256 without an id"},
		{"a nil *Key", (*jwtauth.Key)(nil), full, "jwtauth: no keys"},
		{"Discover with a broken password", jwtauth.Discover("https://u:p%zz@idp.example/", nil), full, "not an absolute https URL"},
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

func TestJWKS(t *testing.T) {
	old := jwtauth.RSA("RS256", rsaKey()).WithID("old")
	i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.ECDSA("ES256", ecKey()), &jwtauth.IssuerOptions{
		Previous: []jwtauth.Key{old, jwtauth.HMAC("HS256", secret), jwtauth.Ed25519("EdDSA", edKey().Public().(ed25519.PublicKey))},
	}))
	w := httptest.NewRecorder()
	i.JWKS().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if ct, cc := w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"); ct != "application/jwk-set+json" || cc != "public, max-age=300" {
		t.Errorf("%q, %q", ct, cc)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || len(set.Keys) != 3 {
		t.Fatal(w.Body)
	}
	for _, k := range set.Keys {
		for _, private := range []string{"d", "p", "q", "k", "dp", "dq", "qi"} {
			if k[private] != "" {
				t.Errorf("the set holds %q", private)
			}
		}
		if k["use"] != "sig" || k["kid"] == "" {
			t.Error(k)
		}
	}
	if set.Keys[1]["kid"] != "old" || set.Keys[0]["alg"] != "ES256" || set.Keys[0]["crv"] != "P-256" {
		t.Error(set.Keys)
	}

	w = httptest.NewRecorder()
	i.JWKS().ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Error(w.Code)
	}
	w = httptest.NewRecorder()
	guard.OnError(format.Problem)(i.JWKS()).ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), `"code":"method_not_allowed"`) {
		t.Errorf("in the chosen format: %v %s", w.Header(), w.Body)
	}
	hs := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), nil))
	if s := jwksOf(hs); s != `{"keys":[]}` {
		t.Error(s)
	}
}
