package guard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
	"github.com/go-guard/guard/internal/testing/race"
)

// TestSameChallenge: a challenge that two authenticators share is sent once.
func TestSameChallenge(t *testing.T) {
	one, two := scheme{"X-One", "Key", nil}, scheme{"X-Two", "Key", nil}
	w, _ := serve(t, guard.Require(one, bearer(), two), nil, "", "")
	if got, want := w.Header()["Www-Authenticate"], []string{"Key", `Bearer realm="a"`}; !slices.Equal(got, want) {
		t.Errorf("challenges %q, want %q", got, want)
	}
}

// TestOwnChallenge: the authenticator that refuses may say why in its own
// challenge; the others keep theirs, in order.
func TestOwnChallenge(t *testing.T) {
	first := scheme{"X-First", "First", nil}
	second := scheme{"X-Second", "Second", map[string]error{
		"bad": &guard.Error{Status: 401, Challenges: []string{`Second error="invalid_token"`}},
	}}
	w, _ := serve(t, guard.Require(first, second, bearer()), nil, "X-Second", "bad")
	if got, want := w.Header()["Www-Authenticate"], []string{"First", `Second error="invalid_token"`, `Bearer realm="a"`}; !slices.Equal(got, want) {
		t.Errorf("challenges %q, want %q", got, want)
	}
	w, _ = serve(t, guard.Require(second), nil, "X-Second", "bad")
	if got, want := w.Header()["Www-Authenticate"], []string{`Second error="invalid_token"`}; !slices.Equal(got, want) {
		t.Errorf("challenges %q, want %q", got, want)
	}
}

// TestVary: answers that anonymous callers also get vary by the credential's
// header, and so does every answer to a credential that shared caches ignore.
func TestVary(t *testing.T) {
	tests := []struct {
		name string
		mw   guard.Middleware
		have string
		want []string
	}{
		{"Require", guard.Require(bearer()), "", nil},
		{"Optional", guard.Optional(bearer()), "", []string{"Authorization"}},
		{"Lenient", guard.Lenient(bearer()), "Accept", []string{"Accept", "Authorization"}},
		{"twice", guard.Chain(guard.Optional(bearer()), guard.Optional(bearer())), "", []string{"Authorization"}},
		{"another header", guard.Optional(bearer(), scheme{"Cookie", "Session", nil}), "", []string{"Authorization, Cookie"}},
		{"mapped", guard.Require(guard.BySubject(scheme{"Cookie", "Session", nil}, users)), "", []string{"Cookie"}},
		{"mapped, Authorization", guard.Optional(guard.BySubject(bearer(), users)), "", []string{"Authorization"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			outer := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if tt.have != "" {
						w.Header().Set("Vary", tt.have)
					}
					next.ServeHTTP(w, r)
				})
			}
			w, reached := serve(t, guard.Chain(outer, tt.mw), nil, "Authorization", "ok:1", "Cookie", "ok:1")
			if got := w.Header()["Vary"]; !reached || !slices.Equal(got, tt.want) {
				t.Errorf("reached %t, Vary %q, want %q", reached, got, tt.want)
			}
		})
	}
}

// TestIdentityIsOnlyInTheContext: 200 callers at once, none of them answered
// with another's identity.
func TestIdentityIsOnlyInTheContext(t *testing.T) {
	const callers, requests = 200, 500
	h := guard.Observe(func(*http.Request, guard.Decision) {})(guard.Require(guard.BySubject(bearer(), users))(guard.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request, u User) {
			if c, _ := guard.CredentialFrom[*token](r.Context()); c.sub != u.ID {
				t.Errorf("%s holds the token of %s", u.ID, c.sub)
			}
			_, _ = io.WriteString(w, u.ID)
		})))
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			id := strconv.Itoa(i)
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "ok:"+id)
			for range requests {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Body.String() != id {
					t.Errorf("%s was answered as %s", id, w.Body)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestFailureThatWrapsNoCredentials: only a 401 abstains; a failure of ours
// whose cause says ErrNoCredentials is not anonymity.
func TestFailureThatWrapsNoCredentials(t *testing.T) {
	for _, status := range []int{0, 400, 403, 500, 503} {
		a := answers[string]{err: &guard.Error{Status: status, Err: fmt.Errorf("cache: %w", guard.ErrNoCredentials)}}
		w, reached := serve(t, guard.Optional(a), nil)
		if want := max(status, 400); reached || w.Code < want {
			t.Errorf("%d: status %d, reached %t", status, w.Code, reached)
		}
	}
}

// TestNilPrincipal: a nil is never a principal, wherever it comes from.
func TestNilPrincipal(t *testing.T) {
	if u, ok := guard.PrincipalFrom[*User](guard.WithPrincipal[*User](t.Context(), nil)); ok {
		t.Errorf("WithPrincipal authenticated %v", u)
	}
	if u, ok := guard.PrincipalFrom[any](guard.WithPrincipal[any](t.Context(), (*User)(nil))); ok {
		t.Errorf("WithPrincipal authenticated %v", u)
	}
	for name, mw := range map[string]guard.Middleware{
		"nil":               guard.Require[*token](answers[*token]{}),
		"nil, leniently":    guard.Lenient[*token](answers[*token]{}),
		"nil in any":        guard.Require[any](answers[any]{p: (*token)(nil)}),
		"nil map":           guard.Require[map[string]any](answers[map[string]any]{}),
		"nil credential":    guard.BySubject(answers[*token]{}, users).Wrap,
		"nil, with found":   guard.Map(bearer(), func(context.Context, *token) (*User, bool, error) { return nil, true, nil }).Wrap,
		"credential behind": guard.Map(guard.Map(answers[*token]{}, func(context.Context, *token) (User, bool, error) { return User{}, true, nil }), users2).Wrap,
	} {
		if w, reached := serve(t, mw, nil, "Authorization", "ok:1"); reached || w.Code != 500 {
			t.Errorf("%s: status %d, reached %t", name, w.Code, reached)
		}
	}
}

// funcAuthenticator is an authenticator that can be nil without being a pointer.
type funcAuthenticator func(*http.Request) (User, error)

func (f funcAuthenticator) Authenticate(r *http.Request) (User, error) { return f(r) }

func (funcAuthenticator) Scheme() guard.Scheme { return guard.Scheme{Challenge: "Test"} }

// TestAllocations are budgets: what a guard costs each request.
func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	known := &token{"1"}
	refusal := &guard.Error{Status: 403, Message: "Admin access required"}
	missing := &guard.Error{Status: 401, Message: "API key required", Err: guard.ErrNoCredentials}
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	ask := guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *token) {})
	tests := []struct {
		name   string
		h      http.Handler
		budget float64
		status int
	}{
		{"a gate that adds nothing", ask, 0, 0},
		{"Chain", guard.Chain(pass, pass)(nothing), 0, 0},
		{"Require", guard.Require(answers[*token]{p: known})(nothing), 2, 0},
		{"Require and ask", guard.Require(answers[*token]{p: known})(ask), 2, 0},
		{"Optional, known", guard.Optional(answers[*token]{p: known})(nothing), 2, 0},
		{"Optional, anonymous", guard.Optional(answers[*token]{err: guard.ErrNoCredentials})(nothing), 2, 0},
		{"Map to a pointer", guard.Map(answers[*token]{p: known}, func(_ context.Context, tok *token) (*token, bool, error) { return tok, true, nil }).Wrap(ask), 2, 0},
		{"Require, missing", guard.Require(answers[*token]{err: missing})(nothing), 5, 401},
		{"a refusal", refuse(refusal), 5, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := harness.NewDiscard()
			r := httptest.NewRequest("GET", "/", nil)
			r = r.WithContext(guard.WithPrincipal(r.Context(), known))
			got := w.Allocs(tt.h, r)
			if got > tt.budget || w.Status != tt.status {
				t.Errorf("%v allocations, status %d; want %v, %d", got, w.Status, tt.budget, tt.status)
			}
		})
	}
}

// cookie is an authenticator of a session in a cookie: "ok:SUBJECT" is accepted,
// "expired" is dead, "pending" is refused and lives on, "down" is an outage.
type cookie struct{}

func (cookie) Authenticate(r *http.Request) (*token, error) {
	c, err := r.Cookie("session")
	if err != nil {
		return nil, guard.ErrNoCredentials
	}
	switch subject, ok := strings.CutPrefix(c.Value, "ok:"); {
	case ok:
		return &token{subject}, nil
	case c.Value == "expired":
		return nil, &guard.Error{Status: 401, Message: "Session expired", Dead: true}
	case c.Value == "pending":
		return nil, guard.Unauthorized("Second factor required")
	}
	return nil, guard.Unavailable(errors.New("store: down"))
}

func (cookie) Scheme() guard.Scheme {
	return guard.Scheme{Challenge: "Session", Vary: []string{"Cookie"}, Ambient: func(w http.ResponseWriter) {
		w.Header().Add("Set-Cookie", "session=; Max-Age=0")
	}}
}

// TestDeadAmbientCredential: an expired session is anonymous under Optional, and
// its cookie is cleared where a browser opens a page; a bad Authorization field is
// refused as before, and so is a session that is not dead.
func TestDeadAmbientCredential(t *testing.T) {
	captureLog(t)
	const page, script = "navigate", "cors"
	tests := []struct {
		name, cookie, authorization, mode string
		require, optional, lenient        int // status; 200 with a principal, 204 anonymous
		clears                            bool
	}{
		{"alive", "ok:1", "", page, 200, 200, 200, false},
		{"none", "", "", page, 401, 204, 204, false},
		{"dead, a page", "expired", "", page, 401, 204, 204, true},
		{"dead, no browser", "expired", "", "", 401, 204, 204, true},
		{"dead, a script", "expired", "", script, 401, 204, 204, false},
		{"dead, then a good token", "expired", "ok:2", page, 401, 200, 200, true},
		{"dead, then a bad token", "expired", "bad", page, 401, 401, 204, true},
		{"a bad token alone", "", "bad", page, 401, 401, 204, false},
		{"pending", "pending", "", page, 401, 401, 204, false},
		{"an outage", "down", "", page, 503, 503, 503, false},
	}
	for _, kind := range []struct {
		name string
		mw   guard.Middleware
		want func(i int) int
	}{
		{"Require", guard.Require(cookie{}, bearer()), func(i int) int { return tests[i].require }},
		{"Optional", guard.Optional(cookie{}, bearer()), func(i int) int { return tests[i].optional }},
		{"Lenient", guard.Lenient(cookie{}, bearer()), func(i int) int { return tests[i].lenient }},
		{"Optional, mapped", guard.Optional(guard.BySubject(cookie{}, users), guard.BySubject(bearer(), users)), func(i int) int { return tests[i].optional }},
	} {
		for i, tt := range tests {
			t.Run(kind.name+"/"+tt.name, func(t *testing.T) {
				r := harness.Request("/")
				for name, value := range map[string]string{"Authorization": tt.authorization, "Sec-Fetch-Mode": tt.mode} {
					if value != "" {
						r.Header.Set(name, value)
					}
				}
				if tt.cookie != "" {
					r.Header.Set("Cookie", "session="+tt.cookie)
				}
				w, _ := harness.Serve(t, kind.mw, func(w http.ResponseWriter, r *http.Request) {
					_, isToken := guard.PrincipalFrom[*token](r.Context())
					if _, isUser := guard.PrincipalFrom[User](r.Context()); !isToken && !isUser {
						w.WriteHeader(204)
					}
				}, r)
				if want := kind.want(i); w.Code != want {
					t.Errorf("status %d, want %d: %s", w.Code, want, w.Body)
				}
				if got := w.Header().Get("Set-Cookie") != ""; got != tt.clears {
					t.Errorf("the cookie is cleared: %t, want %t", got, tt.clears)
				}
				want := "private"
				if w.Code >= 400 {
					want = "no-store"
				}
				if got := w.Header()["Cache-Control"]; !slices.Equal(got, []string{want}) {
					t.Errorf("Cache-Control %q, want %q", got, want)
				}
			})
		}
	}
}

// either accepts a token in the Authorization field or in a cookie.
type either struct{ cookie }

func (e either) Authenticate(r *http.Request) (*token, error) {
	if value := r.Header.Get("Authorization"); value != "" {
		return &token{value}, nil
	}
	return e.cookie.Authenticate(r)
}

func (e either) Scheme() guard.Scheme {
	s := e.cookie.Scheme()
	s.Vary = []string{"authorization", "Cookie"}
	s.Unknown = &guard.Error{Status: 401, Message: "Unknown user", Dead: true}
	return s
}

// TestDeadOnlyInTheCookie: a credential of an Authorization field whose principal is
// gone is refused under Optional. The cookie of a credential that another
// authenticator accepts is kept.
func TestDeadOnlyInTheCookie(t *testing.T) {
	gone := guard.Optional(guard.BySubject(either{}, func(context.Context, string) (User, bool, error) { return User{}, false, nil }))
	says := guard.Optional(guard.Map(either{}, func(context.Context, *token) (User, bool, error) {
		return User{}, false, &guard.Error{Status: 401, Dead: true}
	}))
	wraps := guard.Optional(guard.Map(either{}, func(context.Context, *token) (User, bool, error) {
		return User{}, false, fmt.Errorf("the lookup: %w", &guard.Error{Status: 401, Dead: true})
	}))
	refuses := guard.Map(either{}, func(context.Context, *token) (*token, bool, error) {
		return nil, false, &guard.Error{Status: 401, Dead: true}
	})
	for _, tt := range []struct {
		name          string
		mw            guard.Middleware
		field, value  string
		want          int
		reached, kept bool
	}{
		{"expired", gone, "Cookie", "session=expired", 200, true, false},
		{"no principal, in the cookie", gone, "Cookie", "session=ok:1", 200, true, false},
		{"no principal, in the field", gone, "Authorization", "ok:1", 401, false, true},
		{"says the application, in the cookie", says, "Cookie", "session=ok:1", 200, true, false},
		{"says the application, in the field", says, "Authorization", "ok:1", 401, false, true},
		{"wraps the application, in the cookie", wraps, "Cookie", "session=ok:1", 200, true, false},
		{"wraps the application, in the field", wraps, "Authorization", "ok:1", 401, false, true},
		{"accepted by another authenticator", guard.Optional(refuses, either{}), "Cookie", "session=ok:1", 200, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, reached := harness.Serve(t, tt.mw, nil, harness.Request("/", tt.field, tt.value))
			if kept := w.Header().Get("Set-Cookie") == ""; w.Code != tt.want || reached != tt.reached || kept != tt.kept {
				t.Errorf("status %d, reached %t, kept %t; want %d, %t, %t", w.Code, reached, kept, tt.want, tt.reached, tt.kept)
			}
		})
	}
}

// TestCookieOfTwoAuthenticators: a cookie that is dead to one authenticator, and that
// another one of the same cookie could not judge or did not call dead, is kept.
func TestCookieOfTwoAuthenticators(t *testing.T) {
	captureLog(t)
	dead := guard.Map(cookie{}, func(context.Context, *token) (*token, bool, error) {
		return nil, false, &guard.Error{Status: 401, Dead: true}
	})
	for name, tt := range map[string]struct {
		err  error
		want int // under Optional
	}{
		"an outage":  {guard.Unavailable(errors.New("down")), 503},
		"a failure":  {errors.New("down"), 500},
		"not dead":   {guard.Unauthorized("not yet valid"), 401},
		"a 403":      {guard.Forbidden(""), 403},
		"dead, both": {&guard.Error{Status: 401, Dead: true}, 200},
	} {
		second := guard.Map(cookie{}, func(context.Context, *token) (*token, bool, error) { return nil, false, tt.err })
		for mode, mw := range map[string]guard.Middleware{"Optional": guard.Optional(dead, second), "Lenient": guard.Lenient(dead, second)} {
			want := tt.want
			if mode == "Lenient" && want == 401 {
				want = 200
			}
			w, _ := harness.Serve(t, mw, nil, harness.Request("/", "Cookie", "session=ok:1"))
			if cleared := w.Header().Get("Set-Cookie") != ""; w.Code != want || cleared != (tt.want == 200) {
				t.Errorf("%s, %s: status %d, cleared %t", name, mode, w.Code, cleared)
			}
		}
	}
}

// TestCacheControlIsNotShared: what a handler does to the field is in its own answer
// alone.
func TestCacheControlIsNotShared(t *testing.T) {
	step := guard.Optional(cookie{})
	for _, change := range []func(http.Header){
		func(h http.Header) { h.Add("Cache-Control", "no-transform") },
		func(h http.Header) { h.Set("Cache-Control", "public") },
		func(h http.Header) { h["Cache-Control"] = append(h["Cache-Control"], "public") },
		func(h http.Header) { h["Cache-Control"][0] = "public" },
		func(http.Header) {},
	} {
		w, _ := harness.Serve(t, step, func(w http.ResponseWriter, _ *http.Request) {
			if got := w.Header()["Cache-Control"]; !slices.Equal(got, []string{"private"}) {
				t.Errorf("Cache-Control %q", got)
			}
			change(w.Header())
		}, harness.Request("/", "Cookie", "session=ok:1"))
		if w.Code != 200 {
			t.Errorf("status %d", w.Code)
		}
	}
}

// TestCacheControl: an answer that a cookie selects is private, unless the
// handler or an outer one says something else; one behind Authorization needs no
// such field.
func TestCacheControl(t *testing.T) {
	set := func(value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", value) }
	}
	outer := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { set("max-age=1")(w, r); next.ServeHTTP(w, r) })
	}
	for name, tt := range map[string]struct {
		mw   guard.Middleware
		h    http.HandlerFunc
		want string
	}{
		"a cookie":                   {guard.Require(cookie{}), nil, "private"},
		"a cookie or a token":        {guard.Optional(bearer(), cookie{}), nil, "private"},
		"the handler's own":          {guard.Require(cookie{}), set("no-store"), "no-store"},
		"an outer handler's":         {guard.Chain(outer, guard.Require(cookie{})), nil, "max-age=1"},
		"Authorization":              {guard.Require(bearer()), nil, ""},
		"Authorization, or anyone's": {guard.Optional(bearer()), nil, ""},
	} {
		w, reached := serve(t, tt.mw, tt.h, "Cookie", "session=ok:1", "Authorization", "ok:1")
		if got := w.Header().Get("Cache-Control"); !reached || got != tt.want {
			t.Errorf("%s: Cache-Control %q, want %q", name, got, tt.want)
		}
	}
}

// TestMissingMessage: an authenticator that abstains with an error of its own, but
// without a message, gets that of its Scheme.
func TestMissingMessage(t *testing.T) {
	for name, err := range map[string]error{
		"bare":                 guard.ErrNoCredentials,
		"wrapped":              fmt.Errorf("auth: %w", guard.ErrNoCredentials),
		"a 401 without a text": &guard.Error{Status: 401, Err: guard.ErrNoCredentials},
	} {
		a := withMissing{scheme{"X-Badge", "Badge", map[string]error{"": err}}, "Badge required"}
		w, reached := serve(t, guard.Require(a), nil)
		if w.Code != 401 || reached || !strings.Contains(w.Body.String(), `"Badge required"`) {
			t.Errorf("%s: status %d: %s", name, w.Code, w.Body)
		}
	}
}

// strictMapped refuses every request of a *Mapped that it embeds.
type strictMapped struct{ *guard.Mapped[*token, User] }

func (strictMapped) Authenticate(*http.Request) (User, error) {
	return User{}, guard.Forbidden("closed")
}

// TestEmbeddedMapped: the Authenticate of a type that embeds a *Mapped counts.
func TestEmbeddedMapped(t *testing.T) {
	a := strictMapped{guard.BySubject(bearer(), users)}
	for name, mw := range map[string]guard.Middleware{
		"itself": guard.Require[User](a),
		"mapped": guard.Map(a, func(_ context.Context, u User) (User, bool, error) { return u, true, nil }).Wrap,
	} {
		if w, reached := serve(t, mw, nil, "Authorization", "ok:1"); w.Code != 403 || reached {
			t.Errorf("%s: status %d, reached %t", name, w.Code, reached)
		}
	}
}
