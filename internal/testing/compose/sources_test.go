package compose_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	opaque "github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/source"
)

// A reader is a guard that reads its credential from sources.
type reader struct {
	wrap     guard.Middleware
	optional guard.Middleware
	good     [2]string // two credentials that it accepts
}

func readerOf[P any](a guard.Authenticator[P], one, two string) reader {
	return reader{guard.Require(a), guard.Optional(a), [2]string{one, two}}
}

// readers are the guards that have Sources, all with these.
func readers(t *testing.T, sources []source.Source, origins []string) map[string]reader {
	t.Helper()
	known := func(_ context.Context, s string) (member, bool, error) {
		return member{id: s}, s == "alice" || s == "bob", nil
	}
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Sources: sources, TrustedOrigins: origins}))
	issue := func() string {
		k, _, err := ring.Issue(t.Context(), apikey.Grant{Subject: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		return k.Reveal()
	}
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", []byte(strings.Repeat("s", 32))), &jwtauth.IssuerOptions{
		Sources: sources, TrustedOrigins: origins, CacheSize: 10,
	}))
	token := func() string {
		tokens, err := issuer.Issue("alice", struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		return tokens.AccessToken
	}
	return map[string]reader{
		"Verifier": readerOf(issuer.Verifier(), token(), token()),
		"Keys":     readerOf(guard.Must(apikey.New(known, &apikey.Options{Sources: sources, TrustedOrigins: origins})), "alice", "bob"),
		"Ring":     readerOf(ring, issue(), issue()),
		"Tokens":   readerOf(guard.Must(opaque.New(known, &opaque.Options{Sources: sources, TrustedOrigins: origins})), "alice", "bob"),
	}
}

const (
	xToken    = "X-Token"
	cfAccess  = "Cf-Access-Jwt-Assertion"
	protocols = "Sec-WebSocket-Protocol"
)

var (
	handshake = []string{"Connection", "Upgrade", "Upgrade", "websocket"}
	allPlaces = []source.Source{
		source.Authorization("Bearer"), source.Header(xToken), source.ProxyHeader(cfAccess), source.Cookie("tok"), source.WebSocketProtocol("bearer"), source.InsecureQuery("access_token"),
	}
)

// A placed request has one credential as $1 and another as $2 in its query and fields.
type placed struct {
	name, method, query string
	fields              []string
	want                int
}

func (p *placed) request(good [2]string) *http.Request {
	fill := strings.NewReplacer("$1", good[0], "$2", good[1]).Replace
	fields := slices.Clone(p.fields)
	for i := range fields {
		fields[i] = fill(fields[i])
	}
	r := harness.Request("https://api.test/?"+fill(p.query), fields...)
	r.Method = p.method
	return r
}

// offered are the protocols that a request offers.
func offered(r *http.Request) string { return strings.Join(r.Header.Values(protocols), "|") }

// TestSources: one request has one credential, wherever it is, and a cookie counts
// only where no page of another origin can have sent it.
func TestSources(t *testing.T) {
	ws := func(fields ...string) []string { return slices.Concat(handshake, fields) }
	tests := []placed{
		{"none", "GET", "", nil, 401},
		{"authorization", "GET", "", []string{"Authorization", "bEARER $1"}, 200},
		{"another scheme", "GET", "", []string{"Authorization", "Basic $1"}, 401},
		{"two lines", "GET", "", []string{"Authorization", "Bearer $1", "Authorization", "Bearer $1"}, 400},
		{"header", "POST", "", []string{xToken, "$1", "Sec-Fetch-Site", "cross-site"}, 200},
		{"header with a scheme", "GET", "", []string{xToken, "Bearer $1"}, 401},
		{"header with two", "GET", "", []string{xToken, "$1, $1"}, 401},
		{"header twice", "GET", "", []string{xToken, "$1", xToken, "$1"}, 400},
		{"empty header", "GET", "", []string{xToken, "", "Authorization", "Bearer $1"}, 200},
		{"same in two headers", "GET", "", []string{xToken, "$1", "Authorization", "Bearer $1"}, 200},
		{"two in two headers", "GET", "", []string{xToken, "$1", "Authorization", "Bearer $2"}, 400},
		{"100 KB", "GET", "", []string{xToken, strings.Repeat("a", 100<<10)}, 401},

		{"proxy header", "POST", "", []string{cfAccess, "$1"}, 200},
		{"proxy header, same origin", "POST", "", []string{cfAccess, "$1", "Sec-Fetch-Site", "same-origin"}, 200},
		{"proxy header, cross-site, safe", "GET", "", []string{cfAccess, "$1", "Sec-Fetch-Site", "cross-site"}, 200},
		{"proxy header, cross-site", "POST", "", []string{cfAccess, "$1", "Sec-Fetch-Site", "cross-site"}, 403},
		{"proxy header, trusted", "POST", "", []string{cfAccess, "$1", "Sec-Fetch-Site", "cross-site", "Origin", "https://app.test"}, 200},
		{"proxy header and its cookie", "GET", "", []string{cfAccess, "$1", "Cookie", "tok=$1"}, 200},
		{"proxy header and its cookie, cross-site", "POST", "", []string{cfAccess, "$1", "Cookie", "tok=$1", "Sec-Fetch-Site", "cross-site"}, 403},
		{"proxy header twice", "GET", "", []string{cfAccess, "$1", cfAccess, "$1"}, 400},
		{"WebSocket by proxy header", "GET", "", ws(cfAccess, "$1", "Origin", "https://evil.test"), 403},

		{"cookie", "GET", "", []string{"Cookie", "tok=$1"}, 200},
		{"quoted cookie", "GET", "", []string{"Cookie", `tok="$1"`}, 200},
		{"a cookie of another case", "GET", "", []string{"Cookie", "TOK=$1"}, 401},
		{"empty cookie", "GET", "", []string{"Cookie", "tok="}, 401},
		{"empty cookie beside a header", "GET", "", []string{"Cookie", "tok=", xToken, "$1"}, 200},
		{"two cookies", "GET", "", []string{"Cookie", "tok=$1; tok=$1"}, 400},
		{"cross-site, safe", "GET", "", []string{"Cookie", "tok=$1", "Sec-Fetch-Site", "cross-site"}, 200},
		{"cross-site", "POST", "", []string{"Cookie", "tok=$1", "Sec-Fetch-Site", "cross-site"}, 403},
		{"sibling", "POST", "", []string{"Cookie", "tok=$1", "Sec-Fetch-Site", "same-site", "Origin", "https://evil.test"}, 403},
		{"trusted sibling", "POST", "", []string{"Cookie", "tok=$1", "Sec-Fetch-Site", "same-site", "Origin", "https://app.test"}, 200},
		{"trusted, another port", "POST", "", []string{"Cookie", "tok=$1", "Sec-Fetch-Site", "same-site", "Origin", "https://app.test:8443"}, 403},
		{"same origin", "DELETE", "", []string{"Cookie", "tok=$1", "Sec-Fetch-Site", "same-origin", "Origin", "https://api.test"}, 200},
		{"a long origin", "POST", "", []string{"Cookie", "tok=$1", "Origin", "https://api.test/" + strings.Repeat("a", 2<<10)}, 403},
		{"a long origin, same origin", "POST", "", []string{"Cookie", "tok=$1", "Sec-Fetch-Site", "same-origin", "Origin", strings.Repeat("a", 2<<10)}, 200},
		{"an empty credential cross-site", "POST", "", []string{"Cookie", "other=$1", "Sec-Fetch-Site", "cross-site"}, 401},
		{"same in cookie and header, cross-site", "POST", "", []string{"Cookie", "tok=$1", "Authorization", "Bearer $1", "Sec-Fetch-Site", "cross-site"}, 200},
		{"two in cookie and header", "POST", "", []string{"Cookie", "tok=$1", "Authorization", "Bearer $2"}, 400},
		{"another scheme beside a cookie, cross-site", "POST", "", []string{"Cookie", "tok=$1", "Authorization", "Basic $1", "Sec-Fetch-Site", "cross-site"}, 403},

		{"WebSocket by cookie", "GET", "", ws("Cookie", "tok=$1", "Origin", "https://evil.test"), 403},
		{"WebSocket by cookie, trusted", "GET", "", ws("Cookie", "tok=$1", "Origin", "https://app.test"), 200},
		{"protocol", "GET", "", ws(protocols, "bearer, $1, chat", "Origin", "https://evil.test"), 200},
		{"protocol last", "GET", "", ws(protocols, "chat,bearer,$1"), 200},
		{"protocol in two lines", "GET", "", ws(protocols, "chat, bearer", protocols, "$1"), 200},
		{"protocol in another case", "GET", "", ws(protocols, "Bearer, $1"), 401},
		{"protocol without a token", "GET", "", ws(protocols, "chat, bearer"), 401},
		{"a protocol that is no token", "GET", "", ws(protocols, "bearer, $1/"), 401},
		{"protocol twice", "GET", "", ws(protocols, "bearer, $1, bearer, $1"), 400},
		{"protocol without a handshake", "GET", "", []string{protocols, "bearer, $1"}, 401},
		{"protocol in a POST", "POST", "", ws(protocols, "bearer, $1"), 401},
		{"two in protocol and cookie", "GET", "", ws(protocols, "bearer, $1", "Cookie", "tok=$2"), 400},
		{"same in protocol and cookie", "GET", "", ws(protocols, "bearer, $1", "Cookie", "tok=$1", "Origin", "https://evil.test"), 200},
		{"100 protocols", "GET", "", ws(protocols, strings.Repeat("a, ", 98)+"bearer, $1"), 200},
		{"101 protocols", "GET", "", ws(protocols, strings.Repeat("a, ", 99)+"bearer, $1"), 400},

		{"query", "GET", "access_token=$1", nil, 200},
		{"query, escaped", "GET", "%61ccess_token=$1", nil, 200},
		{"query twice", "GET", "access_token=$1&access%5Ftoken=$1", nil, 400},
		{"query empty", "GET", "access_token=", []string{"Authorization", "Bearer $1"}, 200},
		{"same in query and header", "GET", "access_token=$1", []string{"Authorization", "Bearer $1"}, 200},
		{"two in query and header", "GET", "access_token=$1", []string{"Authorization", "Bearer $2"}, 400},
		{"query with a semicolon", "GET", "access_token=$1;x", nil, 400},
		{"query behind a semicolon", "GET", "a;access_token=$1", nil, 400},
		{"query with a bad escape", "GET", "access_token=%zz", nil, 400},
		{"query with a bad escape in a name", "GET", "%zz=$1", []string{"Authorization", "Bearer $1"}, 400},
		{"query with a bad escape elsewhere", "GET", "access_token=$1&q=100%&a;b", nil, 200},
		{"query of 10,000 parameters", "GET", "access_token=$1" + strings.Repeat("&a", 9_999), nil, 200},
		{"query of 10,001 parameters", "GET", "access_token=$1" + strings.Repeat("&a", 10_000), nil, 400},
		{"900 KB of parameters", "GET", strings.Repeat("a&", 450<<10), nil, 400},
		{"100 KB in the query", "GET", "access_token=" + strings.Repeat("a", 100<<10), nil, 401},
	}
	for guardName, g := range readers(t, allPlaces, []string{"https://app.test"}) {
		for _, tt := range tests {
			r := tt.request(g.good)
			var inner *http.Request
			w, reached := harness.Serve(t, g.wrap, func(_ http.ResponseWriter, r *http.Request) { inner = r }, r)
			if w.Code != tt.want || reached != (tt.want == 200) {
				t.Errorf("%s, %s: %d %s, reached %t; want %d", guardName, tt.name, w.Code, w.Body, reached, tt.want)
			}
			if want := []string{"Authorization, Cf-Access-Jwt-Assertion, Cookie, Sec-Websocket-Protocol, X-Token"}; !slices.Equal(w.Header()["Vary"], want) {
				t.Errorf("%s, %s: Vary %q", guardName, tt.name, w.Header()["Vary"])
			}
			if inner == nil {
				continue
			}
			if seen := inner.RequestURI + inner.URL.String() + offered(inner); tt.method == "GET" && strings.Contains(seen, g.good[0]) {
				t.Errorf("%s, %s: the handler sees the credential: %q", guardName, tt.name, seen)
			}
			if sent := offered(r); strings.HasPrefix(tt.name, "protocol") && !strings.Contains(sent, g.good[0]) {
				t.Errorf("%s, %s: the outer request was changed: %q", guardName, tt.name, sent)
			}
		}
	}
}

// TestMalformedQueryDoesNotFallThrough: a key that net/url does not read counted as
// none, and the request as anonymous or as that of another credential.
func TestMalformedQueryDoesNotFallThrough(t *testing.T) {
	sources := []source.Source{source.InsecureQuery("k")}
	other := guard.Must(opaque.New(func(context.Context, string) (member, bool, error) { return members["bob"], true, nil }, nil))
	for name, g := range readers(t, sources, nil) {
		keys := guard.Must(apikey.New(func(context.Context, string) (member, bool, error) { return member{}, false, nil }, &apikey.Options{Sources: sources}))
		for chain, m := range map[string]guard.Middleware{"optional": g.optional, "one of two": guard.Require(keys, guard.Authenticator[member](other))} {
			for _, query := range []string{"k=bad;x", "k=%zz", "k=bad" + strings.Repeat("&a", 10_000), strings.Repeat("a&", 450<<10), "x;k=bad", "%6B=bad;"} {
				p := placed{"", "GET", query, []string{"Authorization", "Bearer $1"}, 400}
				w, reached := harness.Serve(t, m, nil, p.request(g.good))
				if want := `{"error":"Bad Request","message":"The query or the list of protocols is malformed"}`; w.Code != 400 || reached || w.Body.String() != want {
					t.Errorf("%s, %s, %.20q: %d %s, reached %t", name, chain, query, w.Code, w.Body, reached)
				}
			}
		}
	}
}

// TestSourceMistakes: every constructor reports them.
func TestSourceMistakes(t *testing.T) {
	cookie := []source.Source{source.Cookie("tok")}
	for name, tt := range map[string]struct {
		sources []source.Source
		origins []string
		want    string
	}{
		"no origin":              {cookie, []string{"app.test"}, "trusted origin"},
		"upper case":             {cookie, []string{"https://App.test"}, `write "https://app.test"`},
		"without a cookie":       {nil, []string{"https://app.test"}, "TrustedOrigins without a Cookie or ProxyHeader"},
		"zero":                   {[]source.Source{{}}, nil, "zero Source"},
		"Authorization":          {[]source.Source{source.Header("authorization")}, nil, "a source of its own"},
		"Cookie":                 {[]source.Source{source.Header("cookie")}, nil, "a source of its own"},
		"WebSocketProtocol":      {[]source.Source{source.Header("sec-websocket-protocol")}, nil, "a source of its own"},
		"a proxy's":              {[]source.Source{source.Header("cf-access-jwt-assertion")}, nil, "use ProxyHeader"},
		"AWS":                    {[]source.Source{source.Header("x-amzn-oidc-data")}, nil, "use ProxyHeader"},
		"twice":                  {[]source.Source{source.Header("x"), source.Header("X")}, nil, "second one of its name"},
		"Azure":                  {[]source.Source{source.Header("X-MS-TOKEN-AAD-ID-TOKEN")}, nil, "use ProxyHeader"},
		"oauth2-proxy":           {[]source.Source{source.Header("X-Forwarded-Access-Token")}, nil, "use ProxyHeader"},
		"a proxy's and a page's": {[]source.Source{source.ProxyHeader("x"), source.Header("X")}, nil, "second one of its name"},
		"wildcard":               {cookie, []string{"https://*.app.test"}, "list each origin"},
		"default port":           {cookie, []string{"https://app.test:443"}, `write "https://app.test"`},
		"path":                   {cookie, []string{"https://app.test/login"}, `write "https://app.test"`},
		"trailing slash":         {cookie, []string{"https://app.test/"}, `write "https://app.test"`},
		"Unicode":                {cookie, []string{"https://b\u00fccher.test"}, "location.origin"},
		"null":                   {cookie, []string{"null"}, "every sandboxed page"},
		"another port":           {cookie, []string{"https://app.test:8443"}, ""},
		"scheme twice":           {[]source.Source{source.Authorization("x"), source.Authorization("X")}, nil, "second one of its name"},
		"two protocols":          {[]source.Source{source.WebSocketProtocol("a"), source.WebSocketProtocol("b")}, nil, "second WebSocketProtocol"},
		"Basic":                  {[]source.Source{source.Authorization("basic")}, nil, "ask for a password"},
		"cookie name":            {[]source.Source{source.Cookie("a b")}, nil, "not a token"},
		"protocol name":          {[]source.Source{source.WebSocketProtocol("a,b")}, nil, "not a token"},
		"unnamed parameter":      {[]source.Source{source.InsecureQuery("")}, nil, "has no name"},
		"two cookies' letter":    {[]source.Source{source.Cookie("a"), source.Cookie("A")}, nil, ""},
	} {
		_, keys := apikey.New(func(context.Context, string) (member, bool, error) { return member{}, false, nil }, &apikey.Options{Sources: tt.sources, TrustedOrigins: tt.origins})
		_, ring := apikey.NewRing(&apikey.RingOptions{Sources: tt.sources, TrustedOrigins: tt.origins})
		_, tokens := opaque.New(func(context.Context, string) (member, bool, error) { return member{}, false, nil }, &opaque.Options{Sources: tt.sources, TrustedOrigins: tt.origins})
		hs := jwtauth.HMAC("HS256", []byte(strings.Repeat("s", 32)))
		_, verifier := jwtauth.NewVerifier[struct{}](hs, &jwtauth.VerifierOptions{Sources: tt.sources, TrustedOrigins: tt.origins})
		_, issuer := jwtauth.NewIssuer[struct{}](hs, &jwtauth.IssuerOptions{Sources: tt.sources, TrustedOrigins: tt.origins})
		for guardName, err := range map[string]error{"Keys": keys, "Ring": ring, "Tokens": tokens, "Verifier": verifier, "Issuer": issuer} {
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s, %s: %v", guardName, name, err)
			}
		}
	}
}

// TestDeadOnlyInCookies: a bad credential that is in cookies alone is dead, and
// cleared. One that is elsewhere as well is refused: its client must notice it.
func TestDeadOnlyInCookies(t *testing.T) {
	for name, g := range readers(t, allPlaces, nil) {
		bad := g.good[0][:len(g.good[0])-1]
		for _, tt := range []placed{
			{"cookie", "GET", "", []string{"Cookie", "tok=$1"}, 200},
			{"cookie and header", "GET", "", []string{"Cookie", "tok=$1", xToken, "$1"}, 401},
			{"cookie and proxy header", "GET", "", []string{"Cookie", "tok=$1", cfAccess, "$1"}, 401},
			{"proxy header", "GET", "", []string{cfAccess, "$1"}, 401},
			{"cookie and protocol", "GET", "", slices.Concat(handshake, []string{"Cookie", "tok=$1", protocols, "bearer, $1"}), 401},
			{"cookie and query", "GET", "access_token=$1", []string{"Cookie", "tok=$1"}, 401},
			{"query", "GET", "access_token=$1", nil, 401},
		} {
			w, reached := harness.Serve(t, g.optional, nil, tt.request([2]string{bad, bad}))
			if cleared := w.Header()["Set-Cookie"] != nil; w.Code != tt.want || reached != (tt.want == 200) || cleared != reached {
				t.Errorf("%s, %s: %d, reached %t, cleared %t; want %d", name, tt.name, w.Code, reached, cleared, tt.want)
			}
		}
	}
}

// TestOnlySources: what Sources do not list is not read, the default included, and
// the challenge names the scheme of an Authorization source.
func TestOnlySources(t *testing.T) {
	for challenge, sources := range map[string][]source.Source{
		"Token": {source.Header("X-Token"), source.Authorization("Token")},
		"":      {source.Header("X-Token")},
	} {
		for name, g := range readers(t, sources, nil) {
			for _, fields := range [][]string{{"Authorization", "Bearer $1"}, {"X-API-Key", "$1"}, {"Cookie", "X-Token=$1"}, {cfAccess, "$1"}} {
				p := placed{"", "GET", "X-Token=$1", fields, 401}
				w, reached := harness.Serve(t, g.wrap, nil, p.request(g.good))
				got := w.Header().Get("WWW-Authenticate")
				want := challenge
				if want == "" {
					want = map[bool]string{true: "Bearer", false: "ApiKey"}[name != "Keys" && name != "Ring"]
				}
				if w.Code != 401 || reached || got != want {
					t.Errorf("%s, %q: %d, reached %t, challenge %q, want %q", name, fields, w.Code, reached, got, want)
				}
			}
			p := placed{"", "GET", "", []string{"X-Token", "$1"}, 200}
			if w, reached := harness.Serve(t, g.wrap, nil, p.request(g.good)); !reached {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	}
}

// TestErrorCodeOfTheChallenge: it is for Bearer, in any case (RFC 6750, section 3.1).
func TestErrorCodeOfTheChallenge(t *testing.T) {
	for scheme, want := range map[string]string{"Token": "Token", "bearer": `bearer error="invalid_token"`} {
		for name, g := range readers(t, []source.Source{source.Authorization(scheme)}, nil) {
			bad := g.good[0][:len(g.good[0])-1]
			p := placed{"", "GET", "", []string{"Authorization", scheme + " $1"}, 401}
			w, _ := harness.Serve(t, g.wrap, nil, p.request([2]string{bad}))
			if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != want {
				t.Errorf("%s, %s: %d, challenge %q", name, scheme, w.Code, got)
			}
		}
	}
}

// TestSeveralReadersOfAProtocol: each removes the token, and none takes what remains
// for one.
func TestSeveralReadersOfAProtocol(t *testing.T) {
	all := readers(t, []source.Source{source.WebSocketProtocol("bearer")}, nil)
	for outer, o := range all {
		for inner, i := range all {
			p := placed{"", "GET", "", slices.Concat(handshake, []string{protocols, "bearer, $1, chat"}), 200}
			seen := ""
			w, reached := harness.Serve(t, guard.Chain(o.wrap, i.optional), func(_ http.ResponseWriter, r *http.Request) { seen = offered(r) }, p.request(o.good))
			if !reached || seen != "chat, bearer" {
				t.Errorf("%s in %s: %d %s, %q", inner, outer, w.Code, w.Body, seen)
			}
		}
	}
}

// TestErrorHandlerSeesNoCredential: it may write the URL or the protocols.
func TestErrorHandlerSeesNoCredential(t *testing.T) {
	for name, g := range readers(t, allPlaces, nil) {
		p := placed{"", "GET", "access_token=$1", slices.Concat(handshake, []string{protocols, "bearer, $2"}), 400}
		seen := ""
		on := guard.OnError(func(w http.ResponseWriter, r *http.Request, e *guard.Error) {
			seen = r.RequestURI + r.URL.String() + offered(r)
			w.WriteHeader(e.Status)
		})
		w, _ := harness.Serve(t, guard.Chain(on, g.wrap), nil, p.request(g.good))
		if w.Code != 400 || seen != "/https://api.test/bearer" && seen != "https://api.test/https://api.test/bearer" {
			t.Errorf("%s: %d, %q", name, w.Code, seen)
		}
	}
}
