package guard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	opaque "github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/clientip"
	"github.com/go-guard/guard/internal/testing/race"
	"github.com/go-guard/guard/jwtauth"
	"github.com/go-guard/guard/owner"
	"github.com/go-guard/guard/ratelimit"
	"github.com/go-guard/guard/rbac"
	"github.com/go-guard/guard/session"
)

// A member is the principal of the composed chains.
type member struct {
	id    string
	roles []string
}

var members = map[string]member{
	"bob": {"bob", []string{"user"}}, "alice": {"alice", []string{"user"}},
	"root": {"root", []string{"admin"}}, "guest": {"guest", []string{"guest"}},
}

func memberByID(_ context.Context, id string) (member, bool, error) {
	m, found := members[id]
	return m, found, nil
}

type document struct{ author string }

// A house has every package of the module once.
type house struct {
	ways      map[string]way // how to authenticate
	policy    *rbac.Policy[member, string]
	documents *owner.Resource[member, document]
	byAddress *ratelimit.Limiter
	byMember  *ratelimit.Limiter
	loads     int
	down      bool // whether the database is
}

// A way is an authentication step, and how a request proves who it is to it.
type way struct {
	step  guard.Middleware
	prove func(r *http.Request, id string)
}

func newHouse(t testing.TB) *house {
	h := &house{ways: map[string]way{}}
	header := func(name, prefix string, tokens map[string]string) func(*http.Request, string) {
		return func(r *http.Request, id string) { r.Header.Set(name, prefix+tokens[id]) }
	}
	keys := guard.Must(apikey.New(func(_ context.Context, key string) (member, bool, error) {
		return memberByID(context.Background(), strings.TrimPrefix(key, "key_"))
	}, nil))
	ring := guard.Must(apikey.NewRing(nil))
	ids := guard.Must(opaque.New(func(ctx context.Context, token string) (member, bool, error) { return memberByID(ctx, token) }, nil))
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", bytes.Repeat([]byte("k"), 32)), nil))
	sessions := guard.Must(session.New[struct{}](nil))
	issued, raw, jwts, cookies := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for id := range members {
		k, _, err := ring.Issue(t.Context(), apikey.Grant{Subject: id})
		issued[id], raw[id] = k.Reveal(), "key_"+id
		tokens, err2 := issuer.Issue(id, struct{}{})
		w := httptest.NewRecorder()
		_, err3 := sessions.Create(w, httptest.NewRequest("POST", "/login", nil), id, struct{}{})
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		jwts[id], cookies[id] = tokens.AccessToken, w.Result().Cookies()[0].Value
	}
	managed, jwt := guard.BySubject(ring, memberByID), guard.BySubject(issuer.Verifier(), memberByID)
	signedIn := guard.BySubject(sessions, memberByID)
	cookie := func(r *http.Request, id string) {
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: cookies[id]})
	}
	h.ways["apikey"] = way{keys.Wrap, header("X-API-Key", "", raw)}
	h.ways["ring"] = way{managed.Wrap, header("X-API-Key", "", issued)}
	h.ways["bearer"] = way{ids.Wrap, func(r *http.Request, id string) { r.Header.Set("Authorization", "Bearer "+id) }}
	h.ways["jwt"] = way{jwt.Wrap, header("Authorization", "Bearer ", jwts)}
	h.ways["session"] = way{signedIn.Wrap, cookie}
	all := []guard.Authenticator[member]{managed, keys, jwt, signedIn}
	h.ways["any: ring"] = way{guard.Require(all...), header("X-API-Key", "", issued)}
	h.ways["any: jwt"] = way{guard.Require(all...), header("Authorization", "Bearer ", jwts)}
	h.ways["optional: session"] = way{guard.Optional(all...), cookie}
	h.ways["lenient: key"] = way{guard.Lenient(all...), header("X-API-Key", "", raw)}

	h.policy = guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"documents:write", "documents:any"},
		Roles: map[string]rbac.Role[string]{
			"admin": {Grants: []string{"*"}, Inherits: []string{"user"}}, "user": {Grants: []string{"documents:write"}}, "guest": {},
		},
	}, func(m member) []string { return m.roles }, nil))
	h.documents = guard.Must(owner.New(func(r *http.Request, _ member) (document, bool, error) {
		h.loads++
		if h.down {
			return document{}, false, errors.New("the database is down")
		}
		return document{"bob"}, r.PathValue("id") == "1", nil
	}, nil)).Bypass(h.policy.Has("documents:any"))
	plenty := ratelimit.Limit{Quota: 1_000_000, Window: time.Minute}
	h.byAddress = guard.Must(ratelimit.New(plenty, ratelimit.ByIP(clientip.Direct()), nil))
	h.byMember = guard.Must(ratelimit.New(plenty, ratelimit.ByPrincipal(func(m member) string { return m.id }), nil))
	return h
}

func (h *house) own() guard.Middleware {
	return h.documents.Require(func(m member, d document) bool { return owner.Same(m.id, d.author) })
}

// get asks for a document through a chain; who is "" for nobody.
func (h *house) get(chain guard.Middleware, w way, who, id string) (rec *httptest.ResponseRecorder, reached bool) {
	mux := http.NewServeMux()
	mux.Handle("GET /documents/{id}", chain(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })))
	r := httptest.NewRequest("GET", "/documents/"+id, nil)
	if who != "" {
		w.prove(r, who)
	}
	rec = httptest.NewRecorder()
	h.loads = 0
	mux.ServeHTTP(rec, r)
	return rec, reached
}

// TestOrderTable is the table of the guide, for every way to authenticate and
// every guard in front of the loader.
func TestOrderTable(t *testing.T) {
	h := newHouse(t)
	gates := map[string]guard.Middleware{
		"role": h.policy.RequireRole("user"), "permission": h.policy.RequireAll("documents:write"), "any": h.policy.RequireAny("documents:any", "documents:write"),
	}
	table := []struct {
		who    string
		exists int // the status for an existing document
		hidden int // the same where others' are hidden
		absent int // the status for a missing one
		loads  int
	}{
		{"", 401, 401, 401, 0},
		{"guest", 403, 403, 403, 0},
		{"alice", 403, 404, 404, 1},
		{"bob", 200, 200, 404, 1},
		{"root", 200, 200, 404, 1},
	}
	hidden := h.documents.HideAll().Require(func(m member, d document) bool { return owner.Same(m.id, d.author) })
	for name, w := range h.ways {
		for gate, g := range gates {
			plain, hide := guard.Chain(h.byAddress.Wrap, w.step, h.byMember.Wrap, g, h.own()), guard.Chain(w.step, g, hidden)
			for _, row := range table {
				for _, c := range []struct {
					chain guard.Middleware
					id    string
					want  int
				}{{plain, "1", row.exists}, {plain, "9", row.absent}, {hide, "1", row.hidden}, {hide, "9", row.absent}} {
					rec, reached := h.get(c.chain, w, row.who, c.id)
					if rec.Code != c.want || reached != (c.want == 200) || h.loads != row.loads {
						t.Errorf("%s, %s: %q gets %d for %s after %d loads, want %d after %d", name, gate, row.who, rec.Code, c.id, h.loads, c.want, row.loads)
					}
					if (rec.Code == 401) != (rec.Header().Get("WWW-Authenticate") != "") {
						t.Errorf("%s, %s: %q gets the challenge %q with %d", name, gate, row.who, rec.Header().Get("WWW-Authenticate"), rec.Code)
					}
				}
				// Whoever may not see a document cannot tell one from none.
				one, _ := h.get(hide, w, row.who, "1")
				none, _ := h.get(hide, w, row.who, "9")
				if row.hidden == row.absent && !sameAnswer(one, none) {
					t.Errorf("%s, %s: %q tells a document from none: %v %s; %v %s", name, gate, row.who, one.Header(), one.Body, none.Header(), none.Body)
				}
			}
			h.down = true
			if rec, reached := h.get(plain, w, "alice", "9"); rec.Code != 500 || reached {
				t.Errorf("%s, %s: a database that is down is %d", name, gate, rec.Code)
			}
			h.down = false
		}
	}
}

func sameAnswer(a, b *httptest.ResponseRecorder) bool {
	return a.Code == b.Code && bytes.Equal(a.Body.Bytes(), b.Body.Bytes()) && fmt.Sprint(a.Result().Header) == fmt.Sprint(b.Result().Header)
}

// TestAnyOrder: in whatever order the guards of a route stand, nobody gets in
// who would not in the right one. Those who may get in do where authentication
// stands in front of what asks for a principal, and are 401 elsewhere; nothing
// else is asked before there is a principal.
func TestAnyOrder(t *testing.T) {
	h := newHouse(t)
	for name, w := range h.ways {
		steps := []struct {
			name  string
			asks  bool // for a principal
			guard guard.Middleware
		}{
			{"auth", false, w.step}, {"address", false, h.byAddress.Wrap}, {"member", true, h.byMember.Wrap},
			{"role", true, h.policy.RequireRole("user")}, {"owner", true, h.own()},
		}
		for _, order := range permutations(len(steps)) {
			var chain []guard.Middleware
			var names []string
			sensible, authenticated := true, false
			for _, i := range order {
				chain, names = append(chain, steps[i].guard), append(names, steps[i].name)
				authenticated = authenticated || steps[i].name == "auth"
				sensible = sensible && (authenticated || !steps[i].asks)
			}
			for who, want := range map[string]int{"": 401, "guest": 403, "alice": 403, "bob": 200, "root": 200} {
				rec, reached := h.get(guard.Chain(chain...), w, who, "1")
				if !sensible {
					want = 401
				}
				if rec.Code != want || reached != (want == 200) {
					t.Errorf("%s: %v: %q gets %d, want %d", name, names, who, rec.Code, want)
				}
				if (who == "" || !sensible) && h.loads > 0 {
					t.Errorf("%s: %v: %q makes us load", name, names, who)
				}
			}
		}
	}
}

func permutations(n int) (all [][]int) {
	var rest func(done []int)
	rest = func(done []int) {
		if len(done) == n {
			all = append(all, slices.Clone(done))
			return
		}
		for i := range n {
			if !slices.Contains(done, i) {
				rest(append(done, i))
			}
		}
	}
	rest(nil)
	return all
}

// TestWrongPrincipalNeverOpens: guards for one principal behind a step for
// another are a wiring mistake: 500 with both types in the log, and no load.
func TestWrongPrincipalNeverOpens(t *testing.T) {
	h := newHouse(t)
	var log bytes.Buffer
	observe := guard.Observe(guard.LogTo(slog.New(slog.NewTextHandler(&log, nil)), nil))
	raw := guard.Must(apikey.New(func(context.Context, string) (*member, bool, error) { return &member{"bob", nil}, true, nil }, nil))
	prove := way{prove: func(r *http.Request, id string) { r.Header.Set("X-API-Key", id) }}
	for name, g := range map[string]guard.Middleware{
		"role": h.policy.RequireRole("user"), "permission": h.policy.RequireAll("documents:write"), "owner": h.own(), "load": h.documents.Load,
		"limit": h.byMember.Wrap, "handler": func(http.Handler) http.Handler {
			return guard.HandlerFunc(func(http.ResponseWriter, *http.Request, member) { t.Error("reached") })
		},
	} {
		log.Reset()
		rec, reached := h.get(guard.Chain(observe, raw.Wrap, g), prove, "bob", "1")
		if rec.Code != 500 || reached || h.loads > 0 {
			t.Errorf("%s: %d, reached %t, %d loads", name, rec.Code, reached, h.loads)
		}
		if s := log.String(); !strings.Contains(s, "ERROR") || !strings.Contains(s, "type guard_test.member") || !strings.Contains(s, "as *guard_test.member") {
			t.Errorf("%s: the log has %s", name, s)
		}
		if strings.Contains(rec.Body.String(), "member") {
			t.Errorf("%s: the client reads %s", name, rec.Body)
		}
	}
}

// TestInnerStepTakesOver: what guards found for an outer principal does not
// hold for the one that an inner step puts in its place.
func TestInnerStepTakesOver(t *testing.T) {
	h := newHouse(t)
	outer, inner := h.ways["session"], h.ways["jwt"]
	both := way{prove: func(r *http.Request, who string) {
		outer.prove(r, "root")
		if who != "nobody" {
			inner.prove(r, who)
		}
	}}
	gate := h.policy.RequireRole("admin")
	for who, want := range map[string]int{"root": 200, "bob": 403, "nobody": 401} {
		if rec, reached := h.get(guard.Chain(outer.step, gate, inner.step, gate), both, who, "1"); rec.Code != want || reached != (want == 200) {
			t.Errorf("%s behind an admin gets %d, want %d", who, rec.Code, want)
		}
	}
}

// TestScopesAreACeiling: a key may do what its subject and its scopes may, in
// gates and in the owner's bypass; a ring shares "Bearer" with JWTs, which have
// no such bound.
func TestScopesAreACeiling(t *testing.T) {
	ring := guard.Must(apikey.NewRing(&apikey.RingOptions{Sources: []apikey.Source{apikey.Authorization("Bearer")}}))
	issuer := guard.Must(jwtauth.NewIssuer[struct{}](jwtauth.HMAC("HS256", bytes.Repeat([]byte("k"), 32)), nil))
	policy := guard.Must(rbac.New(rbac.Spec[string]{
		Permissions: []string{"documents:write", "documents:any"},
		Roles:       map[string]rbac.Role[string]{"admin": {Grants: []string{"*"}}},
	}, func(m member) []string { return m.roles }, &rbac.Options{ScopeLimit: func(ctx context.Context) ([]string, bool) {
		rec, limited := guard.CredentialFrom[*apikey.Record](ctx)
		if !limited {
			return nil, false
		}
		return rec.Scopes, true
	}}))
	documents := guard.Must(owner.New(func(*http.Request, member) (document, bool, error) { return document{"bob"}, true, nil }, nil))
	own := documents.Bypass(policy.Has("documents:any")).Require(func(m member, d document) bool { return owner.Same(m.id, d.author) })
	step := guard.Require[member](guard.BySubject(ring, memberByID), guard.BySubject(issuer.Verifier(), memberByID))
	chain := guard.Chain(step, policy.RequireAll("documents:write"), own)
	h := &house{}
	ask := func(token string) *httptest.ResponseRecorder {
		rec, _ := h.get(chain, way{prove: func(r *http.Request, _ string) { r.Header.Set("Authorization", "Bearer "+token) }}, "root", "1")
		return rec
	}
	for scopes, want := range map[string]int{"": 403, "documents:write": 403, "documents:any": 403, "documents:write documents:any": 200, "documents:*": 200, "*": 200} {
		grant := apikey.Grant{Subject: "root"}
		if scopes != "" {
			grant.Scopes = strings.Fields(scopes)
		}
		key, _, err := ring.Issue(t.Context(), grant)
		if err != nil {
			t.Fatal(err)
		}
		rec := ask(key.Reveal())
		if rec.Code != want {
			t.Errorf("a key for %q gets %d %s, want %d", scopes, rec.Code, rec.Body, want)
		}
		insufficient := `Bearer error="insufficient_scope", scope="documents:write"`
		if got := rec.Header().Get("WWW-Authenticate"); !strings.Contains(scopes, "documents:write") && want == 403 && got != insufficient {
			t.Errorf("a key for %q gets the challenge %q", scopes, got)
		}
	}
	tokens, err := issuer.Issue("root", struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if rec := ask(tokens.AccessToken); rec.Code != 200 {
		t.Errorf("a JWT gets %d %s", rec.Code, rec.Body)
	}
	if rec := ask("ak_live_x"); rec.Code != 401 || !strings.Contains(rec.Body.String(), "Invalid API key") {
		t.Errorf("a malformed key gets %d %s", rec.Code, rec.Body)
	}
}

// TestZeroValuesAreClosed: what was not made by its New lets nobody on.
func TestZeroValuesAreClosed(t *testing.T) {
	prove := way{prove: func(r *http.Request, _ string) {
		r.Header.Set("X-API-Key", "x")
		r.Header.Set("Authorization", "Bearer x")
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: "x"})
	}}
	h := &house{}
	for name, m := range map[string]func() guard.Middleware{
		"apikey":   func() guard.Middleware { return (&apikey.Keys[member]{}).Wrap },
		"ring":     func() guard.Middleware { return (&apikey.Ring{}).Wrap },
		"bearer":   func() guard.Middleware { return (&opaque.Tokens[member]{}).Wrap },
		"jwtauth":  func() guard.Middleware { return (&jwtauth.Verifier[struct{}]{}).Wrap },
		"session":  func() guard.Middleware { return (&session.Manager[struct{}]{}).Wrap },
		"rbac":     func() guard.Middleware { return (&rbac.Policy[member, string]{}).RequireAll("x") },
		"owner":    func() guard.Middleware { return (&owner.Resource[member, document]{}).Load },
		"limit":    func() guard.Middleware { return (&ratelimit.Limiter{}).Wrap },
		"optional": func() guard.Middleware { return guard.Optional(&apikey.Keys[member]{}) },
	} {
		for _, who := range []string{"", "bob"} {
			func() {
				defer func() { _ = recover() }() // a panic lets nobody on either
				rec, reached := h.get(m(), prove, who, "1")
				if reached || rec.Code < 400 {
					t.Errorf("%s: a zero value lets %q on: %d", name, who, rec.Code)
				}
			}()
		}
	}
}

// TestProtectedRoute is the budget of a whole route: ServeMux, one of two ways
// to authenticate, a permission and a loaded document.
func TestProtectedRoute(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	h := newHouse(t)
	for name, budget := range map[string]float64{"any: ring": 8, "apikey": 8} {
		w := h.ways[name]
		mux := http.NewServeMux()
		mux.Handle("GET /documents/{id}", guard.Chain(w.step, h.policy.RequireAll("documents:write"), h.own())(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		r := httptest.NewRequest("GET", "/documents/1", nil)
		w.prove(r, "bob")
		d := newDiscard()
		mux.ServeHTTP(d, r)
		got := testing.AllocsPerRun(200, func() { clear(d.h); mux.ServeHTTP(d, r) })
		t.Logf("%s: %v allocations", name, got)
		if got > budget {
			t.Errorf("%s: %v allocations, want at most %v", name, got, budget)
		}
	}
}
