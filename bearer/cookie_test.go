package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/source"
)

// headerOrCookie are the sources of most tests with a cookie.
var headerOrCookie = []source.Source{source.Authorization("Bearer"), source.Cookie("token")}

// refuse401 refuses tokens in the ways in which verify can.
func refuse401(_ context.Context, token string) (user, bool, error) {
	dead := &guard.Error{Status: 401, Code: "replaced", Dead: true}
	switch token {
	case "dead":
		return user{}, false, dead
	case "wrapped":
		return user{}, false, fmt.Errorf("the lookup: %w", dead)
	case "challenge":
		return user{}, false, &guard.Error{Status: 401, Code: "replaced", Dead: true, Challenges: []string{"X"}}
	case "pending":
		return user{}, false, guard.Unauthorized("Confirm the sign-in")
	}
	return user{}, token == "good", nil
}

var refusals = []struct {
	name, token, code string
	dead              bool
}{
	{"malformed", "a b", "token_invalid", true},
	{"empty", "", "token_invalid", true},
	{"too long", strings.Repeat("a", 9000), "token_invalid", true},
	{"unknown", "unknown", "token_invalid", true},
	{"dead, says verify", "dead", "replaced", true},
	{"dead, says an error that verify wraps", "wrapped", "replaced", true},
	{"dead, says verify with a challenge", "challenge", "replaced", true},
	{"a 401 that may pass", "pending", "token_invalid", false},
}

func inCookie(token string, headers ...string) *http.Request {
	return harness.Request("https://api.test/", append(headers, "Cookie", "token="+token)...)
}

// TestCodes: a refusal has a stable code, and is dead only if its token was in the
// cookie.
func TestCodes(t *testing.T) {
	tokens := guard.Must(bearer.New(refuse401, &bearer.Options{Sources: headerOrCookie}))
	for _, tt := range refusals {
		for where, r := range map[string]*http.Request{"header": request("Bearer " + tt.token), "cookie": inCookie(tt.token)} {
			_, err := tokens.Authenticate(r)
			e, ok := errors.AsType[*guard.Error](err)
			if !ok || e.Code != tt.code {
				t.Errorf("%s, %s: %+v, want %q", tt.name, where, e, tt.code)
				continue
			}
			if want := tt.dead && where == "cookie"; e.Dead != want {
				t.Errorf("%s, %s: dead %t, want %t", tt.name, where, e.Dead, want)
			}
		}
	}
	for code, r := range map[string]*http.Request{
		"invalid_request": inCookie("good", "Authorization", "Bearer dead"),
		"cross_origin":    inCookie("good", "Sec-Fetch-Site", "cross-site"),
	} {
		r.Method = http.MethodPost
		_, err := tokens.Authenticate(r)
		if e, ok := errors.AsType[*guard.Error](err); !ok || e.Code != code || e.Dead {
			t.Errorf("%s: %+v", code, e)
		}
	}
	if _, err := tokens.Authenticate(request("Bearer wrapped")); !strings.Contains(err.Error(), "the lookup") {
		t.Errorf("the text of a wrapped refusal is lost: %v", err)
	}
}

// TestDeadCookieIsCleared: under Optional a dead token in the cookie is anonymous
// and cleared, under Require it is refused and cleared; a token in the header, or one
// that is not dead, is refused and nothing is cleared.
func TestDeadCookieIsCleared(t *testing.T) {
	tokens := guard.Must(bearer.New(refuse401, &bearer.Options{Sources: headerOrCookie}))
	const cleared = "token=; Path=/; Max-Age=0; HttpOnly"
	for _, tt := range refusals {
		status, clear := http.StatusOK, cleared
		if !tt.dead {
			status, clear = http.StatusUnauthorized, ""
		}
		for name, c := range map[string]struct {
			mw      guard.Middleware
			r       *http.Request
			status  int
			cleared string
		}{
			"Optional":      {guard.Optional(tokens), inCookie(tt.token), status, clear},
			"Require":       {tokens.Wrap, inCookie(tt.token), 401, clear},
			"by a script":   {tokens.Wrap, inCookie(tt.token, "Sec-Fetch-Mode", "cors"), 401, ""},
			"in the header": {guard.Optional(tokens), request("Bearer " + tt.token), 401, ""},
		} {
			w, reached := serve(t, c.mw, c.r)
			if set := w.Header().Get("Set-Cookie"); w.Code != c.status || reached != (c.status == 200) || set != c.cleared {
				t.Errorf("%s, %s: %d, reached %t, Set-Cookie %q; want %d, %q", tt.name, name, w.Code, reached, set, c.status, c.cleared)
			}
		}
	}
	if w, reached := serve(t, guard.Optional(tokens), inCookie("good")); !reached || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a good token: %d, %v", w.Code, w.Header())
	}
	if guard.Must(bearer.New(refuse401, nil)).Scheme().Ambient != nil {
		t.Error("without a cookie: Ambient is set")
	}
}

// TestIntrospectionCodes: why the token is refused is in the code. One that is not
// valid yet is not dead.
func TestIntrospectionCodes(t *testing.T) {
	now := start.Unix()
	for _, tt := range []struct {
		name, members, code string
		dead                bool
	}{
		{"inactive", `"active":false`, "token_invalid", true},
		{"expired", fmt.Sprintf(`"active":true,"exp":%d`, now), "token_expired", true},
		{"early", fmt.Sprintf(`"active":true,"nbf":%d`, now+6), "token_not_yet_valid", false},
		{"another issuer", `"active":true,"iss":"other"`, "token_issuer_invalid", true},
		{"another audience", `"active":true,"iss":"as","aud":"other"`, "token_audience_invalid", true},
		{"bound", `"active":true,"iss":"as","aud":"api","cnf":{}`, "token_invalid", true},
		{"another type", `"active":true,"iss":"as","aud":"api","token_type":"DPoP"`, "token_type_invalid", true},
	} {
		in := newEndpoint(t, "{"+tt.members+"}").introspector(t, &bearer.IntrospectorOptions{
			Issuer: "as", Audience: []string{"api"}, Now: func() time.Time { return start },
		})
		tokens := guard.Must(bearer.New(in.Verify, &bearer.Options{Sources: headerOrCookie}))
		_, err := tokens.Authenticate(inCookie("t0ken"))
		e, ok := errors.AsType[*guard.Error](err)
		if !ok || e.Code != tt.code {
			t.Errorf("%s: %+v, want %q", tt.name, e, tt.code)
			continue
		}
		if e.Dead != tt.dead {
			t.Errorf("%s: dead %t, want %t", tt.name, e.Dead, tt.dead)
		}
		if len(e.Challenges) != 1 || e.Challenges[0] != `Bearer error="invalid_token"` {
			t.Errorf("%s: challenges %q", tt.name, e.Challenges)
		}
	}
}

// TestTokenOfADeletedUser: it is dead in the cookie, and refused in the header.
func TestTokenOfADeletedUser(t *testing.T) {
	tokens := guard.Must(bearer.New(refuse401, &bearer.Options{Sources: headerOrCookie}))
	step := guard.Optional(guard.Map(tokens, func(context.Context, user) (user, bool, error) { return user{}, false, nil }))
	if w, reached := harness.Serve(t, step, nil, inCookie("good")); !reached || w.Header().Get("Set-Cookie") == "" {
		t.Errorf("in the cookie: status %d, Set-Cookie %q", w.Code, w.Header()["Set-Cookie"])
	}
	if w, reached := harness.Serve(t, step, nil, request("Bearer good")); reached || w.Code != 401 || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("in the header: status %d, Set-Cookie %q", w.Code, w.Header()["Set-Cookie"])
	}
}
