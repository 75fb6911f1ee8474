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
	"github.com/go-guard/guard/format"
)

const secretText = "dial tcp db.internal: hunter2"

// TestSteps: what each kind of step makes of what its authenticators answer.
func TestSteps(t *testing.T) {
	first := scheme{"X-First", `First realm="1"`, map[string]error{
		"down":     errors.New(secretText),
		"outage":   guard.Unavailable(errors.New(secretText)),
		"twice":    &guard.Error{Status: 400, Message: "twice"},
		"banned":   guard.Forbidden("banned"),
		"missing":  &guard.Error{Status: 401, Message: "First required", Err: guard.ErrNoCredentials},
		"wrapped":  fmt.Errorf("context: %w", guard.Unauthorized("wrapped")),
		"nil":      (*guard.Error)(nil),
		"timeout":  context.DeadlineExceeded,
		"deceived": guard.Unavailable(guard.ErrNoCredentials),
	}}
	second := scheme{"X-Second", `Second realm="2"`, nil}
	all := []string{first.challenge, second.challenge}
	tests := []struct {
		name, first, second     string
		require, optional, weak int // status; 200 reached with a principal, 204 reached as nobody
		message                 string
	}{
		{"first", "ok:1", "", 200, 200, 200, ""},
		{"second", "", "ok:2", 200, 200, 200, ""},
		{"both", "ok:1", "ok:2", 200, 200, 200, ""},
		{"none", "", "", 401, 204, 204, "Authentication required"},
		{"none, named", "missing", "", 401, 204, 204, "First required"},
		{"named, then second", "missing", "ok:2", 200, 200, 200, ""},
		{"a bad credential never falls through", "bad", "ok:2", 401, 401, 204, "bad X-First"},
		{"a good one before a bad one decides", "ok:1", "bad", 200, 200, 200, ""},
		{"a wrapped refusal", "wrapped", "ok:2", 401, 401, 204, "wrapped"},
		{"our failure", "down", "ok:2", 500, 500, 500, "The request could not be processed"},
		{"our outage", "outage", "ok:2", 503, 503, 503, "The service is unavailable. Try again later."},
		{"a timeout", "timeout", "", 503, 503, 503, "The service is unavailable. Try again later."},
		{"an outage that calls itself no credentials", "deceived", "ok:2", 503, 503, 503, "The service is unavailable. Try again later."},
		{"a malformed request", "twice", "ok:2", 400, 400, 400, "twice"},
		{"a forbidden one", "banned", "ok:2", 403, 403, 403, "banned"},
		{"a typed nil", "nil", "ok:2", 500, 500, 500, "The request could not be processed"},
	}
	kinds := []struct {
		name string
		mw   guard.Middleware
		want func(i int) int
	}{
		{"Require", guard.Require(first, second), func(i int) int { return tests[i].require }},
		{"Optional", guard.Optional(first, second), func(i int) int { return tests[i].optional }},
		{"Lenient", guard.Lenient(first, second), func(i int) int { return tests[i].weak }},
	}
	for _, kind := range kinds {
		for i, tt := range tests {
			t.Run(kind.name+"/"+tt.name, func(t *testing.T) {
				want := kind.want(i)
				w, reached := serve(t, kind.mw, func(w http.ResponseWriter, r *http.Request) {
					if _, known := guard.PrincipalFrom[*token](r.Context()); !known {
						w.WriteHeader(204)
					}
				}, "X-First", tt.first, "X-Second", tt.second)
				if w.Code != want || reached != (want < 300) {
					t.Fatalf("status %d, reached %t; want %d: %s", w.Code, reached, want, w.Body)
				}
				if got := w.Header()["Vary"]; !slices.Equal(got, []string{"X-First, X-Second"}) {
					t.Errorf("Vary %q", got)
				}
				if reached {
					return
				}
				if want := fmt.Sprintf(`{"error":%q,"message":%q}`, http.StatusText(want), tt.message); w.Body.String() != want {
					t.Errorf("body %s, want %s", w.Body, want)
				}
				if strings.Contains(fmt.Sprint(w.Body, w.Header()), "hunter2") {
					t.Error("our failure's text reached the client")
				}
				if got := w.Header()["Www-Authenticate"]; w.Code == 401 && !slices.Equal(got, all) || w.Code != 401 && got != nil {
					t.Errorf("challenges %q", got)
				}
				if got := w.Header()["Cache-Control"]; !slices.Equal(got, []string{"no-store"}) {
					t.Errorf("Cache-Control %q", got)
				}
			})
		}
	}
}

// TestSameChallenge: two authenticators that offer the same offer it once.
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

// TestGuardsBehindCarryChallenges: so does a 401 from a guard or a handler
// behind a step, and without a step it says Bearer.
func TestGuardsBehindCarryChallenges(t *testing.T) {
	realm, err := guard.Challenge("Bearer", "realm", `a "b" \c`)
	if err != nil {
		t.Fatal(err)
	}
	step := guard.Optional(scheme{"Authorization", realm, nil}, scheme{"X-Key", "ApiKey", nil})
	for name, h := range map[string]http.HandlerFunc{
		"HandlerFunc": guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *token) { t.Error("reached") }),
		"a handler":   refuse(guard.Unauthorized("")),
	} {
		w, _ := serve(t, step, h)
		if got, want := w.Header()["Www-Authenticate"], []string{`Bearer realm="a \"b\" \\c"`, "ApiKey"}; w.Code != 401 || !slices.Equal(got, want) {
			t.Errorf("%s: status %d, challenges %q, want %q", name, w.Code, got, want)
		}
		w, _ = serve(t, pass, h)
		if got := w.Header()["Www-Authenticate"]; w.Code != 401 || !slices.Equal(got, []string{"Bearer"}) {
			t.Errorf("%s without a step: status %d, challenges %q", name, w.Code, got)
		}
	}
}

// TestVary: answers that nobody also gets vary by the credential's header, and
// so does every answer to a credential that shared caches do not know.
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

func TestMapped(t *testing.T) {
	byName := func(_ context.Context, tok *token) (User, bool, error) {
		switch tok.sub {
		case "gone":
			return User{}, false, nil
		case "down":
			return User{}, false, io.ErrUnexpectedEOF
		case "abstain":
			return User{}, false, guard.ErrNoCredentials
		case "teapot":
			return User{}, true, &guard.Error{Status: 418}
		}
		return User{ID: tok.sub}, true, nil
	}
	m := guard.Map(bearer(), byName)
	if m.Scheme().Challenge != bearer().challenge {
		t.Errorf("challenge %q", m.Scheme().Challenge)
	}
	toID := guard.Map(m, func(_ context.Context, u User) (string, bool, error) { return u.ID, u.ID != "2", nil })
	tests := []struct {
		name, header string
		user, id     int
	}{
		{"known", "ok:1", 200, 200},
		{"unknown to the outer map", "ok:2", 200, 401},
		{"nobody of that name", "ok:gone", 401, 401},
		{"failure", "ok:down", 500, 500},
		{"a lookup that abstains", "ok:abstain", 500, 500},
		{"a refusal of the lookup's own", "ok:teapot", 418, 418},
		{"bad", "bad", 401, 401},
		{"none", "", 401, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, reached := serve(t, m.Wrap, guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
				if c, ok := guard.CredentialFrom[*token](r.Context()); !ok || c.sub != u.ID {
					t.Errorf("credential %v, %t", c, ok)
				}
			}), "Authorization", tt.header)
			if w.Code != tt.user || reached != (tt.user == 200) {
				t.Errorf("status %d, reached %t, want %d", w.Code, reached, tt.user)
			}
			w, reached = serve(t, toID.Wrap, guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, id string) {
				tok, ok := guard.CredentialFrom[*token](r.Context())
				u, ok2 := guard.CredentialFrom[User](r.Context())
				if _, ok3 := guard.CredentialFrom[int](r.Context()); !ok || !ok2 || ok3 || tok.sub != id || u.ID != id {
					t.Errorf("credentials %v %t, %v %t, %t", tok, ok, u, ok2, ok3)
				}
			}), "Authorization", tt.header)
			if w.Code != tt.id || reached != (tt.id == 200) {
				t.Errorf("mapped twice: status %d, reached %t, want %d", w.Code, reached, tt.id)
			}
		})
	}
}

// gone is a scheme with a refusal for credentials of principals that are gone.
type gone struct {
	scheme
	unknown error
}

func (g gone) Scheme() guard.Scheme {
	s := g.scheme.Scheme()
	s.Unknown = g.unknown
	return s
}

// hides takes its credential out of the URL.
type hides struct{ scheme }

func (h hides) Scheme() guard.Scheme {
	s := h.scheme.Scheme()
	s.Strip = func(r *http.Request) {
		u := *r.URL
		u.RawQuery = ""
		r.URL, r.RequestURI = &u, u.Path
	}
	return s
}

func TestOptionalMethodsOfAuthenticators(t *testing.T) {
	w, _ := serve(t, guard.BySubject(gone{bearer(), guard.Unauthorized("Invalid token")}, users).Wrap, nil, "Authorization", "ok:gone")
	if w.Code != 401 || !strings.Contains(w.Body.String(), `"Invalid token"`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	for name, mw := range map[string]guard.Middleware{
		"plain": guard.Require(hides{bearer()}), "mapped": guard.BySubject(hides{bearer()}, users).Wrap, "mapped, without": guard.BySubject(bearer(), users).Wrap,
	} {
		r := httptest.NewRequest("GET", "/a?key=secret", nil)
		r.Header.Set("Authorization", "ok:1")
		mw(http.HandlerFunc(func(_ http.ResponseWriter, in *http.Request) {
			if hidden := in.URL.RawQuery == ""; hidden != (name != "mapped, without") {
				t.Errorf("%s: the handler got %s", name, in.URL)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		if r.URL.RawQuery == "" {
			t.Errorf("%s: the outer request was changed", name)
		}
	}
}

// TestIdentityIsOnlyInTheContext: 200 callers at once, none of them answered
// with another's identity.
func TestIdentityIsOnlyInTheContext(t *testing.T) {
	const callers, requests = 200, 500
	h := guard.Observe(func(context.Context, guard.Decision) {})(guard.Require(guard.BySubject(bearer(), users))(guard.HandlerFunc(
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

// TestPanicPassesThrough: a panic of the handler is the application's.
func TestPanicPassesThrough(t *testing.T) {
	mw := guard.Chain(guard.Observe(nil), guard.OnError(format.Problem), guard.Require(bearer()))
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	serve(t, mw, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "Authorization", "ok:1")
	t.Error("the panic was swallowed")
}
