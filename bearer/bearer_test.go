package bearer_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/source"
)

type user struct{ id, name string }

func verify(_ context.Context, token string) (user, bool, error) {
	switch token {
	case "valid_token_123", "abc+/~.-_==":
		return user{"1", "Alice"}, true, nil
	case "outage":
		return user{}, false, errors.New("secret database text")
	case "unavailable":
		return user{}, false, guard.Unavailable(errors.New("down"))
	case "revoked":
		return user{}, false, guard.Unauthorized("Token revoked")
	case "abstains":
		return user{}, false, guard.ErrNoCredentials
	case "careless": // the principal does not count where found is false
		return user{"1", "Alice"}, false, nil
	}
	return user{}, false, nil
}

// serve sends r through mw and reports whether the handler behind it ran.
func serve(t testing.TB, mw guard.Middleware, r *http.Request) (w *httptest.ResponseRecorder, reached bool) {
	t.Helper()
	return harness.Serve(t, mw, nil, r)
}

func request(authorization ...string) *http.Request {
	r := harness.Request("https://api.test/")
	if len(authorization) > 0 {
		r.Header["Authorization"] = authorization
	}
	return r
}

const (
	e401 = `{"error":"Unauthorized","message":"Invalid or expired token"}`
	none = `{"error":"Unauthorized","message":"Bearer token required"}`
	e400 = `{"error":"Bad Request","message":"More than one credential was sent"}`
)

func TestTokens(t *testing.T) {
	tokens := guard.Must(bearer.New(verify, &bearer.Options{Realm: `a "b" \c`}))
	const realm = `Bearer realm="a \"b\" \\c"`
	tests := []struct {
		name      string
		header    []string
		want      int
		challenge string
		body      string
	}{
		{"none", nil, 401, realm, none},
		{"empty field", []string{""}, 401, realm, none},
		{"another scheme", []string{"Basic dTpw"}, 401, realm, none},
		{"a longer scheme", []string{"Bearerer valid_token_123"}, 401, realm, none},
		{"valid", []string{"Bearer valid_token_123"}, 200, "", ""},
		{"scheme in any case", []string{"bEaReR valid_token_123"}, 200, "", ""},
		{"spaces before the token", []string{"Bearer   valid_token_123"}, 200, "", ""},
		{"every letter of token68", []string{"Bearer abc+/~.-_=="}, 200, "", ""},
		{"empty", []string{"Bearer"}, 401, realm + `, error="invalid_token"`, e401},
		{"empty with a space", []string{"Bearer "}, 401, realm + `, error="invalid_token"`, e401},
		{"a tab", []string{"Bearer\tvalid_token_123"}, 401, realm + `, error="invalid_token"`, e401},
		{"two in a line", []string{"Bearer valid_token_123, Bearer x"}, 401, realm + `, error="invalid_token"`, e401},
		{"a space behind", []string{"Bearer valid_token_123 "}, 401, realm + `, error="invalid_token"`, e401},
		{"quoted", []string{`Bearer "valid_token_123"`}, 401, realm + `, error="invalid_token"`, e401},
		{"not ASCII", []string{"Bearer välid"}, 401, realm + `, error="invalid_token"`, e401},
		{"unknown", []string{"Bearer unknown"}, 401, realm + `, error="invalid_token"`, e401},
		{"in another case", []string{"Bearer VALID_TOKEN_123"}, 401, realm + `, error="invalid_token"`, e401},
		{"too long", []string{"Bearer " + strings.Repeat("a", 8193)}, 401, realm + `, error="invalid_token"`, e401},
		{"a principal that was not found", []string{"Bearer careless"}, 401, realm + `, error="invalid_token"`, e401},
		{"the lookup's own refusal", []string{"Bearer revoked"}, 401, realm + `, error="invalid_token"`, `{"error":"Unauthorized","message":"Token revoked"}`},
		{"twice", []string{"Bearer valid_token_123", "Bearer valid_token_123"}, 400, realm + `, error="invalid_request"`, e400},
		{"another scheme, too", []string{"Basic dTpw", "Bearer valid_token_123"}, 400, realm + `, error="invalid_request"`, e400},
		{"failure", []string{"Bearer outage"}, 500, "", `{"error":"Internal Server Error","message":"The request could not be processed"}`},
		{"outage", []string{"Bearer unavailable"}, 503, "", `{"error":"Service Unavailable","message":"The service is unavailable. Try again later."}`},
		{"a lookup may not abstain", []string{"Bearer abstains"}, 500, "", `{"error":"Internal Server Error","message":"The request could not be processed"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, reached := serve(t, tokens.Wrap, request(tt.header...))
			if w.Code != tt.want || reached != (tt.want == 200) {
				t.Errorf("status %d, reached %t; want %d", w.Code, reached, tt.want)
			}
			if got := strings.Join(w.Header().Values("WWW-Authenticate"), "|"); got != tt.challenge {
				t.Errorf("challenge %s, want %s", got, tt.challenge)
			}
			if got := w.Body.String(); got != tt.body {
				t.Errorf("body %s, want %s", got, tt.body)
			}
			if got := w.Header().Get("Cache-Control"); tt.want != 200 && got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
}

func TestPrincipal(t *testing.T) {
	tokens := guard.Must(bearer.New(verify, nil))
	w := httptest.NewRecorder()
	tokens.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, u user) {
		_, _ = w.Write([]byte(u.name))
	})).ServeHTTP(w, request("Bearer valid_token_123"))
	if w.Body.String() != "Alice" || w.Header().Get("Vary") != "" {
		t.Errorf("%s, Vary %q", w.Body, w.Header().Get("Vary"))
	}
}

func TestUnknownPrincipal(t *testing.T) {
	tokens := guard.Must(bearer.New(verify, nil))
	mapped := guard.Map(tokens, func(context.Context, user) (int, bool, error) { return 0, false, nil })
	w, reached := serve(t, mapped.Wrap, request("Bearer valid_token_123"))
	if w.Code != 401 || reached || w.Body.String() != e401 || w.Header().Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
		t.Errorf("status %d, reached %t, %v %s", w.Code, reached, w.Header(), w.Body)
	}
}

func TestMessagesAndLimit(t *testing.T) {
	o := &bearer.Options{Missing: "no", Invalid: "bad", MaxTokenBytes: 15, ResourceMetadata: "https://api.test/m"}
	tokens := guard.Must(bearer.New(verify, o))
	o.Missing, o.MaxTokenBytes = "changed", 1 // options are copied
	for _, tt := range []struct{ header, challenge, message string }{
		{"", `Bearer resource_metadata="https://api.test/m"`, "no"},
		{"Bearer 0123456789abcdef", `Bearer error="invalid_token", resource_metadata="https://api.test/m"`, "bad"},
	} {
		w, _ := serve(t, tokens.Wrap, request(tt.header))
		if !strings.Contains(w.Body.String(), `"message":"`+tt.message+`"`) || w.Header().Get("WWW-Authenticate") != tt.challenge {
			t.Errorf("%q: %s, %s", tt.header, w.Body, w.Header().Get("WWW-Authenticate"))
		}
	}
	if _, reached := serve(t, tokens.Wrap, request("Bearer valid_token_123")); !reached {
		t.Error("a token of exactly MaxTokenBytes was refused")
	}
}

func TestCookie(t *testing.T) {
	tokens := guard.Must(bearer.New(verify, &bearer.Options{Sources: headerOrCookie}))
	tests := []struct {
		name    string
		method  string
		header  string
		cookies []string
		site    string // Sec-Fetch-Site
		want    int
		body    string
	}{
		{"none", "GET", "", nil, "", 401, none},
		{"header", "GET", "Bearer valid_token_123", nil, "", 200, ""},
		{"header, cross-site", "POST", "Bearer valid_token_123", nil, "cross-site", 200, ""},
		{"cookie", "GET", "", []string{"token=valid_token_123"}, "", 200, ""},
		{"cookie beside another scheme", "GET", "Basic dTpw", []string{"token=valid_token_123"}, "", 200, ""},
		{"bad cookie", "GET", "", []string{"token=x"}, "", 401, e401},
		{"empty cookie", "GET", "", []string{"token="}, "", 401, e401},
		{"cookie with a space", "GET", "", []string{`token="valid_token_123 x"`}, "", 401, e401},
		{"both", "GET", "Bearer valid_token_123", []string{"token=valid_token_123"}, "", 200, ""},
		{"both, quoted", "GET", "Bearer valid_token_123", []string{`token="valid_token_123"`}, "", 200, ""},
		{"both, cross-site", "POST", "Bearer valid_token_123", []string{"token=valid_token_123"}, "cross-site", 200, ""},
		{"two tokens", "GET", "Bearer valid_token_123", []string{"token=valid_token_1234"}, "", 400, e400},
		{"two tokens, cross-site", "POST", "Bearer valid_token_123", []string{"token=valid_token_1234"}, "cross-site", 400, e400},
		{"both, header malformed", "GET", "Bearer", []string{"token=valid_token_123"}, "", 400, e400},
		{"two cookies", "GET", "", []string{"token=valid_token_123; token=valid_token_123"}, "", 400, e400},
		{"cookie that net/http cannot parse", "GET", "", []string{`token=a"b`}, "", 401, e401},
		{"one that it cannot and one that it can", "GET", "", []string{"token=\x80; token=valid_token_123"}, "", 400, e400},
		{"two cookie lines", "GET", "", []string{"token=valid_token_123", "token=valid_token_123"}, "", 400, e400},
		{"cookie, cross-site, safe", "GET", "", []string{"token=valid_token_123"}, "cross-site", 200, ""},
		{"cookie, same origin", "POST", "", []string{"token=valid_token_123"}, "same-origin", 200, ""},
		{"cookie, cross-site", "POST", "", []string{"token=valid_token_123"}, "cross-site", 403, `{"error":"Forbidden","message":"Cross-site request refused"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request()
			r.Method = tt.method
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			r.Header["Cookie"] = tt.cookies
			if tt.site != "" {
				r.Header.Set("Sec-Fetch-Site", tt.site)
			}
			w, reached := serve(t, tokens.Wrap, r)
			if w.Code != tt.want || reached != (tt.want == 200) || w.Body.String() != tt.body {
				t.Errorf("status %d, reached %t, %s; want %d %s", w.Code, reached, w.Body, tt.want, tt.body)
			}
			if got := w.Header().Get("Vary"); got != "Authorization, Cookie" {
				t.Errorf("Vary %q", got)
			}
		})
	}
}

func TestNewReportsAllMistakes(t *testing.T) {
	_, err := bearer.New[user](nil, &bearer.Options{Realm: "ä", MaxTokenBytes: -1, Sources: []source.Source{source.Cookie("a b")}, TrustedOrigins: []string{"x"}, ResourceMetadata: "/m"})
	for _, want := range []string{"verify is nil", "MaxTokenBytes", `source name "a b"`, "trusted origin", "ResourceMetadata", "not quotable"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q not in %v", want, err)
		}
	}
	if _, err := bearer.New(verify, &bearer.Options{Realm: "a\r\nb"}); err == nil {
		t.Error("a realm with a line break was accepted")
	}
}

func TestReasonsHoldNoToken(t *testing.T) {
	var got []string
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) {
		got = append(got, d.Package+": "+d.Reason)
		if s := d.Err.Error(); strings.Contains(s, "t0ken") || strings.Contains(s, "{{{") {
			t.Errorf("a token in %s", s)
		}
	})
	tokens := guard.Must(bearer.New(verify, nil))
	for _, h := range [][]string{{"Bearer t0ken"}, {"Bearer {{{"}, {"Bearer a", "Bearer b"}, nil} {
		serve(t, guard.Chain(observe, tokens.Wrap), request(h...))
	}
	want := []string{
		"bearer: bearer: the token is unknown or expired", "bearer: bearer: the token is malformed",
		"bearer: bearer: more than one credential", "bearer: guard: no credentials",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

// Refusals are built once, and a refusal costs its copy.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	tokens := guard.Must(bearer.New(verify, nil))
	for _, tt := range []struct {
		name, header string
		max          float64
	}{{"valid", "Bearer valid_token_123", 0}, {"hostile", "Bearer " + strings.Repeat("a", 800<<10), 1}, {"none", "Basic x", 1}} {
		r := request(tt.header)
		if got := testing.AllocsPerRun(100, func() { _, _ = tokens.Authenticate(r) }); got > tt.max {
			t.Errorf("%s: %v allocations, want %v", tt.name, got, tt.max)
		}
	}
}

// A caller that changes a refusal it was handed changes no later answer.
func TestRefusalsAreCopies(t *testing.T) {
	revoked := &guard.Error{Status: 401, Message: "Revoked"}
	tokens := guard.Must(bearer.New(func(ctx context.Context, token string) (user, bool, error) {
		if token == "shared" {
			return user{}, false, revoked
		}
		return verify(ctx, token)
	}, nil))
	for name, header := range map[string][]string{
		"malformed": {"Bearer"}, "unknown": {"Bearer unknown"}, "twice": {"Bearer a", "Bearer b"}, "a shared 401 of verify": {"Bearer shared"},
	} {
		var first, second *guard.Error
		if _, err := tokens.Authenticate(request(header...)); !errors.As(err, &first) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		message, challenges := first.Message, slices.Clone(first.Challenges)
		first.Message = "changed"
		for i := range first.Challenges {
			first.Challenges[i] = "changed"
		}
		if _, err := tokens.Authenticate(request(header...)); !errors.As(err, &second) || second.Message != message || !slices.Equal(second.Challenges, challenges) {
			t.Errorf("%s: the second refusal is %+v", name, second)
		}
	}
	if a, b := tokens.Scheme().Unknown, tokens.Scheme().Unknown; a == b {
		t.Error("Scheme returns one refusal twice")
	}
}

// A zero Tokens authenticates no one, and is open to no one.
func TestZeroValue(t *testing.T) {
	for _, r := range []*http.Request{request(), request("Bearer valid_token_123")} {
		_, err := (&bearer.Tokens[user]{}).Authenticate(r)
		var refusal *guard.Error
		if err == nil || errors.Is(err, guard.ErrNoCredentials) || errors.As(err, &refusal) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"", "Bearer", "Bearer valid_token_123", "bearer  x==", "Basic a", "Bearer a b", "Bearer \x00", "Bearer a,b"} {
		f.Add(s)
	}
	var seen string
	tokens := guard.Must(bearer.New(func(_ context.Context, token string) (user, bool, error) {
		seen = token
		return user{"1", "Alice"}, true, nil
	}, nil))
	f.Fuzz(func(t *testing.T, header string) {
		seen = ""
		w, reached := serve(t, tokens.Wrap, request(header))
		switch {
		case reached:
			// What is accepted is the scheme, spaces and a token68: nothing else.
			rest := strings.TrimLeft(header[len("Bearer"):], " ")
			if w.Code != 200 || rest != seen || seen == "" || strings.ContainsAny(seen, " ,\"\t\r\n\x00") {
				t.Errorf("%q: token %q, status %d", header, seen, w.Code)
			}
		case w.Code != 401 || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer"):
			t.Errorf("%q: status %d, %v", header, w.Code, w.Header())
		}
	})
}

// Any page may open a WebSocket here, and the browser adds the cookie.
func TestWebSocketFromAnotherSite(t *testing.T) {
	tokens := guard.Must(bearer.New(verify, &bearer.Options{Sources: headerOrCookie}))
	for origin, want := range map[string]int{"https://evil.example": 403, "https://api.test": 200, "": 200} {
		r := request()
		r.Header.Set("Cookie", "token=valid_token_123")
		r.Header.Set("Upgrade", "WebSocket")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w, reached := serve(t, tokens.Wrap, r)
		if w.Code != want || reached != (want == 200) {
			t.Errorf("origin %q: %d, reached %t; want %d", origin, w.Code, reached, want)
		}
	}
}
