//go:build unix

package sqlstore_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// An app is an application with its sessions in SQL.
type app struct{ *session.Manager[string] }

func newApp(t testing.TB, store session.Store) app {
	t.Helper()
	m, err := session.New[string](&session.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return app{m}
}

// do sends a request and returns its status, body and cookie.
func (a app) do(method, target string, cookie *http.Cookie) (int, string, *http.Cookie) {
	r := httptest.NewRequest(method, target, nil)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	var err error
	switch r.URL.Path {
	case "/login":
		_, err = a.Create(w, r, r.URL.Query().Get("as"), "data")
	case "/logout":
		err = a.Destroy(w, r)
	default:
		a.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[string]) {
			fmt.Fprint(w, s.Sub())
		})).ServeHTTP(w, r)
	}
	if err != nil {
		guard.Refuse(w, r, err)
	}
	for _, c := range w.Result().Cookies() {
		cookie = c
	}
	return w.Code, w.Body.String(), cookie
}
