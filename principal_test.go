package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-guard/guard"
)

type appKey struct{}

// withValue adds a value of the application's to the context.
func withValue(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), appKey{}, "value")
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// TestInnerStepHides: an inner step decides who sends the request, also where it
// authenticates no one. It hides the outer credential with the outer principal.
func TestInnerStepHides(t *testing.T) {
	outer := guard.Require(guard.BySubject(bearer(), users))
	inner := scheme{"X-Inner", "Inner", nil}
	tests := []struct {
		name, inner string
		mw          guard.Middleware
		user, token string
	}{
		{"none inside", "", pass, "1", "1"},
		{"anonymous inside", "", guard.Optional(guard.BySubject(inner, users)), "", ""},
		{"a bad one inside, leniently", "bad", guard.Lenient(guard.BySubject(inner, users)), "", ""},
		{"another inside", "ok:2", guard.Optional(guard.BySubject(inner, users)), "2", "2"},
		{"another type inside", "ok:2", guard.Require(inner), "1", "2"},
		{"anonymous of another type inside", "", guard.Optional(inner), "1", "1"},
		{"by hand", "", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), User{ID: "3"})))
			})
		}, "3", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, reached := serve(t, guard.Chain(outer, withValue, tt.mw), func(_ http.ResponseWriter, r *http.Request) {
				u, known := guard.PrincipalFrom[User](r.Context())
				if u.ID != tt.user || known != (tt.user != "") {
					t.Errorf("user %q, %t; want %q", u.ID, known, tt.user)
				}
				c, known := guard.CredentialFrom[*token](r.Context())
				if known != (tt.token != "") || known && c.sub != tt.token {
					t.Errorf("token %v, %t; want %q", c, known, tt.token)
				}
				if r.Context().Value(appKey{}) != "value" {
					t.Error("the application's value is gone")
				}
			}, "Authorization", "ok:1", "X-Inner", tt.inner)
			if !reached {
				t.Error("not reached")
			}
		})
	}
}

// TestWrongPrincipalType: a handler that asks for another type than was
// authenticated is our mistake, 500, and never 401.
func TestWrongPrincipalType(t *testing.T) {
	h := guard.HandlerFunc(func(http.ResponseWriter, *http.Request, *User) { t.Error("ran") })
	for name, mw := range map[string]guard.Middleware{
		"User behind *User":    guard.BySubject(bearer(), users).Wrap,
		"token":                guard.Require(bearer()),
		"anonymous of another": guard.Optional(bearer()),
	} {
		header := "ok:1"
		if strings.HasPrefix(name, "anonymous") {
			header = ""
		}
		w, _ := serve(t, mw, h, "Authorization", header)
		if w.Code != 500 || strings.Contains(w.Body.String(), "User") {
			t.Errorf("%s: status %d, %s", name, w.Code, w.Body)
		}
	}
	log := captureLog(t)
	if w, _ := serve(t, pass, h); w.Code != 500 || !strings.Contains(log.String(), "no authentication step is in front") {
		t.Errorf("no step at all: status %d, log %s", w.Code, log)
	}
}

// TestHandler: the error of a handler is answered as Refuse answers it.
func TestHandler(t *testing.T) {
	captureLog(t)
	for want, err := range map[int]error{200: nil, 404: guard.NotFound(""), 503: guard.Unavailable(nil), 500: errors.New("hunter2")} {
		var got User
		w, reached := serve(t, guard.BySubject(bearer(), users).Wrap, guard.Handler(func(_ http.ResponseWriter, _ *http.Request, u User) error {
			got = u
			return err
		}).ServeHTTP, "Authorization", "ok:1")
		if w.Code != want || !reached || got.ID != "1" || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%v: status %d, user %v: %s", err, w.Code, got, w.Body)
		}
	}
}

// TestGuardsBehindCarryChallenges: a 401 from a guard or a handler behind a step
// has the challenges of that step, and "Bearer" without a step.
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
	}
	w, _ := serve(t, pass, refuse(guard.Unauthorized("")))
	if got := w.Header()["Www-Authenticate"]; w.Code != 401 || !slices.Equal(got, []string{"Bearer"}) {
		t.Errorf("a handler without a step: status %d, challenges %q", w.Code, got)
	}
}

type scoped interface{ HasScope(string) bool }

type grant string

func (g grant) HasScope(s string) bool { return string(g) == s }

type account struct{ id string }

// authenticates is an authenticator that always answers p, or abstains.
type authenticates[P any] struct {
	p     P
	known bool
}

func (a authenticates[P]) Authenticate(*http.Request) (P, error) {
	if !a.known {
		return a.p, guard.ErrNoCredentials
	}
	return a.p, nil
}

func (authenticates[P]) Scheme() guard.Scheme { return guard.Scheme{Challenge: `Bearer realm="x"`} }

func TestAuthenticatedByInterface(t *testing.T) {
	known := guard.Require[grant](authenticates[grant]{"read", true})
	toAccount := func(_ context.Context, g grant) (account, bool, error) { return account{"1"}, true, nil }
	tests := []struct {
		name string
		mw   guard.Middleware
		want int
	}{
		{"the principal itself", known, 200},
		{"an interface as principal", guard.Require[any](authenticates[any]{grant("read"), true}), 200},
		{"mapped", guard.Require[account](guard.Map(authenticates[grant]{"read", true}, toAccount)), 200},
		{"behind another type", guard.Chain(known, guard.Require[account](authenticates[account]{account{"1"}, true})), 200},
		{"anonymous", guard.Optional[grant](authenticates[grant]{}), 401},
		{"hidden by an inner step", guard.Chain(known, guard.Optional[grant](authenticates[grant]{})), 401},
		{"no step", guard.Chain(), 500},
		{"no such credential", guard.Require[account](authenticates[account]{account{"1"}, true}), 500},
		{"no such interface", guard.Require[any](authenticates[any]{account{"1"}, true}), 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, err := guard.AuthenticatedBy[scoped](r.Context())
				if err != nil {
					guard.Refuse(w, r, err)
					return
				}
				if !s.HasScope("read") {
					t.Errorf("found %v", s)
				}
			}))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if w.Code != tt.want {
				t.Errorf("status %d, want %d: %s", w.Code, tt.want, w.Body)
			}
		})
	}
	if _, err := guard.AuthenticatedBy[scoped](context.Background()); errors.Is(err, guard.ErrNoCredentials) {
		t.Error("a guard's refusal abstains")
	}
}

func TestChallenges(t *testing.T) {
	if got := guard.Challenges(context.Background()); got != nil {
		t.Errorf("challenges %q without a step", got)
	}
	h := guard.Optional[grant](authenticates[grant]{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := guard.Challenges(r.Context())
		if len(got) != 1 || got[0] != `Bearer realm="x"` {
			t.Errorf("challenges %q", got)
			return
		}
		got[0] = "x" // a copy: no other answer has it
		_, unauthenticated := guard.Authenticated[grant](r.Context())
		_, anonymous := guard.AuthenticatedBy[scoped](r.Context())
		for _, err := range []error{unauthenticated, anonymous} {
			e, ok := errors.AsType[*guard.Error](err)
			if !ok || len(e.Challenges) != 1 {
				t.Errorf("%v", err)
				continue
			}
			e.Challenges[0] = "x" // so is the caller's error
		}
		if again := guard.Challenges(r.Context()); again[0] != `Bearer realm="x"` {
			t.Errorf("challenges %q after a change of the first answer", again)
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// TestContextsPrintNoIdentity: %v, %+v and %#v of a context hold no principal
// and no credential.
func TestContextsPrintNoIdentity(t *testing.T) {
	var outer context.Context
	keep := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { outer = r.Context(); next.ServeHTTP(w, r) })
	}
	mw := guard.Chain(guard.Observe(nil), keep, guard.OnError(guard.JSON), guard.Require(guard.BySubject(bearer(), users)))
	_, reached := serve(t, mw, func(_ http.ResponseWriter, r *http.Request) {
		child, cancel := context.WithCancel(r.Context())
		defer cancel()
		for _, ctx := range []context.Context{r.Context(), child} {
			for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
				if s := fmt.Sprintf(format, ctx); strings.Contains(s, "hunter2") || strings.Contains(s, "name of") {
					t.Errorf("%s: %s", format, s)
				}
			}
		}
		for _, format := range []string{"%v", "%#v"} {
			// The observer's own node holds the request, with the credential in it.
			if s := fmt.Sprintf(format, outer); !strings.HasSuffix(s, ".guard.Observe") || strings.Contains(s, "hunter2") {
				t.Errorf("%s: %s", format, s)
			}
		}
		if s := fmt.Sprintf("%+v", r.Context()); !strings.Contains(s, "guard(guard_test.User)") {
			t.Errorf("printed as %s", s)
		}
	}, "Authorization", "ok:hunter2")
	if !reached {
		t.Error("not reached")
	}
}

type scopeLimited struct{ scopes []string }

func (b scopeLimited) ScopeLimit() ([]string, bool) { return b.scopes, true }

// byHand is an application's middleware that sets the principal.
func byHand(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), account{"3"})))
	})
}

// TestScopeLimits: the limits of a request are those of all its principals and
// credentials, whichever step of the chain they came with.
func TestScopeLimits(t *testing.T) {
	toAccount := func(context.Context, scopeLimited) (account, bool, error) { return account{"1"}, true, nil }
	toGrant := func(context.Context, account) (grant, bool, error) { return "x", true, nil }
	toLimited := func(context.Context, scopeLimited) (scopeLimited, bool, error) {
		return scopeLimited{[]string{"write"}}, true, nil
	}
	key := authenticates[scopeLimited]{scopeLimited{[]string{"read"}}, true}
	pointer := authenticates[*scopeLimited]{&scopeLimited{[]string{"read"}}, true}
	free := guard.Require[account](authenticates[account]{account{"2"}, true})
	other := guard.Require[grant](authenticates[grant]{"x", true})
	mapped := guard.Require[account](guard.Map(key, toAccount))
	for _, tt := range []struct {
		name string
		mw   guard.Middleware
		want string
	}{
		{"mapped", mapped, "read"},
		{"mapped twice", guard.Require[grant](guard.Map(guard.Map(key, toAccount), toGrant)), "read"},
		{"mapped to a limiter", guard.Require[scopeLimited](guard.Map(key, toLimited)), "write|read"},
		{"the principal itself", guard.Require[scopeLimited](key), "read"},
		{"a pointer", guard.Require[*scopeLimited](pointer), "read"},
		{"in an interface", guard.Require[any](guard.Map(key, func(_ context.Context, l scopeLimited) (any, bool, error) { return l, true, nil })), "read|read"},
		{"another step inside", guard.Chain(mapped, other), "read"},
		{"an anonymous step inside", guard.Chain(mapped, guard.Optional[grant](authenticates[grant]{})), "read"},
		{"of another principal", guard.Chain(guard.Require[scopeLimited](key), free), "read"},
		{"replaced inside", guard.Chain(mapped, free), "read"},
		{"by one's own middleware", guard.Chain(guard.Require[scopeLimited](key), byHand), "read"},
		{"by one's own middleware, mapped", guard.Chain(mapped, byHand), "read"},
		{"by one's own middleware, behind another step", guard.Chain(mapped, guard.Optional[grant](authenticates[grant]{}), byHand), "read"},
		{"of two steps", guard.Chain(mapped, guard.Require[*scopeLimited](authenticates[*scopeLimited]{&scopeLimited{[]string{"a", "b"}}, true})), "a b|read"},
		{"nothing is allowed", guard.Require[scopeLimited](authenticates[scopeLimited]{scopeLimited{}, true}), ""},
		{"by one's own middleware, without", guard.Chain(free, byHand), "none"},
		{"no limit", free, "none"},
		{"anonymous", guard.Optional[account](authenticates[account]{}), "none"},
		{"no step", guard.Chain(), "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := tt.mw(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var limits []string
				for _, scopes := range guard.ScopeLimits(r.Context()) {
					limits = append(limits, strings.Join(scopes, " "))
				}
				got := strings.Join(limits, "|")
				if limits == nil {
					got = "none"
				}
				if got != tt.want {
					t.Errorf("limits %q, want %q", got, tt.want)
				}
			}))
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		})
	}
}
