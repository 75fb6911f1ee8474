package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gorilla/sessions"

	"github.com/go-guard/guard"
	"github.com/go-guard/guard/session"
)

// Every implementation serves an authenticated GET: it reads the cookie, finds the
// session and passes its e-mail and role to the handler.
type profile struct {
	Email string `json:"email"`
	Role  string `json:"role"`
}

var alice = profile{"alice@example.com", "admin"}

const subject = "0b7ff94a-1e"

// ourSessions returns a handler behind a manager with one session, and a request with
// its cookie.
func ourSessions(store session.Store) (http.Handler, *http.Request, error) {
	m, err := session.New[profile](&session.Options{Store: store})
	if err != nil {
		return nil, nil, err
	}
	w := httptest.NewRecorder()
	if _, err := m.Create(w, httptest.NewRequest("POST", "/login", nil), subject, alice); err != nil {
		return nil, nil, err
	}
	return m.Wrap(guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session[profile]) {
		check(s.Data() == alice, "guard's session")
		w.WriteHeader(200)
	})), withCookies(w), nil
}

// withCookies returns a request with the cookies that w sets.
func withCookies(w *httptest.ResponseRecorder) *http.Request {
	r := request("/")
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	return r
}

// scsSessions returns alexedwards/scs as in its README. Unlike guard, it has no idle
// timeout by default; with one it writes the session on every request.
func scsSessions(store scs.Store, idle time.Duration) (http.Handler, *http.Request) {
	m := scs.New()
	m.Store = store
	m.IdleTimeout = idle
	w := httptest.NewRecorder()
	m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		m.Put(r.Context(), "subject", subject)
		m.Put(r.Context(), "email", alice.Email)
		m.Put(r.Context(), "role", alice.Role)
	})).ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
	return m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		check(profile{m.GetString(r.Context(), "email"), m.GetString(r.Context(), "role")} == alice, "scs's session")
		check(m.GetString(r.Context(), "subject") == subject, "scs's subject")
		w.WriteHeader(200)
	})), withCookies(w)
}

// gorillaSessions returns gorilla/sessions with its store that keeps the session in a
// signed cookie.
func gorillaSessions() (http.Handler, *http.Request) {
	store := sessions.NewCookieStore(secret)
	w := httptest.NewRecorder()
	login := httptest.NewRequest("POST", "/login", nil)
	s := guard.Must(store.Get(login, "session"))
	s.Values["subject"], s.Values["email"], s.Values["role"] = subject, alice.Email, alice.Role
	check(s.Save(login, w) == nil, "gorilla's login")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), ctxKey{}, 0)) // its registry would return the session of the last call
		s, err := store.Get(r, "session")
		check(err == nil, "gorilla's error")
		check(s.Values["email"] == alice.Email, "gorilla's session")
		w.WriteHeader(200)
	}), withCookies(w)
}

type ctxKey struct{}

// bareMap returns the lower bound: it reads the cookie and finds a map entry.
func bareMap() (http.Handler, *http.Request) {
	data, _ := json.Marshal(alice)
	m := map[string][]byte{"token": data}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("session")
		check(err == nil, "cookie")
		if _, found := m[c.Value]; !found {
			panic("bench: session")
		}
		w.WriteHeader(200)
	}), request("/", "Cookie", "session=token")
}

func sessionGET(settings) (comparison, error) {
	h, r, err := ourSessions(guard.Must(session.NewMemory(nil)))
	if err != nil {
		return comparison{}, err
	}
	scsH, scsR := scsSessions(memstore.NewWithCleanupInterval(0), 0)
	idleH, idleR := scsSessions(memstore.NewWithCleanupInterval(0), 30*time.Minute)
	gorillaH, gorillaR := gorillaSessions()
	mapH, mapR := bareMap()
	return comparison{
		benchmarks: []benchmark{
			{"guard: GET with a session", ours, serving(h, r, 200)},
			{"guard: GET, 8 goroutines", ours, parallel(8, func() func(int) { return serving(h, r, 200) })},
			{"scs: memstore", peer, serving(scsH, scsR, 200)},
			{"scs: memstore, 8 goroutines", peer, parallel(8, func() func(int) { return serving(scsH, scsR, 200) })},
			{"scs: memstore, idle timeout", peer, serving(idleH, idleR, 200)},
			{"gorilla/sessions: cookie store", peer, serving(gorillaH, gorillaR, 200)},
			{"bare cookie and map", lowerBound, serving(mapH, mapR, 200)},
		},
		bars: []bar{
			allocs("guard: GET with a session", 2),
			heapBytes("guard: GET with a session", 416), // 16 for Cache-Control: private
			ratio("guard: GET with a session", "scs: memstore", 1.0/15),
			ratio("guard: GET, 8 goroutines", "guard: GET with a session", 1),
		},
	}, nil
}

// sessionMemory fills the store through the manager. Every session has a different
// subject, so that the sizes include the index by subject.
func sessionMemory(set settings) (comparison, error) {
	fill := func() (*session.Memory, *session.Manager[profile]) {
		store := guard.Must(session.NewMemory(&session.MemoryOptions{Max: 1 << 20}))
		return store, guard.Must(session.New[profile](&session.Options{Store: store, TouchEvery: 29 * time.Minute})) // also in a slow run, no GET writes
	}
	login := httptest.NewRequest("POST", "/login", nil)
	create := func(m *session.Manager[profile], i int) string {
		w := &discard{header: http.Header{}}
		_, err := m.Create(w, login, strconv.Itoa(i), alice)
		check(err == nil, "login")
		cookie, _, _ := strings.Cut(w.header.Get("Set-Cookie"), ";")
		return cookie
	}
	const cookieBytes = len("__Host-session=") + 43
	var cookies strings.Builder // one string: the requests allocate none
	cookies.Grow(cookieBytes * set.fill)
	_, single := fill()
	singleCookie := create(single, 0)

	before := heap()
	store, m := fill()
	for i := range set.fill {
		cookies.WriteString(create(m, i))
	}
	size := (heap() - before) / float64(set.fill)
	get := requesting(m.Wrap(ok), set.fill, func(i int) string { return cookies.String()[cookieBytes*i:][:cookieBytes] })
	get(set.fill) // uses every session once
	used := (heap() - before) / float64(set.fill)
	runtime.KeepAlive(store)

	stall := longestStall(3, func() func(int) { _, m := fill(); return func(i int) { create(m, i) } }, set.fill)

	const scsCookieBytes = len("session=") + 43
	var scsCookies strings.Builder
	scsCookies.Grow(scsCookieBytes * set.fill)
	before = heap()
	sm := scs.New()
	sm.Store = memstore.NewWithCleanupInterval(0)
	for range set.fill {
		ctx := guard.Must(sm.Load(context.Background(), ""))
		sm.Put(ctx, "subject", subject)
		sm.Put(ctx, "email", alice.Email)
		sm.Put(ctx, "role", alice.Role)
		token, _, err := sm.Commit(ctx)
		check(err == nil, "scs commit")
		scsCookies.WriteString("session=" + token)
	}
	scsSize := (heap() - before) / float64(set.fill)
	scsGET := requesting(sm.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		check(sm.GetString(r.Context(), "subject") == subject, "scs's session")
		w.WriteHeader(200)
	})), set.fill, func(i int) string { return scsCookies.String()[scsCookieBytes*i:][:scsCookieBytes] })

	row, bare := bareMapOf(set.fill)
	text := guard.Must(json.Marshal(alice))
	one, only := "guard: GET, one of many sessions", "guard: GET, the only session"
	const scsOne = "scs memstore: GET, one of many sessions"
	return comparison{
		benchmarks: []benchmark{
			row,
			{"bare json.Unmarshal", lowerBound, func(n int) {
				for range n {
					check(json.Unmarshal(text, new(profile)) == nil, "JSON")
				}
			}},
			{only, ours, requesting(single.Wrap(ok), 1, func(int) string { return singleCookie })},
			{one, ours, get},
			{scsOne, peer, scsGET},
		},
		facts: []Fact{
			{"guard: bytes a session, its subject's index included", size, "B"},
			{"guard: bytes a session once it was used", used, "B"},
			{"scs memstore: bytes a session, no index", scsSize, "B"},
			{"guard: longest stall while filling", stall, "ms"},
			{"guard: bytes a session, in times of scs memstore", size / scsSize, ""},
			bare,
		},
		bars: []bar{
			factAtMost("guard: bytes a session, its subject's index included", 320),
			factAtMost("guard: bytes a session, in times of scs memstore", 0.75),
			ratio(one, scsOne, 0.35),
			factAtMost("guard: bytes a session once it was used", 320),
			factAtMost("guard: longest stall while filling", 1),
			allocs(one, 4),
			ratio(one, row.name, 14), // what remains is mostly the latency of memory
		},
	}, nil
}

// requesting returns a benchmark of requests with different sessions, in a scattered
// order.
func requesting(h http.Handler, sessions int, cookie func(i int) string) func(int) {
	at := 0
	r, w := request("/", "Cookie", ""), &discard{header: http.Header{}}
	return func(n int) {
		for range n {
			at = (at + 7919) % sessions
			r.Header["Cookie"][0] = cookie(at)
			w.status = 200
			h.ServeHTTP(w, r)
			check(w.status == 200, "one of many sessions")
			clear(w.header)
		}
	}
}
