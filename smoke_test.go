package guard_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
)

type User struct{ ID, Name string }
type tok struct{ sub string }

func (t *tok) Sub() string { return t.sub }

type fake struct{}

func (fake) Authenticate(r *http.Request) (*tok, error) {
	switch r.Header.Get("Authorization") {
	case "":
		return nil, guard.ErrNoCredentials
	case "good":
		return &tok{"1"}, nil
	case "err":
		return nil, io.EOF
	}
	return nil, guard.Unauthorized("bad")
}
func (fake) Challenge() string { return `Bearer realm="x"` }

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func TestSmoke(t *testing.T) {
	load := func(_ context.Context, s string) (User, bool, error) { return User{s, "A"}, s == "1", nil }
	m := guard.BySubject(fake{}, load)
	h := guard.Require(m)(guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, u User) {
		c, ok := guard.CredentialFrom[*tok](r.Context())
		io.WriteString(w, u.Name)
		if !ok || c.sub != "1" {
			t.Error("no cred")
		}
	}))
	for _, a := range []string{"", "good", "err", "x"} {
		r := httptest.NewRequest("GET", "/", nil)
		if a != "" {
			r.Header.Set("Authorization", a)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		t.Log(a, w.Code, w.Header(), w.Body)
		d := discard{http.Header{}}
		t.Log(testing.AllocsPerRun(100, func() { clear(d.h); h.ServeHTTP(d, r) }))
	}
}
