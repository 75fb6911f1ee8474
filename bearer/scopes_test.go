package bearer_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/internal/testing/race"
)

// granted is a bearer.Scoped, as a token is.
type granted struct{ scopes []string }

func (g *granted) Scopes() []string { return g.scopes }

// record is a guard.ScopeLimiter, as the record of an API key is.
type record struct{ scopes []string }

func (k record) ScopeLimit() ([]string, bool) { return k.scopes, len(k.scopes) > 0 }

// signed is both, as a token of package jwtauth is, which has a limit only by choice.
type signed struct {
	granted
	limited bool
}

func (s *signed) ScopeLimit() ([]string, bool) { return s.scopes, s.limited }

func byScopes(_ context.Context, token string) (*granted, bool, error) {
	return &granted{strings.Split(token, "~")}, true, nil
}

func anyScope(context.Context, record) (record, bool, error) {
	return record{[]string{"a", "b"}}, true, nil
}

func toUser(context.Context, *granted) (user, bool, error) { return user{"1", "Alice"}, true, nil }

func TestScopes(t *testing.T) {
	plain := guard.Must(bearer.New(byScopes, &bearer.Options{Realm: "r"}))
	asUser := guard.Must(bearer.New(verify, nil))
	keys := guard.Must(bearer.New(func(_ context.Context, token string) (record, bool, error) {
		if token == "unlimited" {
			return record{}, true, nil
		}
		return record{[]string{token}}, true, nil
	}, nil))
	jwts := func(limited bool) *bearer.Tokens[*signed] {
		return guard.Must(bearer.New(func(_ context.Context, token string) (*signed, bool, error) {
			return &signed{granted{strings.Split(token, "~")}, limited}, true, nil
		}, nil))
	}
	signedUser := func(context.Context, *signed) (user, bool, error) { return user{"1", "Alice"}, true, nil }
	ab, any := bearer.Scopes("a", "b"), bearer.AnyScope("a", "b")
	tests := []struct {
		name      string
		auth      guard.Middleware
		gate      guard.Middleware
		header    string
		want      int
		challenge string
	}{
		{"all", plain.Wrap, ab, "Bearer b~c~a", 200, ""},
		{"one of all", plain.Wrap, ab, "Bearer a", 403, `Bearer realm="r", error="insufficient_scope", scope="a b"`},
		{"another case", plain.Wrap, ab, "Bearer A~B", 403, `Bearer realm="r", error="insufficient_scope", scope="a b"`},
		{"a prefix", plain.Wrap, bearer.Scopes("ab"), "Bearer a", 403, `Bearer realm="r", error="insufficient_scope", scope="ab"`},
		{"any", plain.Wrap, any, "Bearer b", 200, ""},
		{"none of any", plain.Wrap, any, "Bearer c", 403, `Bearer realm="r", error="insufficient_scope", scope="a"`},
		{"mapped", guard.Map(plain, toUser).Wrap, ab, "Bearer a~b", 200, ""},
		{"mapped, refused", guard.Map(plain, toUser).Wrap, ab, "Bearer a", 403, `Bearer realm="r", error="insufficient_scope", scope="a b"`},
		{"a limit", keys.Wrap, bearer.Scopes("a"), "Bearer a", 200, ""},
		{"a limit, refused", keys.Wrap, bearer.Scopes("a"), "Bearer b", 403, `Bearer error="insufficient_scope", scope="a"`},
		{"no limit grants no scope", keys.Wrap, bearer.Scopes("a"), "Bearer unlimited", 403, `Bearer error="insufficient_scope", scope="a"`},
		{"no limit beside scopes", guard.Chain(keys.Wrap, plain.Wrap), bearer.Scopes("unlimited"), "Bearer unlimited", 403, `Bearer realm="r", error="insufficient_scope", scope="unlimited"`},
		{"a limit and scopes", guard.Chain(keys.Wrap, plain.Wrap), bearer.Scopes("a"), "Bearer a", 200, ""},
		{"scopes do not add up", guard.Chain(keys.Wrap, plain.Wrap), bearer.Scopes("a"), "Bearer a~b", 403, `Bearer realm="r", error="insufficient_scope", scope="a"`},
		{"a hidden limit", guard.Chain(keys.Wrap, guard.Map(keys, anyScope).Wrap), bearer.AnyScope("a", "b"), "Bearer b", 200, ""},
		{"no scope in both", guard.Chain(keys.Wrap, plain.Wrap), any, "Bearer a~b", 403, `Bearer realm="r", error="insufficient_scope", scope="a"`},
		{"a limiter without a limit has scopes by name", jwts(false).Wrap, ab, "Bearer a~b", 200, ""},
		{"and no others", jwts(false).Wrap, ab, "Bearer a", 403, `Bearer error="insufficient_scope", scope="a b"`},
		{"mapped, too", guard.Map(jwts(false), signedUser).Wrap, ab, "Bearer a~b", 200, ""},
		{"as one with a limit", guard.Map(jwts(true), signedUser).Wrap, ab, "Bearer a~b", 200, ""},
		{"it hides no key without one", guard.Chain(keys.Wrap, jwts(false).Wrap), bearer.Scopes("unlimited"), "Bearer unlimited", 403, `Bearer error="insufficient_scope", scope="unlimited"`},
		{"nor one with a limit", guard.Chain(keys.Wrap, jwts(false).Wrap), bearer.Scopes("a"), "Bearer a~b", 403, `Bearer error="insufficient_scope", scope="a"`},
		{"no token", plain.Wrap, ab, "", 401, `Bearer realm="r"`},
		{"anonymous", guard.Optional(plain), ab, "", 401, `Bearer realm="r"`},
		{"without authentication", guard.Chain(), ab, "Bearer a~b", 500, ""},
		{"an outer step's", guard.Chain(plain.Wrap, asUser.Wrap), bearer.Scopes("valid_token_123"), "Bearer valid_token_123", 200, ""},
		{"an outer step's, refused", guard.Chain(plain.Wrap, asUser.Wrap), ab, "Bearer valid_token_123", 403, `Bearer error="insufficient_scope", scope="a b"`},
		{"no scopes at all", asUser.Wrap, ab, "Bearer valid_token_123", 500, ""},
		{"no scopes in this credential", guard.Require(asUser, guard.Map(plain, toUser)), ab, "Bearer valid_token_123", 403, `Bearer error="insufficient_scope", scope="a b"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request()
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			w, reached := serve(t, guard.Chain(tt.auth, tt.gate), r)
			if w.Code != tt.want || reached != (tt.want == 200) {
				t.Errorf("status %d, reached %t; want %d", w.Code, reached, tt.want)
			}
			if got := strings.Join(w.Header()["Www-Authenticate"], "|"); got != tt.challenge {
				t.Errorf("challenge %s, want %s", got, tt.challenge)
			}
			if tt.want == 403 && w.Body.String() != `{"error":"Forbidden","message":"Insufficient scope"}` {
				t.Errorf("body %s", w.Body)
			}
		})
	}
}

func TestScopesAreObserved(t *testing.T) {
	var got []string
	observe := guard.Observe(func(_ *http.Request, d guard.Decision) {
		got = append(got, d.Package+" "+d.Guard+" "+string(d.Outcome)+" "+d.Reason)
	})
	tokens := guard.Must(bearer.New(byScopes, nil))
	mw := guard.Chain(observe, tokens.Wrap, bearer.Scopes("a"), bearer.AnyScope("b", "c"))
	serve(t, mw, request("Bearer a"))
	want := "bearer  allowed |bearer scope a allowed |bearer any scope b c refused bearer: the credential lacks a scope"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
}

func TestScopesPanicAtWiring(t *testing.T) {
	const written = " is not a scope-token (RFC 6749, section 3.3): want one scope, without spaces"
	for name, tt := range map[string]struct {
		wire func()
		want string
	}{
		"empty":       {func() { bearer.Scopes("") }, `""` + written},
		"a space":     {func() { bearer.Scopes("a b") }, `"a b"` + written},
		"a quote":     {func() { bearer.AnyScope("a", `b"`) }, `"b\""` + written},
		"backslash":   {func() { bearer.Scopes(`a\`) }, `"a\\"` + written},
		"not ASCII":   {func() { bearer.Scopes("ä") }, `"ä"` + written},
		"nil handler": {func() { bearer.Scopes("a")(nil) }, "bearer: "},
		"nil func":    {func() { bearer.Scopes("a")(http.HandlerFunc(nil)) }, "bearer: "},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), tt.want) {
					t.Errorf("panic %v", p)
				}
			}()
			tt.wire()
		})
	}
}

func TestScopesAllocateNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	tokens := guard.Must(bearer.New(byScopes, nil))
	keys := guard.Must(bearer.New(func(context.Context, string) (*record, bool, error) {
		return &record{[]string{"a"}}, true, nil
	}, nil))
	for _, tt := range []struct{ auth, gate guard.Middleware }{
		{tokens.Wrap, bearer.Scopes("a", "b")}, {tokens.Wrap, bearer.AnyScope("x", "b")}, {keys.Wrap, bearer.Scopes("a")}, {guard.Chain(keys.Wrap, tokens.Wrap), bearer.AnyScope("c", "a")},
	} {
		var got float64
		var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := tt.gate(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			got = testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) })
		})
		tt.auth(h).ServeHTTP(httptest.NewRecorder(), request("Bearer a~b"))
		if got != 0 {
			t.Errorf("%v allocations", got)
		}
	}
}
