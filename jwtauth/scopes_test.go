package jwtauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-guard/guard"
	gates "github.com/go-guard/guard/bearer" // bearer is a helper here
	"github.com/go-guard/guard/guardtest"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/rbac"
)

// permissions are the scopes of Auth0, where a policy grants them.
type permissions struct {
	Permissions []string `json:"permissions"`
}

func (p permissions) Scopes() []string { return p.Permissions }

// realm is the roles of Keycloak.
type realm struct {
	RealmAccess struct {
		Roles []string `json:"roles"`
	} `json:"realm_access"`
}

func (r *realm) Scopes() []string { return r.RealmAccess.Roles }

// client is the roles of one client of Keycloak, by its name.
type client struct {
	ResourceAccess map[string]struct {
		Roles []string `json:"roles"`
	} `json:"resource_access"`
}

func (c client) Scopes() []string { return c.ResourceAccess["orders"].Roles }

// TestMappedScopes: claims with a method Scopes say what a token grants; scope and scp
// do not.
func TestMappedScopes(t *testing.T) {
	const auth0, keycloak = `permissions=["orders:read"]`, `realm_access={"roles":["orders:read"]}`
	verify := func(scopes func(token string) ([]string, error)) func(edits ...string) ([]string, error) {
		return func(edits ...string) ([]string, error) {
			return scopes(forge(jwtHeader, payload(append([]string{"role="}, edits...)...), hs256(secret)))
		}
	}
	byValue := verify(scopesAs[permissions](t))
	byPointer := verify(scopesAs[realm](t))
	byClient := verify(scopesAs[client](t))
	asPointer := verify(scopesAs[*permissions](t))
	for _, tt := range []struct {
		name   string
		verify func(...string) ([]string, error)
		edits  []string
		want   []string
	}{
		{"by value", byValue, []string{auth0}, []string{"orders:read"}},
		{"by pointer", byPointer, []string{keycloak}, []string{"orders:read"}},
		{"as a pointer", asPointer, []string{auth0}, []string{"orders:read"}},
		{"by client", byClient, []string{`resource_access={"account":{"roles":["admin"]},"orders":{"roles":["orders:read"]}}`}, []string{"orders:read"}},
		{"of another client", byClient, []string{`resource_access={"account":{"roles":["admin"]}}`}, nil},
		{"scope does not count", byValue, []string{auth0, `scope="admin"`}, []string{"orders:read"}},
		{"nor alone", byValue, []string{`scope="admin"`, `scp=["admin"]`}, nil},
		{"another case", byPointer, []string{`Realm_access={"roles":["admin"]}`}, nil},
		{"none", byPointer, nil, nil},
	} {
		if got, err := tt.verify(tt.edits...); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
	v := guard.Must(jwtauth.NewVerifier[permissions](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{
		Issuer: "me", Audience: []string{"api"}, Now: atNoon, CacheSize: 10, Scopes: []string{"orders:read"},
	}))
	for claim, want := range map[string]int{auth0: 200, `permissions=["orders:write"]`: 403, `scope="orders:read"`: 403} {
		for range 2 { // the second from the cache
			for name, gate := range map[string]guard.Middleware{"the Verifier's": guard.Chain(), "bearer.Scopes": gates.Scopes("orders:read")} {
				w := httptest.NewRecorder()
				guard.Chain(v.Wrap, gate)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
					ServeHTTP(w, bearerOf(claim))
				if w.Code != want {
					t.Errorf("%s: %s: %d, want %d", name, claim, w.Code, want)
				}
			}
		}
	}
	if got := guardtest.Token("1", permissions{[]string{"a"}}).Scopes(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("guardtest: %q", got)
	}
	if got := guardtest.Token("1", permissions{[]string{"a"}}, "b").Scopes(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("guardtest: %q", got)
	}
}

func bearerOf(edits ...string) *http.Request {
	return bearer(forge(jwtHeader, payload(edits...), hs256(secret)))
}

// scopesAs returns a function that verifies tokens with claims C.
func scopesAs[C any](t *testing.T) func(token string) ([]string, error) {
	v := guard.Must(jwtauth.NewVerifier[C](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{Issuer: "me", Audience: []string{"api"}, Now: atNoon}))
	return func(token string) ([]string, error) {
		tok, err := v.Verify(t.Context(), token)
		if err != nil {
			return nil, err
		}
		return tok.Scopes(), nil
	}
}

type permission string

// TestScopesLimit: the scopes of a token bound what the roles of its user grant, where
// its issuer says so.
func TestScopesLimit(t *testing.T) {
	policy := guard.Must(rbac.New(rbac.Spec[permission]{
		Permissions: []permission{"posts:read", "posts:delete"},
		Roles:       map[string]rbac.Role[permission]{"admin": {Grants: []permission{"posts:read", "posts:delete"}}},
	}, func(u string) string { return "admin" }, nil))
	load := func(_ context.Context, subject string) (string, bool, error) { return subject, true, nil }
	opts := func(limit bool) *jwtauth.VerifierOptions {
		return &jwtauth.VerifierOptions{
			Issuer: "me", Audience: []string{"api"}, Now: atNoon, CacheSize: 10, ScopesLimit: limit,
			Trust: []jwtauth.Trust{{Issuer: "idp", Keys: jwtauth.HMAC("HS256", otherSecret), Audience: []string{"api"}, Prefix: "idp:", ScopesLimit: true}},
		}
	}
	mine := func(edits ...string) string { return forge(jwtHeader, payload(edits...), hs256(secret)) }
	theirs := func(edits ...string) string {
		return forge(jwtHeader, payload(append([]string{`iss="idp"`}, edits...)...), hs256(otherSecret))
	}
	const reads, deletes, wildcard = `scope="openid posts:read"`, `scope="posts:delete"`, `scope="posts:*"`
	for _, tt := range []struct {
		name         string
		limit        bool
		token        string
		read, delete int
	}{
		{"not limited", false, mine(reads), 200, 200},
		{"not limited, no scope", false, mine(), 200, 200},
		{"limited", true, mine(reads), 200, 403},
		{"limited to the other", true, mine(deletes), 403, 200},
		{"limited by a wildcard", true, mine(wildcard), 200, 200},
		{"limited, no scope", true, mine(), 403, 403},
		{"limited, a bad scope", true, mine("scope=7"), 403, 403},
		{"limited, by another issuer", false, theirs(reads), 200, 403},
	} {
		v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), opts(tt.limit)))
		users := guard.BySubject(v, load)
		mapped := guard.Map(v, func(ctx context.Context, tok *jwtauth.Token[profile]) (string, bool, error) {
			return load(ctx, tok.Sub())
		})
		again := guard.Map(users, func(ctx context.Context, s string) (string, bool, error) { return s, true, nil })
		for way, auth := range map[string]guard.Middleware{
			"BySubject": users.Wrap, "Map": mapped.Wrap, "Map of Map": again.Wrap, "Optional": guard.Optional(users), "Lenient": guard.Lenient(users),
			"an inner principal": guard.Chain(users.Wrap, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(w, r.WithContext(guard.WithPrincipal(r.Context(), "root")))
				})
			}),
		} {
			for perm, want := range map[permission]int{"posts:read": tt.read, "posts:delete": tt.delete} {
				for range 2 { // the second from the cache
					w := httptest.NewRecorder()
					guard.Chain(auth, policy.RequireAll(perm))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, bearer(tt.token))
					if w.Code != want {
						t.Errorf("%s, %s, %s: %d, want %d", tt.name, way, perm, w.Code, want)
					}
				}
			}
		}
	}
}

// TestScopesLimitOfAnIssuer: IssuerOptions has it, and Trust keeps it.
func TestScopesLimitOfAnIssuer(t *testing.T) {
	for _, limit := range []bool{false, true} {
		i := guard.Must(jwtauth.NewIssuer[profile](jwtauth.HMAC("HS256", secret), &jwtauth.IssuerOptions{ScopesLimit: limit}))
		tok := sendToken(t, i.Verifier(), tokenOf(t, i)).token
		if _, limited := tok.ScopeLimit(); limited != limit || i.Trust().ScopesLimit != limit {
			t.Errorf("%t: limited %t", limit, limited)
		}
	}
	if scopes, limited := guardtest.Token("1", profile{}, "a").ScopeLimit(); limited {
		t.Error(fmt.Sprint(scopes))
	}
}

// TestMappedTokenThatLosesItsLimit: an authenticator that embeds a Mapped of tokens is
// a mistake in the wiring, as it would lose their limit.
func TestMappedTokenThatLosesItsLimit(t *testing.T) {
	type embeds struct {
		*guard.Mapped[*jwtauth.Token[profile], string]
	}
	v := guard.Must(jwtauth.NewVerifier[profile](jwtauth.HMAC("HS256", secret), &jwtauth.VerifierOptions{ScopesLimit: true}))
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	guard.Require[string](embeds{guard.BySubject(v, func(context.Context, string) (string, bool, error) { return "", false, nil })})
}
