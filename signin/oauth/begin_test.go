package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/signin/oauth"
)

func TestBegin(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	one, two := guard.Must(url.Parse(a.begin(""))).Query(), guard.Must(url.Parse(a.begin(""))).Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if v := one.Get(name); len(v) < 22 || v == two.Get(name) {
			t.Errorf("%s %q, then %q", name, v, two.Get(name))
		}
		one.Del(name)
	}
	want := url.Values{"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {callback}, "code_challenge_method": {"S256"}, "scope": {"openid email"}}
	if one.Encode() != want.Encode() {
		t.Errorf("request %s\nwant    %s", one.Encode(), want.Encode())
	}
	if len(a.decisions) != 0 {
		t.Errorf("decisions %v", a.decisions)
	}
}

func TestRequest(t *testing.T) {
	for _, tt := range []struct {
		scopes  []string
		request oauth.AuthRequest
		want    url.Values // beside those of TestBegin
	}{
		{[]string{"profile"}, oauth.AuthRequest{}, url.Values{"scope": {"openid profile"}}},
		{[]string{}, oauth.AuthRequest{}, url.Values{"scope": {"openid"}}},
		{nil, oauth.AuthRequest{Prompt: "select_account consent", LoginHint: "a+b@example.com&x"}, url.Values{"prompt": {"select_account consent"}, "login_hint": {"a+b@example.com&x"}}},
		{nil, oauth.AuthRequest{MaxAge: 90500 * time.Millisecond, ACRValues: []string{"gold", "silver"}}, url.Values{"max_age": {"90"}, "acr_values": {"gold silver"}}},
		{nil, oauth.AuthRequest{MaxAge: time.Nanosecond}, url.Values{"max_age": {"0"}}},
		{nil, oauth.AuthRequest{MaxAge: -time.Hour}, url.Values{"max_age": {"0"}}},
	} {
		opts := withRequest(tt.request)
		opts.Scopes = tt.scopes
		a := newApp(t, newProvider(), opts)
		got := guard.Must(url.Parse(a.begin(""))).Query()
		for _, name := range []string{"prompt", "login_hint", "max_age", "acr_values"} {
			if got.Get(name) != tt.want.Get(name) {
				t.Errorf("%+v: %s %q", tt.request, name, got.Get(name))
			}
		}
		if s := tt.want.Get("scope"); s != "" && s != got.Get("scope") {
			t.Errorf("scope %q, want %q", got.Get("scope"), s)
		}
	}
}

func TestRequestTooLarge(t *testing.T) {
	a := newApp(t, newProvider(), withRequest(oauth.AuthRequest{ACRValues: []string{strings.Repeat("a", 4000)}}))
	if w := a.do(httptest.NewRequest("GET", "/login", nil)); w.Code != 500 || w.Header().Get("Location") != "" {
		t.Errorf("%d", w.Code)
	}
}

// nexts are values of next as an attacker writes them, and a few right ones.
var nexts = []struct {
	next  string
	right bool
}{
	{"/", true}, {"/inbox", true}, {"/inbox?a=b&c=d", true}, {"/inbox#part", true}, {"/a/../b", true}, {"/%2e%2e/x", true}, {"/a//b", true},
	{"/?u=https://evil.example", true}, {"/a:b@evil.example", true}, {"/%2F%2Fevil.example", true}, {"/%5cevil.example", true}, {"/.//evil.example", true},
	{"", false}, {"inbox", false}, {"?x", false}, {"#x", false}, {"//evil.example", false}, {"///evil.example", false}, {"////evil.example", false},
	{"//evil.example/%2f..", false}, {"https://evil.example", false}, {"https:evil.example", false}, {"https:/evil.example", false}, {"https:///evil.example", false},
	{"HTTPS://evil.example", false}, {"http://evil.example", false}, {"//user@evil.example", false}, {"//evil.example:443", false}, {"//[::1]", false}, {"//%65vil.example", false},
	{`/\evil.example`, false}, {`\/evil.example`, false}, {`\\evil.example`, false}, {`/\/evil.example`, false}, {`//\evil.example`, false}, {`/a\b`, false}, {`\evil.example`, false},
	{"/\t/evil.example", false}, {"/\n/evil.example", false}, {"/\r/evil.example", false}, {"\t//evil.example", false}, {" //evil.example", false}, {" /inbox", false}, {"/ /evil.example", false},
	{"/\x00/evil.example", false}, {"\x00//evil.example", false}, {"/\x0b/evil.example", false}, {"/\x7f", false}, {"/\u00a0", false}, {"/\u2028", false}, {"/é", false}, {"/\xff", false},
	{"/x\r\nSet-Cookie: a=b", false}, {"/x\nLocation: https://evil.example", false}, {"javascript:alert(1)", false}, {"JaVaScRiPt:alert(1)", false}, {"data:text/html,x", false},
	{"vbscript:x", false}, {"mailto:a@evil.example", false}, {"evil.example", false}, {"evil.example/inbox", false}, {"@evil.example", false}, {".evil.example", false},
	{"/%zz", false}, {"/%", false}, {"/" + strings.Repeat("a", 2048), false}, {"..//evil.example", false}, {"./inbox", false}, {"\u2044\u2044evil.example", false}, {"／／evil.example", false},
}

// TestNext: no next leaves the site, as a browser resolves it.
func TestNext(t *testing.T) {
	if len(nexts) < 60 {
		t.Errorf("%d values", len(nexts))
	}
	for _, tt := range nexts {
		p := newProvider()
		a := newApp(t, p, oauth.Options{})
		w := a.signIn("?next=" + url.QueryEscape(tt.next))
		got := w.Header().Get("Location")
		want := "/"
		if tt.right {
			want = tt.next
		}
		if w.Code != 303 || got != want || a.calls != 1 {
			t.Errorf("next %q: %d %q", tt.next, w.Code, got)
		}
		u, err := guard.Must(url.Parse("https://app.example/callback")).Parse(got)
		if err != nil || u.Scheme != "https" || u.Host != "app.example" || u.User != nil {
			t.Errorf("next %q leaves the site: %v %v", tt.next, u, err)
		}
	}
	for _, query := range []string{"?next=/a&next=/b", "?next=/a;next=/b", "?next=%zz", "?NEXT=/a", "?next"} {
		a := newApp(t, newProvider(), oauth.Options{})
		if w := a.signIn(query); w.Code != 303 || w.Header().Get("Location") != "/" {
			t.Errorf("%s: %d %q", query, w.Code, w.Header().Get("Location"))
		}
	}
}

// TestNextLeadsBack: no sign-in ends at the callback, which would answer 400. Pages of its
// refusals link to a sign-in with such a next. A page may call Begin, and lead to itself.
func TestNextLeadsBack(t *testing.T) {
	for _, next := range []string{
		"/callback", "/callback?code=a&state=b", "/callback#x", "/callback/", "/a/../callback", "/a/%2e%2e/callback", "/./callback", "/%63allback", "/callback/.",
	} {
		a := newApp(t, newProvider(), oauth.Options{})
		if w := a.signIn("?next=" + url.QueryEscape(next)); w.Code != 303 || w.Header().Get("Location") != "/" {
			t.Errorf("%q: %d %q", next, w.Code, w.Header().Get("Location"))
		}
	}
	for _, next := range []string{"/callbacks", "/a/callback", "/CALLBACK", "/?u=/callback", "/login"} {
		a := newApp(t, newProvider(), oauth.Options{})
		if w := a.signIn("?next=" + url.QueryEscape(next)); w.Header().Get("Location") != next {
			t.Errorf("%q: %d %q", next, w.Code, w.Header().Get("Location"))
		}
	}
	a := newApp(t, newProvider(), oauth.Options{})
	a.account = "account-7"
	for next, want := range map[string]string{"/link": "/link", "/callback": "/", "/settings": "/settings"} {
		w := a.complete(a.p.authorize(t, a.link("?next="+next, nil).Header().Get("Location")))
		if got := w.Header().Get("Location"); w.Code != 303 || got != want {
			t.Errorf("Link with %q: %d %q", next, w.Code, got)
		}
	}
}

// Metadata that cannot be used is 503, and is fetched again later.
func TestMetadata(t *testing.T) {
	const path = "/.well-known/openid-configuration"
	change := func(name string, v any) func(*provider) {
		return func(p *provider) {
			p.metadata = func(m object) {
				if m[name] = v; v == nil {
					delete(m, name)
				}
			}
		}
	}
	for _, tt := range []fault{
		{name: "down", do: at(path, down), reason: "refused"},
		{name: "500", do: at(path, respond(500, "")), reason: "status 500"},
		{name: "a redirect", do: at(path, redirect), reason: "status 302"},
		{name: "too large", do: at(path, respond(200, strings.Repeat(" ", 1<<20+1))), reason: "more than"},
		{name: "no JSON", do: at(path, respond(200, "<html>")), reason: "not a JSON object"},
		{name: "issuer twice", do: at(path, respond(200, `{"issuer":"https://evil.example","issuer":"`+issuer+`"}`)), reason: "occurs twice"},
		{name: "keys down", do: at("/jwks", down), reason: "refused"},
		{name: "oidcc-client-test-discovery-issuer-mismatch", do: change("issuer", "https://evil.example"), reason: "that of"},
		{name: "issuer with a slash", do: change("issuer", issuer+"/"), reason: "that of"},
		{name: "no issuer", do: change("issuer", nil), reason: "that of"},
		{name: "no jwks_uri", do: change("jwks_uri", nil), reason: "not an absolute https URL"},
		{name: "no authorization_endpoint", do: change("authorization_endpoint", nil), reason: "authorization_endpoint"},
		{name: "no token_endpoint", do: change("token_endpoint", nil), reason: "token_endpoint"},
		{name: "no userinfo_endpoint, and UserInfo", do: change("userinfo_endpoint", nil), opts: oauth.Options{UserInfo: true}, reason: "userinfo_endpoint"},
		{name: "http", do: change("token_endpoint", "http://idp.example/token"), reason: "is not https"},
		{name: "http on this host", do: change("token_endpoint", "http://localhost/token"), reason: "is not https"},
		{name: "javascript", do: change("authorization_endpoint", "javascript:alert(1)"), reason: "authorization_endpoint"},
		{name: "a password in a URL", do: change("authorization_endpoint", "https://a:b@idp.example/"), reason: "holds credentials"},
		{name: "HS256 and none alone", do: change("id_token_signing_alg_values_supported", []string{"HS256", "none"}), reason: "no asymmetric algorithm"},
		{name: "no code flow", do: change("response_types_supported", []string{"id_token"}), reason: "no response type code"},
		{name: "pushed requests without an endpoint", do: func(p *provider) {
			p.metadata = func(m object) {
				m["require_pushed_authorization_requests"] = true
				delete(m, "pushed_authorization_request_endpoint")
			}
		}, reason: "pushed_authorization_request_endpoint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider()
				tt.do(p)
				a := newApp(t, p, tt.opts)
				w := a.do(httptest.NewRequest("GET", "/login", nil))
				if w.Code != 503 || len(a.cookies) != 0 || w.Header().Get("Location") != "" {
					t.Errorf("%d %v", w.Code, a.cookies)
				}
				if !strings.Contains(a.reason(), tt.reason) || !strings.HasPrefix(a.reason(), "failed: ") {
					t.Errorf("reason %s", a.reason())
				}
				p.heal()
				time.Sleep(time.Hour)
				a.do(httptest.NewRequest("GET", "/login", nil)) // which may still have the old one, and starts a fetch
				synctest.Wait()
				if w := a.signIn(""); w.Code != 303 {
					t.Errorf("after the outage: %d %s", w.Code, a.reason())
				}
			})
		})
	}
}

// An outage of the metadata during a sign-in leaves it.
func TestMetadataDownAtTheCallback(t *testing.T) {
	p := newProvider()
	a := newApp(t, p, oauth.Options{})
	v := p.authorize(t, a.begin(""))
	other := newApp(t, newProvider(), oauth.Options{}) // another process, which has no metadata yet
	other.p.override["/.well-known/openid-configuration"] = down
	other.cookies = a.cookies
	if w := other.complete(v); w.Code != 503 || other.pending() != 1 {
		t.Errorf("%d, %d pending", w.Code, other.pending())
	}
	if w := a.complete(v); w.Code != 303 {
		t.Errorf("%d %s", w.Code, a.reason())
	}
}

func TestPushedRequest(t *testing.T) {
	p := newProvider()
	p.metadata = func(m object) { m["require_pushed_authorization_requests"] = true }
	a := newApp(t, p, oauth.Options{})
	location := a.begin("")
	q := guard.Must(url.Parse(location)).Query()
	if len(q) != 2 || q.Get("client_id") != clientID || !strings.HasPrefix(q.Get("request_uri"), "urn:par:") {
		t.Errorf("location %s", location)
	}
	if w := a.complete(p.authorize(t, location)); w.Code != 303 {
		t.Errorf("%d %s", w.Code, a.reason())
	}
	for _, tt := range []struct {
		f    func() (*http.Response, error)
		want int
	}{
		{down, 503}, {respond(500, ""), 503}, {redirect, 503}, {respond(201, "x"), 503}, {respond(201, "{}"), 503}, {respond(201, strings.Repeat(" ", 1<<20+1)), 503},
		{respond(400, `{"error":"invalid_request"}`), 500}, {respond(401, `{"error":"invalid_client"}`), 500},
	} {
		p.override["/par"] = tt.f
		if w := a.do(httptest.NewRequest("GET", "/login", nil)); w.Code != tt.want || a.pending() != 0 {
			t.Errorf("%d, want %d: %s", w.Code, tt.want, a.reason())
		}
	}
}

// An authorization endpoint may have a query.
func TestEndpointWithQuery(t *testing.T) {
	p := newProvider()
	p.metadata = func(m object) { m["authorization_endpoint"] = issuer + "/authorize?tenant=a" }
	a := newApp(t, p, oauth.Options{})
	if location := a.begin(""); !strings.HasPrefix(location, issuer+"/authorize?tenant=a&") {
		t.Error(location)
	}
}

type discard http.Header

func (d discard) Header() http.Header         { return http.Header(d) }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// Begin is to be cheap: anyone may call it.
func TestBeginBudget(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	a := newApp(t, newProvider(), oauth.Options{})
	a.begin("")
	h, r := a.login.Begin(), httptest.NewRequest("GET", "/login?next=/inbox", nil)
	n := testing.AllocsPerRun(100, func() { h.ServeHTTP(discard{}, r) })
	t.Logf("%.0f allocations", n)
	if n > 40 {
		t.Errorf("%.0f allocations, want at most 40", n)
	}
}

func BenchmarkBegin(b *testing.B) {
	l := guard.Must(oauth.New[claims](oauth.Discover(issuer), oauth.Client{ID: clientID}, callback, &oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: newProvider()}}))
	h, r := l.Begin(), httptest.NewRequest("GET", "/login?next=/inbox", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(discard{}, r)
	}
}

func BenchmarkStranger(b *testing.B) {
	l := guard.Must(oauth.New[claims](oauth.Discover(issuer), oauth.Client{ID: clientID}, callback, &oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: newProvider()}}))
	h := l.Complete(func(http.ResponseWriter, *http.Request, *oauth.Identity[claims]) error { return nil })
	r := httptest.NewRequest("GET", "/callback?code=x&state="+strings.Repeat("0", 46), nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(discard{}, r)
	}
}

// timed measures how long the provider takes.
type timed struct {
	http.RoundTripper
	took *time.Duration
}

func (t timed) RoundTrip(r *http.Request) (*http.Response, error) {
	defer func(start time.Time) { *t.took += time.Since(start) }(time.Now())
	return t.RoundTripper.RoundTrip(r)
}

// BenchmarkComplete reports the time of Complete without that of the provider.
func BenchmarkComplete(b *testing.B) {
	p := newProvider()
	var provider, all time.Duration
	l := guard.Must(oauth.New[claims](oauth.Discover(issuer), oauth.Client{ID: clientID}, callback, &oauth.Options{Key: sealKey, HTTPClient: &http.Client{Transport: timed{p, &provider}}}))
	begin := l.Begin()
	complete := l.Complete(func(http.ResponseWriter, *http.Request, *oauth.Identity[claims]) error { return nil })
	run := func() {
		w := httptest.NewRecorder()
		begin.ServeHTTP(w, httptest.NewRequest("GET", "/login", nil))
		q := guard.Must(url.Parse(w.Header().Get("Location"))).Query()
		p.codes["code"] = q
		r := httptest.NewRequest("GET", "/callback?code=code&iss="+url.QueryEscape(issuer)+"&state="+q.Get("state"), nil)
		r.AddCookie(w.Result().Cookies()[0])
		start := time.Now()
		complete.ServeHTTP(discard{}, r)
		all += time.Since(start)
	}
	run() // fetches the metadata
	all, provider = 0, 0
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64((all-provider).Nanoseconds())/float64(b.N), "own-ns/op")
}

// BenchmarkES256 is the signature alone.
func BenchmarkES256(b *testing.B) {
	signature := guard.Must(jwt.SigningMethodES256.Sign("text", signingKey))
	for b.Loop() {
		if err := jwt.SigningMethodES256.Verify("text", signature, &signingKey.PublicKey); err != nil {
			b.Fatal(err)
		}
	}
}
