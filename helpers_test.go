package guard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/internal/testing/harness"
)

type User struct{ ID, Name string }

type token struct{ sub string }

func (t *token) Sub() string { return t.sub }

// scheme is an authenticator of tokens in a header: "ok:SUBJECT" is accepted, ""
// is no credential, a key of errs is that error, and anything else is refused.
type scheme struct {
	header, challenge string
	errs              map[string]error
}

func bearer() scheme { return scheme{header: "Authorization", challenge: `Bearer realm="a"`} }

func (s scheme) Authenticate(r *http.Request) (*token, error) {
	v := r.Header.Get(s.header)
	if err, ok := s.errs[v]; ok {
		return nil, err
	}
	switch {
	case v == "":
		return nil, guard.ErrNoCredentials
	case len(v) > 3 && v[:3] == "ok:":
		return &token{v[3:]}, nil
	}
	return nil, guard.Unauthorized("bad " + s.header)
}

func (s scheme) Scheme() guard.Scheme {
	if s.header == "Authorization" {
		return guard.Scheme{Challenge: s.challenge}
	}
	return guard.Scheme{Challenge: s.challenge, Vary: []string{s.header}}
}

// answers is an authenticator that always answers the same.
type answers[P any] struct {
	p   P
	err error
}

func (a answers[P]) Authenticate(*http.Request) (P, error) { return a.p, a.err }
func (answers[P]) Scheme() guard.Scheme                    { return guard.Scheme{Challenge: "Test"} }

// serve runs a GET with header fields through mw around h, which may be nil, and
// reports whether the innermost handler was reached.
func serve(t *testing.T, mw guard.Middleware, h http.HandlerFunc, headers ...string) (w *httptest.ResponseRecorder, reached bool) {
	t.Helper()
	return harness.Serve(t, mw, h, harness.Request("/path", headers...))
}

// refuse is a handler that refuses every request with err.
func refuse(err error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { guard.Refuse(w, r, err) }
}

func pass(next http.Handler) http.Handler { return next }

func users(_ context.Context, id string) (User, bool, error) {
	return User{id, "name of " + id}, id != "gone", nil
}
