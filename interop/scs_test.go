package interop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/interop"
	"github.com/go-guard/guard/session"
)

type scsVisit struct{ Name string }

// A moving is an application that carries the sessions of scs over.
type moving struct {
	old      *scs.SessionManager
	sessions *session.Manager[scsVisit]
	handler  http.Handler
}

func newSCS() *scs.SessionManager {
	old := scs.New()
	old.Store = memstore.NewWithCleanupInterval(0)
	return old
}

func newMoving(old *scs.SessionManager) *moving {
	m := &moving{old: old, sessions: guard.Must(session.New[scsVisit](nil))}
	m.handler = (&interop.FromSCS[scsVisit]{
		Old: m.old, New: m.sessions,
		Read: func(ctx context.Context, old *scs.SessionManager) (string, scsVisit) {
			return old.GetString(ctx, "userID"), scsVisit{old.GetString(ctx, "name")}
		},
	}).Wrap(m.sessions.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[scsVisit]) {
		fmt.Fprint(w, s.Sub(), " ", s.Data().Name)
	})))
	return m
}

// signIn returns the cookie of an old session.
func (m *moving) signIn(t *testing.T, userID string) *http.Cookie {
	t.Helper()
	ctx, err := m.old.Load(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	m.old.Put(ctx, "userID", userID)
	m.old.Put(ctx, "name", "Alice")
	token, _, err := m.old.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Cookie{Name: "session", Value: token}
}

// send returns the answer, with a cookie by name.
func (m *moving) send(method string, header http.Header, cookies ...*http.Cookie) (*httptest.ResponseRecorder, map[string]*http.Cookie) {
	r := httptest.NewRequest(method, "https://example.com/", nil)
	for name, values := range header {
		r.Header[name] = values
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	set := map[string]*http.Cookie{}
	for _, c := range w.Result().Cookies() {
		set[c.Name] = c
	}
	return w, set
}

// TestFromSCS: an old session is a new one within one request, with its data and what
// is left of its lifetime, and the old one has ended.
func TestFromSCS(t *testing.T) {
	m := newMoving(newSCS())
	old := m.signIn(t, "1")
	w, set := m.send("GET", nil, old)
	if w.Code != 200 || w.Body.String() != "1 Alice" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	next := set["__Host-session"]
	if next == nil || next.MaxAge < 24*3600-60 || next.MaxAge > 24*3600 || set["session"] == nil || set["session"].MaxAge >= 0 {
		t.Fatal(w.Header()["Set-Cookie"])
	}
	if cache := w.Header()["Cache-Control"]; len(cache) != 1 || cache[0] != "no-store" {
		t.Errorf("a shared cache may keep a private page: %q", cache)
	}
	if _, found, _ := m.old.Store.Find(old.Value); found {
		t.Error("the old session lives")
	}
	for _, cookies := range [][]*http.Cookie{{next}, {next, old}, {old, next}} {
		if w, set := m.send("GET", nil, cookies...); w.Body.String() != "1 Alice" || len(set) != 0 {
			t.Errorf("%v: %d %s, %v", cookies, w.Code, w.Body, set)
		}
	}
	// Signed out: the old cookie is worth nothing.
	if _, err := m.sessions.DestroyAll(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	if w, _ := m.send("GET", nil, old); w.Code != 401 {
		t.Errorf("after a logout, the old cookie: %d %s", w.Code, w.Body)
	}
}

// TestFromSCSInParallel: requests of one browser get one session.
func TestFromSCSInParallel(t *testing.T) {
	scsManager := newSCS() // it starts a goroutine
	synctest.Test(t, func(t *testing.T) {
		m := newMoving(scsManager)
		old := m.signIn(t, "1")
		var mu sync.Mutex
		tokens := map[string]int{}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				w, set := m.send("GET", nil, old)
				if w.Body.String() != "1 Alice" || set["__Host-session"] == nil {
					t.Errorf("%d %s", w.Code, w.Body)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				tokens[set["__Host-session"].Value]++
			})
		}
		wg.Wait()
		list, err := m.sessions.List(t.Context(), "1")
		if len(tokens) != 1 || len(list) != 1 || err != nil {
			t.Errorf("%d cookies, %d sessions, %v", len(tokens), len(list), err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if w, _ := m.send("GET", nil, old); w.Code != 401 {
			t.Errorf("ten seconds later: %d %s", w.Code, w.Body)
		}
	})
}

// TestFromSCSCarriesNothing: what is no session of a user stays as it is.
func TestFromSCSCarriesNothing(t *testing.T) {
	m := newMoving(newSCS())
	user, anonymous := m.signIn(t, "1"), m.signIn(t, "")
	for name, tt := range map[string]struct {
		site   string
		cookie *http.Cookie
	}{
		"another cookie": {"same-origin", &http.Cookie{Name: "other", Value: user.Value}},
		"unknown":        {"same-origin", &http.Cookie{Name: "session", Value: "x"}},
		"anonymous":      {"same-origin", anonymous},
		"another origin": {"cross-site", user},
	} {
		if w, set := m.send("POST", http.Header{"Sec-Fetch-Site": {tt.site}}, tt.cookie); w.Code != 401 || len(set) != 0 {
			t.Errorf("%s: %d %s, %v", name, w.Code, w.Body, set)
		}
	}
	if w, _ := m.send("POST", http.Header{"Sec-Fetch-Site": {"same-origin"}}, user); w.Body.String() != "1 Alice" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestFromSCSFailure: a store that is down is no logout, and the next request works.
func TestFromSCSFailure(t *testing.T) {
	scsManager := newSCS()
	store := &failing{Store: scsManager.Store, down: true}
	scsManager.Store = store
	synctest.Test(t, func(t *testing.T) {
		m := newMoving(scsManager)
		old := m.signIn(t, "1")
		if w, set := m.send("GET", nil, old); w.Code != 500 || len(set) != 0 {
			t.Errorf("%d %s, %v", w.Code, w.Body, set)
		}
		synctest.Wait()
		store.down = false
		if w, _ := m.send("GET", nil, old); w.Body.String() != "1 Alice" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

type failing struct {
	scs.Store
	down bool
}

func (f *failing) Delete(token string) error {
	if f.down {
		return errors.New("down")
	}
	return f.Store.Delete(token)
}

// TestDocsSCS: docs/moving.md shows scs.go as it is compiled and tested here.
func TestDocsSCS(t *testing.T) {
	_, code, found := strings.Cut(read(t, "scs.go"), "\n// FromSCS ")
	if page := read(t, "../docs/moving.md"); !found || !strings.Contains(page, code) {
		t.Error("docs/moving.md differs from interop/scs.go")
	}
}
