package stepup_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/jwtauth/refresh"
	"github.com/go-guard/guard/session"
	"github.com/go-guard/guard/stepup"
)

// serveSession sends a cookie through a chain, with a method, and returns the status.
func serveSession(t *testing.T, m *session.Manager[struct{}], guards guard.Middleware, cookie string) int {
	t.Helper()
	w, _ := harness.Serve(t, guard.Chain(guard.Optional(m), guards), nil, harness.Request("/", "Cookie", cookie))
	return w.Code
}

// cookieOf returns the session cookie that a response sets.
func cookieOf(t *testing.T, h http.Header) string {
	t.Helper()
	cookie, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	if cookie == "" {
		t.Fatal("no cookie")
	}
	return cookie
}

// TestSessions: only a sign-in renews a session's time and factors, and one as another
// subject starts anew.
func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := guard.Must(session.New[struct{}](nil))
		create := func(subject, cookie string, opts ...session.CreateOption) string {
			t.Helper()
			w := harness.NewDiscard()
			r := harness.Request("/", "Cookie", cookie)
			r.Method = "POST"
			if _, err := m.Create(w, r, subject, struct{}{}, opts...); err != nil {
				t.Fatal(err)
			}
			return cookieOf(t, w.Header())
		}
		recent, otp, gold := stepup.Require(stepup.Within(5*time.Minute)), stepup.Require(stepup.Factor("otp")), stepup.Require(stepup.ACR("gold"))
		want := func(cookie string, isRecent, hasFactor, isGold bool) {
			t.Helper()
			for i, tt := range []struct {
				mw guard.Middleware
				ok bool
			}{{recent, isRecent}, {otp, hasFactor}, {gold, isGold}} {
				if code := serveSession(t, m, tt.mw, cookie); (code == 200) != tt.ok {
					t.Errorf("requirement %d: %d", i, code)
				}
			}
		}
		c := create("alice", "a=b", session.Factors("pwd", "otp"), session.ACR("gold"))
		want(c, true, true, true)
		time.Sleep(5*time.Minute - time.Millisecond)
		want(c, true, true, true)
		time.Sleep(time.Millisecond)
		want(c, false, true, true)
		r := harness.Request("/", "Cookie", c)
		s, err := m.Authenticate(r)
		if err != nil {
			t.Fatal(err)
		}
		w := harness.NewDiscard()
		if _, err := m.Rotate(w, r, s); err != nil { // no sign-in
			t.Fatal(err)
		}
		c = cookieOf(t, w.Header())
		want(c, false, true, true)
		c = create("alice", c, session.Factors("pwd"))
		want(c, true, false, false)
		c = create("alice", c, session.Factors("otp"))
		want(create("bob", c, session.Factors("pwd")), true, false, false)
		// A half sign-in and a guest have not signed in, also where they are principals.
		half := create("alice", "a=b", session.Factors("pwd", "otp"), session.ACR("gold"), session.Pending("totp", time.Minute))
		for i, mw := range []guard.Middleware{recent, otp, gold} {
			if w, reached := harness.Serve(t, guard.Chain(guard.Require(m.Step("totp")), mw), nil, harness.Request("/", "Cookie", half)); w.Code != 401 || reached {
				t.Errorf("half sign-in, requirement %d: %d", i, w.Code)
			}
		}
		guest, err := m.Guest(harness.NewDiscard(), harness.Request("/"), struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		r = harness.Request("/")
		r = r.WithContext(guard.WithPrincipal(r.Context(), guest))
		if w, reached := harness.Serve(t, recent, nil, r); w.Code != 401 || reached {
			t.Errorf("guest: %d", w.Code)
		}
	})
}

// TestTokens: the claims of a token, in every form that an issuer may write.
func TestTokens(t *testing.T) {
	key := jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32)))
	issuer := guard.Must(jwtauth.NewIssuer[map[string]any](key, nil))
	now := time.Now().Unix()
	require := stepup.Require(stepup.Within(5*time.Minute), stepup.Factor("otp"), stepup.ACR("gold"))
	otp := []string{"pwd", "otp"}
	type object = map[string]any
	for name, tt := range map[string]struct {
		claims object
		want   int
	}{
		"right":              {object{"auth_time": now, "amr": otp, "acr": "gold"}, 200},
		"a fraction":         {object{"auth_time": float64(now) + 0.5, "amr": otp, "acr": "gold"}, 200},
		"no time":            {object{"amr": otp, "acr": "gold"}, 401},
		"an old time":        {object{"auth_time": now - 301, "amr": otp, "acr": "gold"}, 401},
		"a future time":      {object{"auth_time": now + 3600, "amr": otp, "acr": "gold"}, 401},
		"a time as text":     {object{"auth_time": "1", "amr": otp, "acr": "gold"}, 401},
		"milliseconds":       {object{"auth_time": now * 1000, "amr": otp, "acr": "gold"}, 401},
		"a negative time":    {object{"auth_time": -1, "amr": otp, "acr": "gold"}, 401},
		"a huge time":        {object{"auth_time": 1e300, "amr": otp, "acr": "gold"}, 401},
		"null":               {object{"auth_time": nil, "amr": nil, "acr": nil}, 401},
		"no amr":             {object{"auth_time": now, "acr": "gold"}, 401},
		"amr as text":        {object{"auth_time": now, "amr": "otp", "acr": "gold"}, 401},
		"amr with a number":  {object{"auth_time": now, "amr": []any{"otp", 1}, "acr": "gold"}, 401},
		"amr of one object":  {object{"auth_time": now, "amr": object{"otp": true}, "acr": "gold"}, 401},
		"another case":       {object{"AUTH_TIME": now, "AMR": otp, "ACR": "gold"}, 401},
		"acr as a list":      {object{"auth_time": now, "amr": otp, "acr": []string{"gold"}}, 401},
		"acr as a number":    {object{"auth_time": now, "amr": otp, "acr": 2}, 401},
		"inside of a member": {object{"x": object{"auth_time": now, "amr": otp, "acr": "gold"}}, 401},
	} {
		token, err := issuer.Issue("alice", tt.claims)
		if err != nil {
			t.Fatal(name, err)
		}
		w, reached := harness.Serve(t, guard.Chain(issuer.Verifier().Wrap, require), nil, harness.Request("/", "Authorization", "Bearer "+token.AccessToken))
		if w.Code != tt.want || reached != (tt.want == 200) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if w, _ := harness.Serve(t, issuer.Verifier().Wrap, nil, harness.Request("/", "Authorization", "Bearer "+token.AccessToken)); w.Code != 200 {
			t.Errorf("%s: a route without requirements: %d %s", name, w.Code, w.Body)
		}
	}
	// The same claims may be those of the application.
	type claims struct {
		Time int64    `json:"auth_time"`
		AMR  []string `json:"amr"`
		ACR  string   `json:"acr"`
	}
	typed := guard.Must(jwtauth.NewIssuer[claims](key, nil))
	token := guard.Must(typed.Issue("alice", claims{now, otp, "gold"}))
	w, _ := harness.Serve(t, guard.Chain(typed.Verifier().Wrap, require), func(w http.ResponseWriter, r *http.Request) {
		token, _ := guard.PrincipalFrom[*jwtauth.Token[claims]](r.Context())
		if c := token.Claims; c.Time != now || len(c.AMR) != 2 || c.ACR != "gold" || token.ACR() != "gold" || token.AuthTime().Unix() != now || len(token.AMR()) != 2 {
			t.Errorf("%+v, %v, %q, %q", c, token.AuthTime(), token.AMR(), token.ACR())
		}
	}, harness.Request("/", "Authorization", "Bearer "+token.AccessToken))
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	fake := guardtest.Token("alice", claims{now, otp, "gold"})
	if w, _ := harness.Serve(t, require, nil, guardtest.As(harness.Request("/"), fake, nil)); w.Code != 200 {
		t.Errorf("a token of guardtest: %d %s", w.Code, w.Body)
	}
	if w, _ := harness.Serve(t, require, nil, guardtest.As(harness.Request("/"), guardtest.Token("alice", struct{}{}), nil)); w.Code != 401 {
		t.Errorf("a token of guardtest without claims: %d", w.Code)
	}
}

// TestRefresh: a refresh renews no sign-in: its claims come from the login.
func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type claims struct {
			Time int64    `json:"auth_time"`
			AMR  []string `json:"amr"`
		}
		issuer := guard.Must(jwtauth.NewIssuer[claims](jwtauth.HMAC("HS256", []byte(strings.Repeat("k", 32))), nil))
		logins := guard.Must(refresh.New(issuer, func(_ context.Context, _ string, login map[string]any) (c claims, found bool, err error) {
			c.Time, err = login["auth_time"].(json.Number).Int64()
			return claims{c.Time, []string{"otp"}}, true, err
		}, nil))
		tokens, err := logins.Start(t.Context(), "alice", &refresh.StartOptions[claims]{Login: map[string]any{"auth_time": time.Now().Unix()}})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{200, 401} {
			step := guard.Chain(issuer.Verifier().Wrap, stepup.Require(stepup.Within(6*time.Minute), stepup.Factor("otp")))
			if w, _ := harness.Serve(t, step, nil, harness.Request("/", "Authorization", "Bearer "+tokens.AccessToken)); w.Code != want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, want)
			}
			time.Sleep(6 * time.Minute)
			if tokens, err = logins.Refresh(t.Context(), tokens.RefreshToken); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestIntrospection: the members of RFC 9470, section 6.2.
func TestIntrospection(t *testing.T) {
	var answer string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	defer server.Close()
	tokens := guard.Must(bearer.New(guard.Must(bearer.NewIntrospector(server.URL, "client", "secret", nil)).Verify, nil))
	require := stepup.Require(stepup.Within(5*time.Minute), stepup.Factor("otp"), stepup.ACR("gold"))
	now := strconv.FormatInt(time.Now().Unix(), 10)
	for members, want := range map[string]int{
		`"auth_time":` + now + `,"amr":["pwd","otp"],"acr":"gold"`: 200,
		`"amr":["otp"],"acr":"gold"`:                               401,
		`"auth_time":"` + now + `","amr":["otp"],"acr":"gold"`:     401,
		`"auth_time":-1,"amr":["otp"],"acr":"gold"`:                401,
		`"auth_time":` + now + `,"amr":"otp","acr":"gold"`:         401,
		`"auth_time":` + now + `,"amr":["otp",null],"acr":"gold"`:  401,
		`"auth_time":` + now + `,"amr":["otp"],"acr":["gold"]`:     401,
		`"auth_time":` + now + `,"amr":["otp"]`:                    401,
		`"x":{"auth_time":` + now + `,"amr":["otp"],"acr":"gold"}`: 401,
	} {
		answer = `{"active":true,"sub":"alice","exp":` + strconv.FormatInt(time.Now().Unix()+60, 10) + `,` + members + `}`
		for mw, want := range map[*guard.Middleware]int{&require: want, new(guard.Middleware): 200} {
			if *mw == nil {
				*mw = guard.Chain()
			}
			w, reached := harness.Serve(t, guard.Chain(guard.Require(tokens), *mw), nil, harness.Request("/", "Authorization", "Bearer "+rand.Text()))
			if w.Code != want || reached != (want == 200) {
				t.Errorf("%s: %d %s, want %d", members, w.Code, w.Body, want)
			}
		}
	}
}
