package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// Each defect of another session package is a property that is checked on two
// sites: a copy of that package's behaviour must fail it, which proves the check,
// and a site with this package must pass.

// A site counts in its session.
type site interface {
	wrap(next http.Handler) http.Handler
	login(w http.ResponseWriter, r *http.Request)
	logout(w http.ResponseWriter, r *http.Request)
	add(w http.ResponseWriter, r *http.Request, meanwhile func()) // adds one and calls meanwhile between read and write
	count(r *http.Request) int
	logoutEverywhere()
	fail() // makes the store fail from here on
}

// A browser visits a site and keeps its cookie.
type browser struct {
	*testing.T
	site
	cookie *http.Cookie
}

func (b *browser) do(h http.HandlerFunc) (status int, body string) {
	r := httptest.NewRequest("POST", "https://example.com/", nil)
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w := httptest.NewRecorder()
	b.wrap(h).ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if b.cookie = c; c.MaxAge < 0 {
			b.cookie = nil
		}
	}
	return res.StatusCode, w.Body.String()
}

func (b *browser) page() (int, string) {
	return b.do(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "count: %d", b.count(r)) })
}

var defects = []struct {
	name string
	has  func(b *browser) error // with a browser that is signed in
}{
	{"a destroyed session is created again by a request in flight (scs, fiber)", func(b *browser) error {
		tab := &browser{b.T, b.site, b.cookie}
		b.do(func(w http.ResponseWriter, r *http.Request) { b.add(w, r, func() { tab.do(b.logout) }) })
		return unless(b.isOut())
	}},
	{"one of two parallel updates is lost (scs)", func(b *browser) error {
		tab := &browser{b.T, b.site, b.cookie}
		addOne := func(w http.ResponseWriter, r *http.Request) { tab.add(w, r, func() {}) }
		b.do(func(w http.ResponseWriter, r *http.Request) { b.add(w, r, func() { tab.do(addOne) }) })
		_, body := b.page()
		return unless(body == "count: 2", body)
	}},
	{"the cookie is lost where the handler flushes (scs)", func(b *browser) error {
		b.cookie = nil
		b.do(func(w http.ResponseWriter, r *http.Request) {
			b.login(w, r)
			_ = http.NewResponseController(w).Flush()
			fmt.Fprint(w, "welcome")
		})
		return unless(b.cookie != nil, "no cookie")
	}},
	{"an outage is a 500 with the handler's page appended (scs)", func(b *browser) error {
		b.fail()
		status, body := b.page()
		return unless(status == 503 && !strings.Contains(body, "count"), status, body)
	}},
	{"the old cookie works after logout (gorilla)", func(b *browser) error {
		old := b.cookie
		b.do(b.logout)
		b.cookie = old
		return unless(b.isOut())
	}},
	{"scripts can read the cookie (gorilla)", func(b *browser) error {
		return unless(b.cookie.HttpOnly, b.cookie)
	}},
	{"a subdomain or a plain http page can set the cookie (all)", func(b *browser) error {
		return unless(strings.HasPrefix(b.cookie.Name, "__Host-") && b.cookie.Secure && b.cookie.Path == "/" && b.cookie.Domain == "", b.cookie)
	}},
	{"logging out everywhere deletes nothing where tokens are hashed (scs)", func(b *browser) error {
		b.logoutEverywhere()
		return unless(b.isOut())
	}},
}

// isOut reports whether the browser is signed out, with the status and body it got.
func (b *browser) isOut() (bool, int, string) {
	status, body := b.page()
	return status == 401, status, body
}

func unless(ok bool, seen ...any) error {
	if ok {
		return nil
	}
	return errors.New(fmt.Sprint(seen...))
}

func TestDefectsOfPeers(t *testing.T) {
	for _, tt := range defects {
		t.Run(tt.name, func(t *testing.T) {
			theirs, mine := &browser{T: t, site: newCopied(tt.name)}, &browser{T: t, site: newOurs(t)}
			for _, b := range []*browser{theirs, mine} {
				b.do(b.login)
			}
			if err := tt.has(theirs); err == nil {
				t.Error("the copy passes, so the check proves nothing")
			}
			if err := tt.has(mine); err != nil {
				t.Errorf("this package fails: %v", err)
			}
		})
	}
}

// ours is a site that uses this package.
type ours struct {
	t       *testing.T
	m       *session.Manager[struct{ N int }]
	other   *session.Manager[struct{ N int }] // of another process
	methods *string
}

func newOurs(t *testing.T) *ours {
	methods := new(string)
	opts := &session.Options{Store: failing(newMemory(t, nil), methods)}
	return &ours{t, guard.Must(session.New[struct{ N int }](opts)), guard.Must(session.New[struct{ N int }](opts)), methods}
}

// wrap is Require except for the login, as in a mux.
func (o *ours) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Cookies()) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		o.m.Wrap(next).ServeHTTP(w, r)
	})
}

func (o *ours) login(w http.ResponseWriter, r *http.Request) {
	if _, err := o.m.Create(w, r, "alice", struct{ N int }{}); err != nil {
		o.t.Error(err)
	}
}

func (o *ours) logout(w http.ResponseWriter, r *http.Request) {
	if err := o.m.Destroy(w, r); err != nil {
		o.t.Error(err)
	}
}

func (o *ours) of(r *http.Request) *session.Session[struct{ N int }] {
	s, _ := guard.PrincipalFrom[*session.Session[struct{ N int }]](r.Context())
	return s
}

func (o *ours) add(w http.ResponseWriter, r *http.Request, meanwhile func()) {
	_, err := o.m.Update(r.Context(), o.of(r), func(d *struct{ N int }) error {
		o.m, o.other = o.other, o.m
		meanwhile()
		o.m, o.other = o.other, o.m
		meanwhile = func() {} // Update calls this function again
		d.N++
		return nil
	})
	if err != nil {
		guard.Refuse(w, r, err)
	}
}

func (o *ours) count(r *http.Request) int { return o.of(r).Data().N }
func (o *ours) logoutEverywhere()         { _, _ = o.m.DestroyAll(context.Background(), "alice") }
func (o *ours) fail()                     { *o.methods = "Load" }
