package compose_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/apikey"
	opaque "github.com/go-guard/guard/bearer"
	"github.com/go-guard/guard/clientip"
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

// An app has every package of the module once.
type app struct {
	ways      map[string]way // how to authenticate
	policy    *rbac.Policy[member, string]
	documents *owner.Resource[member, document]
	hidden    *owner.Resource[member, document] // the same, with HideAll
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

func newApp(t testing.TB) *app {
	h := &app{ways: map[string]way{}}
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
	load := func(r *http.Request, _ member) (document, bool, error) {
		h.loads++
		if h.down {
			return document{}, false, errors.New("the database is down")
		}
		return document{"bob"}, r.PathValue("id") == "1", nil
	}
	h.documents = guard.Must(owner.New(load, nil)).Bypass(h.policy.Has("documents:any"))
	h.hidden = guard.Must(owner.New(load, &owner.Options{HideAll: true})).Bypass(h.policy.Has("documents:any"))
	plenty := ratelimit.Limit{Quota: 1_000_000, Window: time.Minute}
	h.byAddress = guard.Must(ratelimit.New(plenty, ratelimit.ByIP(clientip.Direct()), nil))
	h.byMember = guard.Must(ratelimit.New(plenty, ratelimit.ByPrincipal(func(m member) string { return m.id }), nil))
	return h
}

func (h *app) own() guard.Middleware {
	return h.documents.Require(func(m member, d document) bool { return owner.Same(m.id, d.author) })
}

// get asks for a document through a chain; who is "" for nobody.
func (h *app) get(chain guard.Middleware, w way, who, id string) (rec *httptest.ResponseRecorder, reached bool) {
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
