package dpop_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/dpop"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/prover"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/once"
	"github.com/go-guard/guard/source"
)

func TestOptions(t *testing.T) {
	key := guard.Secret(strings.Repeat("k", 32))
	for _, tt := range []struct {
		name, origin string
		opts         dpop.Options
		want         string
	}{
		{"no origin", "", dpop.Options{}, "dpop: the origin"},
		{"no scheme", "api.example.com", dpop.Options{}, "dpop: the origin"},
		{"http", "http://api.example.com", dpop.Options{}, "not https"},
		{"a path", "https://api.example.com/v1", dpop.Options{}, "is no origin"},
		{"a slash", "https://api.example.com/", dpop.Options{}, "is no origin"},
		{"a query", "https://api.example.com?", dpop.Options{}, "is no origin"},
		{"a user", "https://a:b@api.example.com", dpop.Options{}, "credentials"},
		{"a nonce key of an unset environment variable", origin, dpop.Options{NonceKey: []byte("")}, "nonce key 1 has 0 bytes"},
		{"a short nonce key", origin, dpop.Options{NonceKey: key[:31]}, "nonce key 1 has 31 bytes"},
		{"a nonce key of zeros", origin, dpop.Options{NonceKey: make([]byte, 32)}, "only zeros"},
		{"a short old nonce key", origin, dpop.Options{NonceKey: key, OldNonceKeys: []guard.Secret{nil}}, "nonce key 2 has 0 bytes"},
		{"old nonce keys alone", origin, dpop.Options{OldNonceKeys: []guard.Secret{key}}, "OldNonceKeys without NonceKey"},
		{"alg none", origin, dpop.Options{Algorithms: []string{"none"}}, `"none" is not an algorithm for proofs`},
		{"alg HS256", origin, dpop.Options{Algorithms: []string{"HS256"}}, `"HS256" is not an algorithm for proofs`},
		{"an unknown alg", origin, dpop.Options{Algorithms: []string{"ES256", "x"}}, `"x" is not an algorithm for proofs`},
		{"a negative share", origin, dpop.Options{MaxPerKey: -1}, "MaxPerKey -1 is negative"},
		{"a nil store", origin, dpop.Options{Once: (*once.Memory)(nil)}, "Once is a nil *once.Memory"},
		{"a prefix without a slash", origin, dpop.Options{Prefix: "v1"}, "is no path"},
		{"a prefix that ends with a slash", origin, dpop.Options{Prefix: "/v1/"}, "is no path"},
		{"a prefix with a query", origin, dpop.Options{Prefix: "/v1?a"}, "is no path"},
		{"TLS that accepts unbound tokens", origin, dpop.Options{TLS: guard.Must(dpop.TLS(&dpop.TLSOptions{InsecureUnbound: true}))}, "TLS has InsecureUnbound"},
	} {
		if p, err := dpop.New(tt.origin, &tt.opts); p != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.name, err, tt.want)
		}
	}
	if _, err := dpop.New("http://api.example.com", &dpop.Options{MaxPerKey: -1, Algorithms: []string{"none"}}); strings.Count(err.Error(), "dpop:") != 3 {
		t.Errorf("not every mistake: %v", err)
	}
	for _, o := range []string{"https://api.example.com:8443", "http://localhost:8080", "http://127.0.0.1", "https://[2001:db8::1]"} {
		if _, err := dpop.New(o, nil); err != nil {
			t.Errorf("%s: %v", o, err)
		}
	}
	if _, err := dpop.New("http://api.example.com", &dpop.Options{InsecureHTTP: true}); err != nil {
		t.Error(err)
	}
}

// Sources of one's own need the scheme of the Binding.
func TestSources(t *testing.T) {
	p := guard.Must(dpop.New(origin, nil))
	hmac := jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32)))
	_, err := jwtauth.NewVerifier[claims](hmac, &jwtauth.VerifierOptions{Bound: p, Sources: []source.Source{source.Authorization("Bearer")}})
	if err == nil || !strings.Contains(err.Error(), `jwtauth: Bound needs source.Authorization("DPoP") in Sources`) {
		t.Error(err)
	}
	if _, err = jwtauth.NewVerifier[claims](hmac, &jwtauth.VerifierOptions{Bound: (*dpop.Proofs)(nil)}); err == nil || !strings.Contains(err.Error(), "jwtauth: Bound is a nil *dpop.Proofs") {
		t.Error(err)
	}
	v := guard.Must(jwtauth.NewVerifier[claims](hmac, &jwtauth.VerifierOptions{
		Bound: p, Sources: []source.Source{source.Header("X-Token"), source.Authorization("dpop")}, Realm: "r", ResourceMetadata: "https://api.example.com/m",
	}))
	issuer := guard.Must(jwtauth.NewIssuer[claims](hmac, &jwtauth.IssuerOptions{Bound: p}))
	token := guard.Must(issuer.Issue("1", claims{&dpop.Confirmation{JKT: client.Thumbprint()}})).AccessToken
	serve := func(names ...string) (int, string) {
		r := client.Request("GET", "/profile", token, "", time.Now())
		r.Header.Del("Authorization")
		for _, name := range names {
			r.Header.Set(name, map[string]string{"X-Token": token, "Authorization": "DPoP " + token}[name])
		}
		w, _ := harness.Serve(t, v.Wrap, nil, r)
		return w.Code, w.Result().Header.Get("Www-Authenticate")
	}
	const params = `realm="r", resource_metadata="https://api.example.com/m"`
	if code, challenge := serve("X-Token"); code != 401 || challenge != invalid("invalid_token")+", "+params {
		t.Errorf("a bound token in a field: %d, %q", code, challenge)
	}
	if code, _ := serve("Authorization"); code != 200 {
		t.Errorf("in the scheme: %d", code)
	}
	if code, _ := serve("X-Token", "Authorization"); code != 200 {
		t.Errorf("the same token twice, with its proof: %d", code)
	}
	if code, challenge := serve(); code != 401 || challenge != algs+", "+params {
		t.Errorf("no token: %d, %q", code, challenge)
	}
}

// A process with the new key accepts nonces of the old one, and the other way round.
func TestNonceKeys(t *testing.T) {
	old, fresh := guard.Secret(strings.Repeat("o", 32)), guard.Secret(strings.Repeat("f", 32))
	for _, tt := range []struct {
		name string
		opts dpop.Options
		made guard.Secret
		want int
	}{
		{"the same process", dpop.Options{NonceKey: old}, old, 200},
		{"before the change, a nonce of the new key", dpop.Options{NonceKey: old, OldNonceKeys: []guard.Secret{fresh}}, fresh, 200},
		{"after the change, a nonce of the old key", dpop.Options{NonceKey: fresh, OldNonceKeys: []guard.Secret{old}}, old, 200},
		{"when the old key is gone", dpop.Options{NonceKey: fresh}, old, 401},
		{"none is needed", dpop.Options{}, old, 200},
	} {
		a := newDPoP(t, tt.opts)
		nonce := strangersNonce(string(tt.made), origin, a.clock.Now())
		w := a.serve(client.Request("GET", "/profile", a.token(client), nonce, a.clock.Now()))
		if w.Code != tt.want || (w.Result().Header.Get("DPoP-Nonce") != "") != (tt.opts.NonceKey != nil) {
			t.Errorf("%s: %d, %v, %s", tt.name, w.Code, w.Result().Header, a.reason())
		}
	}
}

// A nonce lives for five minutes, also in a process whose clock is behind.
func TestNonceLifetime(t *testing.T) {
	a := newDPoP(t, dpop.Options{NonceKey: nonceKey})
	nonce, token := a.nonce(), a.token(client)
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 200}, {-time.Minute, 200}, {-time.Minute - time.Second, 401}, {5 * time.Minute, 200}, {5*time.Minute + time.Second, 401}, {24 * time.Hour, 401}} {
		a.clock.Advance(tt.after)
		if w := a.serve(client.Request("GET", "/profile", token, nonce, a.clock.Now())); w.Code != tt.want && tt.after < time.Hour {
			t.Errorf("after %v: %d, %s", tt.after, w.Code, a.reason())
		}
		a.clock.Advance(-tt.after)
	}
}

// One key cannot fill the store: beyond its share it is 429, and others are not.
func TestShares(t *testing.T) {
	a := newDPoP(t, dpop.Options{MaxPerKey: 3})
	token := a.token(client)
	r := client.Request("GET", "/profile", token, "", a.clock.Now())
	if w := a.serve(r); w.Code != 200 {
		t.Fatalf("%d, %s", w.Code, a.reason())
	}
	for range 20 { // replays use up nothing
		a.wants(r, 401, invalid("invalid_dpop_proof"), "dpop: the proof was used before")
	}
	a.clock.Advance(20 * time.Second)
	for range 2 {
		if w := a.serve(client.Request("GET", "/profile", token, "", a.clock.Now())); w.Code != 200 {
			t.Errorf("%d, %s", w.Code, a.reason())
		}
	}
	for range 20 {
		w := a.wants(client.Request("GET", "/profile", token, "", a.clock.Now()), 429, "", "dpop: the key has used its share of proofs for this minute")
		if after, _ := strconv.Atoi(w.Result().Header.Get("Retry-After")); after != 40 {
			t.Errorf("Retry-After: %d", after)
		}
	}
	if w := a.serve(stranger.Request("GET", "/profile", a.token(stranger), "", a.clock.Now())); w.Code != 200 {
		t.Errorf("another key: %d, %s", w.Code, a.reason())
	}
	a.clock.Advance(40 * time.Second)
	if w := a.serve(client.Request("GET", "/profile", token, "", a.clock.Now())); w.Code != 200 {
		t.Errorf("a minute later: %d, %s", w.Code, a.reason())
	}
}

// broken is a store that is down.
type broken struct{ once.Store }

func (broken) Take(context.Context, [32]byte, time.Time) (bool, error) {
	return true, errors.New("dial tcp: refused")
}

// A store that fails, or is full, is 503: the proof may have been used.
func TestStoreFails(t *testing.T) {
	full := guard.Must(once.NewMemory(&once.MemoryOptions{Max: 1, Now: func() time.Time { return now }}))
	if _, err := full.Take(t.Context(), once.Key("x"), now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]once.Store{"down": broken{}, "full": full} {
		a := newDPoP(t, dpop.Options{Once: store})
		w := a.serve(client.Request("GET", "/profile", a.token(client), "", a.clock.Now()))
		if w.Code != 503 || w.Result().Header.Get("Www-Authenticate") != "" || strings.Contains(w.Body.String(), "refused:") {
			t.Errorf("%s: %d, %s", name, w.Code, w.Body)
		}
	}
}

// TestReplaysAtOnce: of 64 requests at once with one proof, in three processes that share
// a store, one passes.
func TestReplaysAtOnce(t *testing.T) {
	store := guard.Must(once.NewMemory(nil))
	prover.Race(t, [3]once.Store{store, store, store})
}
